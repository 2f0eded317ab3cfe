"""`WatchedQueue`: a production adapter as its worker sees it, with every call told as history."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable
from typing import TypeVar

from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.task import HandBack, Lease, Outcome
from cloud_tasks.errors import LeaseLostError, QueueUnavailableError
from cloud_tasks.interfaces import TaskQueue
from simulation.happenings import CallAnswered, CallIssued
from simulation.history import History
from simulation.hosts import Host
from simulation.link_calls import Asked, about
from simulation.loop import SimulationLoop

T = TypeVar("T")


class Wishes:
    """What workers want to become of leases: a service is told less than that.

    SQS and Pub/Sub know no hand-back and no dead letter, only timeouts and deletes.
    """

    def __init__(self) -> None:
        self._settlements: dict[str, Asked] = {}

    def note(self, asked: Asked) -> None:
        """A worker asks for a settlement."""
        self._settlements[asked.receipt] = asked

    def settlement(self, receipt: str) -> Asked | None:
        """What the worker last wanted to become of a lease; None: it has not said yet."""
        return self._settlements.get(receipt)

    def hand_back(self, receipt: str, seconds: float) -> Asked | None:
        """The hand-back that a timeout of so many seconds is meant as; None: it is not meant as one."""
        wish = self._settlements.get(receipt)
        if wish is None or wish.operation != "nack" or not wish.seconds <= seconds < wish.seconds + 1:
            return None
        return wish


class WatchedQueue:
    """A `TaskQueue` that passes everything on.

    Args:
        inner: The adapter.
        host: The worker.
        loop: Time.
        history: Told of each call and each answer.
        wishes: Told of what is to become of each lease.
    """

    def __init__(
        self, inner: TaskQueue, host: Host, loop: SimulationLoop, history: History, wishes: Wishes
    ) -> None:
        self._inner = inner
        self._worker = host.name
        self._loop = loop
        self._history = history
        self._wishes = wishes
        self._numbers = itertools.count(1)

    @property
    def capabilities(self) -> QueueCapabilities:
        """Those of the adapter."""
        return self._inner.capabilities

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        """Lease some tasks."""
        asked = Asked(operation="receive", seconds=wait_s, tasks_max=tasks_max)
        return await self._call(asked, self._inner.receive(tasks_max, wait_s))

    async def extend(self, lease: Lease, seconds: float) -> Lease:
        """Make a lease longer."""
        return await self._call(about("extend", lease, seconds=seconds), self._inner.extend(lease, seconds))

    async def ack(self, lease: Lease, outcome: Outcome) -> None:
        """Settle for good."""
        await self._settle(about("ack", lease, outcome=outcome), self._inner.ack(lease, outcome))

    async def nack(self, lease: Lease, delay_s: float, reason: HandBack) -> None:
        """Hand back."""
        asked = about("nack", lease, seconds=delay_s, reason=reason.value)
        await self._settle(asked, self._inner.nack(lease, delay_s, reason))

    async def dead_letter(self, lease: Lease, reason: str) -> None:
        """Put with the dead letters."""
        asked = about("dead_letter", lease, reason=reason)
        await self._settle(asked, self._inner.dead_letter(lease, reason))

    async def aclose(self) -> None:
        """Let go."""
        await self._inner.aclose()

    async def _settle(self, asked: Asked, work: Awaitable[None]) -> None:
        self._wishes.note(asked)
        await self._call(asked, work)

    async def _call(self, asked: Asked, work: Awaitable[T]) -> T:
        number = next(self._numbers)
        self._history.tell(
            CallIssued(
                at=self._loop.now,
                worker=self._worker,
                operation=asked.operation,
                task_id=asked.task_id,
                number=number,
                receipt=asked.receipt,
                seconds=asked.seconds,
                tasks_max=asked.tasks_max,
                reason=asked.reason,
                outcome=asked.outcome,
            )
        )
        try:
            answer = await work
        except (Exception, asyncio.CancelledError) as error:
            self._tell_answer(asked, number, error, ())
            raise
        self._tell_answer(asked, number, None, _brought(answer))
        return answer

    def _tell_answer(
        self, asked: Asked, number: int, error: BaseException | None, leases: tuple[Lease, ...]
    ) -> None:
        cancelled = isinstance(error, asyncio.CancelledError)
        if cancelled and self._loop.is_closed():
            return
        self._history.tell(
            CallAnswered(
                at=self._loop.now,
                worker=self._worker,
                operation=asked.operation,
                number=number,
                task_id=asked.task_id,
                error=_name(error),
                count=len(leases) if asked.operation == "receive" else 0,
                leases=leases,
                heard=not cancelled,
            )
        )


def _name(error: BaseException | None) -> str:
    """What a worker makes of an error; adapters have finer ones."""
    kinds = (LeaseLostError, QueueUnavailableError)
    known = next((kind for kind in kinds if isinstance(error, kind)), type(error))
    return "" if error is None else known.__name__


def _brought(answer: object) -> tuple[Lease, ...]:
    """The leases in an answer, without what an adapter keeps in them."""
    leases = answer if isinstance(answer, list) else [answer] if isinstance(answer, Lease) else []
    return tuple(
        Lease(one.task, one.key, one.receipt, one.duration_s, one.delivery_count, one.interruptions)
        for one in leases
    )
