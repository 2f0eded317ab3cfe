"""Tasks that are dispatched, on their way to a driver."""

from __future__ import annotations

from typing import Protocol

from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import QueueDriver, TaskSender
from cloud_tasks.task_app.serializing import Serializer


class EnqueuedTeller(Protocol):
    """Somebody who is told of each task that was dispatched."""

    async def enqueued(self, task_id: str, name: str, queue: str) -> None:
        """A task is in its queue. Failures are nobody's concern, and none is raised."""
        ...

    async def aclose(self) -> None:
        """Let go."""
        ...


class DriverOutbox:
    """Puts tasks into the queues of one driver.

    Args:
        driver: The driver, connected.
        default_queue: Where tasks go whose function names no queue.
        teller: Who is told of each; None: nobody.
        owned: Whether the driver is disconnected with this.
        serializer: What writes arguments; None: JSON.
    """

    def __init__(
        self,
        driver: QueueDriver,
        default_queue: str,
        teller: EnqueuedTeller | None,
        *,
        owned: bool,
        serializer: Serializer | None = None,
    ) -> None:
        self.serializer = serializer
        self._driver = driver
        self._default_queue = default_queue
        self._teller = teller
        self._owned = owned
        self._senders: dict[str, TaskSender] = {}

    async def send(self, queue: str | None, task: Task, delay_s: float, name: str) -> None:
        """Put a task into a queue."""
        target = queue or self._default_queue
        sender = self._senders.get(target)
        if sender is None:
            sender = self._senders[target] = self._driver.sender(target)
        await sender.send(task, delay_s)
        if self._teller is not None:
            await self._teller.enqueued(task.task_id, name, target)

    async def aclose(self) -> None:
        """Let go of the driver, if it is ours."""
        if self._teller is not None:
            await self._teller.aclose()
        if self._owned:
            await self._driver.disconnect()
