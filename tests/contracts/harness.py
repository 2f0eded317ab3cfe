"""What the contract suite needs to know of a backend, and the two ways of letting time pass."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol, TypeVar

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import Clock, TaskQueue
from fakes.clock import VirtualClock

T = TypeVar("T")


IDLE_STEP_S = 0.002
"""Adapters gather calls for a moment of the loop's own time, which is real here."""
IDLE_STEPS_MAX = 1_000
"""So many of these steps without anything that waits for virtual time, and nothing is under way."""


class QueueHarness(Protocol):
    """One backend, as the contract suite drives it. Every test gets a new one.

    Attributes:
        lease_s: How long the leases are that `receive` gives, where they expire at all.
        patience_s: How long to wait for a task that is known to be there; well below `lease_s` if leases
            expire.
        strict_receipts: Whether a receipt that is out of date, expired or settled is refused always; where
            False, such a call may also pass without effect.
        keeps_order: Whether tasks come in the order in which they were sent.
        virtual: Whether hours cost nothing.
        delays_sends: Whether a task can be sent with a delay.
        text_only: Whether messages must be text.
    """

    lease_s: float
    patience_s: float
    strict_receipts: bool
    keeps_order: bool
    virtual: bool
    delays_sends: bool
    text_only: bool

    @property
    def clock(self) -> Clock:
        """The clock that the backend's leases follow."""
        ...

    async def open(self) -> TaskQueue:
        """An open queue, empty at first. Called once."""
        ...

    async def send(self, *tasks: Task) -> None:
        """Let these tasks arrive in the queue."""
        ...

    async def send_raw(self, body: bytes) -> None:
        """Let a message arrive that is not a task."""
        ...

    async def end(self) -> None:
        """Say that nothing more will come (finite backends only)."""
        ...

    async def dead_letters(self) -> list[tuple[bytes, str]]:
        """Bodies and reasons in the dead-letter queue (where there is one)."""
        ...

    async def advance(self, seconds: float) -> None:
        """Let time pass."""
        ...

    async def drive(self, call: Awaitable[T]) -> T:
        """Await a call that may wait for time to pass."""
        ...

    async def aclose(self) -> None:
        """Tidy up after the test, the queue included."""
        ...


class VirtualTime:
    """Time for backends on a `VirtualClock`."""

    virtual = True
    delays_sends = True

    def __init__(self) -> None:
        self.clock = VirtualClock()

    async def advance(self, seconds: float) -> None:
        await self.clock.run_for(seconds)

    async def drive(self, call: Awaitable[T]) -> T:
        task = asyncio.ensure_future(call)
        await self.clock.run_for(0)
        idle = 0
        while not task.done():
            moment = self.clock.next_deadline()
            if moment is None:
                idle += 1
                assert idle < IDLE_STEPS_MAX, "the call waits for something that no passing of time brings"
                await asyncio.sleep(IDLE_STEP_S)
            else:
                await self.clock.run_for(moment - self.clock.monotonic())
        return task.result()


class RealTime:
    """Time for backends that follow the machine's clock."""

    virtual = False
    delays_sends = True

    def __init__(self) -> None:
        self.clock = SystemClock()

    async def advance(self, seconds: float) -> None:
        await self.clock.sleep_until(self.clock.monotonic() + seconds)

    async def drive(self, call: Awaitable[T]) -> T:
        return await call
