"""Calls that go wrong by plan."""

from __future__ import annotations

from typing import Final

from cloud_tasks.interfaces import Clock
from fakes.conductor.calls import DONE, NOTHING, Call, Reply
from fakes.conductor.errors import throttled, unavailable
from fakes.conductor.faulty_polls import Strike, poll
from fakes.conductor.operations import Operation, read_result, task_id_of
from fakes.conductor.service import ConductorService
from fakes.faults import FaultInjector, FaultKind, FaultRule

_POLLS: Final = ("poll", "batch_poll")
_UPDATES: Final = ("update_task", "update_task_v2", "update_task_by_name")
_WITHOUT_EFFECT: Final = (*_UPDATES, "add_log")
"""What may be answered and not have been done."""
_REFUSALS = {FaultKind.THROTTLE: throttled, FaultKind.UNAVAILABLE: unavailable}


class NoReplyError(Exception):
    """The connection is to be closed without an answer."""


async def carry_out(service: ConductorService, operation: Operation, call: Call) -> Reply:
    """Carry out a call.

    Raises:
        ConductorError: The server refuses it.
    """
    answer = operation.act(service, call)
    return answer if isinstance(answer, Reply) else await answer


def _answer_alone(service: ConductorService, operation: Operation, call: Call) -> Reply:
    """Answer a call as if it had been carried out, and do nothing; what would be refused is refused."""
    if operation.name not in _UPDATES:
        return DONE
    result = read_result(service, operation.name, call)
    service.check_result(result)
    return NOTHING if operation.name == "update_task_v2" else task_id_of(result)


class Faulty:
    """Carries out calls, and lets go wrong what a plan says.

    Args:
        injector: Decides what strikes.
        clock: For delays.
    """

    def __init__(self, injector: FaultInjector, clock: Clock) -> None:
        self._injector = injector
        self._clock = clock

    async def carry_out(self, service: ConductorService, operation: Operation, call: Call) -> Reply:
        """Carry out a call, or part of it.

        Raises:
            ConductorError: The server refuses it, or a fault does.
            NoReplyError: Nobody is to learn what has become of it.
        """
        struck = self._injector.decide(operation.name)
        await self._delay(struck)
        rules = {rule.kind: rule for rule in struck}
        self._refuse(rules)
        reply = await self._act(service, operation, call, rules)
        if FaultKind.EFFECT_WITHOUT_REPLY in rules:
            self._injector.had_effect(rules[FaultKind.EFFECT_WITHOUT_REPLY])
            raise NoReplyError
        return reply

    async def _act(
        self, service: ConductorService, operation: Operation, call: Call, rules: dict[FaultKind, FaultRule]
    ) -> Reply:
        empty = rules.get(FaultKind.REPLY_WITHOUT_EFFECT)
        if empty is not None and operation.name in _WITHOUT_EFFECT:
            reply = _answer_alone(service, operation, call)
            self._injector.had_effect(empty)
            return reply
        if rules and operation.name in _POLLS:
            return await poll(service, operation, call, Strike(self._injector, rules))
        return await carry_out(service, operation, call)

    async def _delay(self, struck: tuple[FaultRule, ...]) -> None:
        """Several delays of one call add up."""
        delays = [rule for rule in struck if rule.kind is FaultKind.DELAY]
        if delays:
            for rule in delays:
                self._injector.had_effect(rule)
            await self._clock.sleep_until(self._clock.monotonic() + sum(rule.delay_s for rule in delays))

    def _refuse(self, rules: dict[FaultKind, FaultRule]) -> None:
        for kind, error in _REFUSALS.items():
            if kind in rules:
                self._injector.had_effect(rules[kind])
                raise error()
