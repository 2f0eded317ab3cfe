"""What queues by name have in common that are opened with their first receive."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from cloud_tasks.core.task import HandBack, Lease, Outcome
from cloud_tasks.errors import LeaseLostError
from cloud_tasks.interfaces import TaskQueue

Q = TypeVar("Q", bound=TaskQueue)


class QueueOpenedLate(ABC, Generic[Q]):
    """A `TaskQueue` but for `receive` and `capabilities`: the queue behind it is opened when it is asked.

    What is settled was received, so the queue is open by then.
    """

    def __init__(self) -> None:
        self._queue: Q | None = None
        self._opening = asyncio.Lock()
        self._closed = False

    @abstractmethod
    async def _open(self) -> Q:
        """The queue; opened if it is not."""

    async def extend(self, lease: Lease, seconds: float) -> Lease:
        """Make the lease end `seconds` from now; see `TaskQueue`."""
        return await self._ours(lease).extend(lease, seconds)

    async def ack(self, lease: Lease, outcome: Outcome) -> None:
        """Settle for good; see `TaskQueue`."""
        await self._ours(lease).ack(lease, outcome)

    async def nack(self, lease: Lease, delay_s: float, reason: HandBack) -> None:
        """Hand back; see `TaskQueue`."""
        await self._ours(lease).nack(lease, delay_s, reason)

    async def dead_letter(self, lease: Lease, reason: str) -> None:
        """Put the message where dead letters are; see `TaskQueue`."""
        await self._ours(lease).dead_letter(lease, reason)

    async def aclose(self) -> None:
        """Send home who waits, and send what is on its way; the connection is the driver's."""
        self._closed = True
        if self._queue is not None:
            await self._queue.aclose()

    def _ours(self, lease: Lease) -> Q:
        if self._queue is None:
            raise LeaseLostError(f"message {lease.key} is not ours")
        return self._queue
