"""Polls that go wrong by plan."""

from __future__ import annotations

import random
from collections.abc import Mapping

from fakes.conductor.calls import Call, Reply, json, json_or_nothing
from fakes.conductor.operations import Operation, PollAsk, read_poll
from fakes.conductor.service import ConductorService
from fakes.faults import FaultInjector, FaultKind, FaultRule

_SKIPPED_MAX = 100
"""How many places a task may fall back at a time."""


class Strike:
    """The faults that strike one call.

    Args:
        injector: Told which of them made a difference.
        rules: The faults.

    Attributes:
        random: For what is left to chance.
    """

    def __init__(self, injector: FaultInjector, rules: Mapping[FaultKind, FaultRule]) -> None:
        self.random: random.Random = injector.random
        self._injector = injector
        self._rules = rules

    def hits(self, kind: FaultKind, *, if_ever: bool = True) -> bool:
        """Whether a kind of fault strikes, and makes a difference; it is noted then."""
        if kind not in self._rules or not if_ever:
            return False
        self._injector.had_effect(self._rules[kind])
        return True


async def poll(service: ConductorService, operation: Operation, call: Call, strike: Strike) -> Reply:
    """Hand out tasks, with faults.

    Raises:
        ConductorError: The server refuses it.
    """
    asked = read_poll(service, operation.name, call)
    ready = service.polling.ready_count(asked.task_type, asked.domain)
    if strike.hits(FaultKind.EMPTY_RECEIVE, if_ever=ready > 0):
        taken = []
    else:
        _disturb(service, asked, ready, strike)
        taken = await service.polling.wait_and_take(
            asked.task_type, asked.worker, asked.domain, asked.count, asked.wait_s
        )
        if strike.hits(FaultKind.DUPLICATE, if_ever=bool(taken)):
            for task in taken:
                service.polling.give_again(task.task_id)
    return json(taken) if operation.name == "batch_poll" else json_or_nothing(taken[0] if taken else None)


def _disturb(service: ConductorService, asked: PollAsk, ready: int, strike: Strike) -> None:
    """Change which tasks are handed out, and how many."""
    if strike.hits(FaultKind.REORDER, if_ever=ready > 1):
        places = strike.random.randint(1, min(ready - 1, _SKIPPED_MAX))
        service.polling.skip(asked.task_type, asked.domain, places)
    if strike.hits(FaultKind.SHORT_RECEIVE, if_ever=min(asked.count, ready) > 1):
        asked.count = strike.random.randint(1, min(asked.count, ready) - 1)
