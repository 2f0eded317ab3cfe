"""`LocalQueue`: the tasks of a file or of the user's own generator, as a `TaskQueue`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from cloud_tasks.core.arguments import check_not_negative, check_positive, check_receive
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.task import HandBack, Lease, MalformedTask, Outcome, Task
from cloud_tasks.errors import EndOfTasks, LeaseLostError, SourceFailedError
from cloud_tasks.queues.source_reader import SourceReader

READ_AHEAD_MAX = 1000
"""How many tasks are read before they are asked for."""


def task_as_it_is(item: object) -> Task | MalformedTask:
    """Take tasks as they are, and everything else for malformed; the default of `LocalQueue`."""
    if isinstance(item, Task | MalformedTask):
        return item
    return MalformedTask(repr(item).encode(errors="replace"), f"expected a Task, got {type(item).__name__}")


class LocalQueue:
    """Hands out the items of an iterator, each once; nothing ever comes back.

    The iterator is the user's code and may block, raise, or never end. It is driven by a thread of its own,
    a bounded number of items ahead; `receive` never waits for it longer than it was told to. Leases never
    expire. What is handed back with `nack` is dropped: recording it is the caller's business.

    Args:
        tasks: A function without arguments that returns an iterable, or an iterable. Both the call and the
            iteration happen in the thread, from the first `receive` on.
        convert: Makes a task of each item, in the thread.
        read_ahead_max: How many items are read, at most, before they are asked for.
    """

    def __init__(
        self,
        tasks: Callable[[], Iterable[object]] | Iterable[object],
        *,
        convert: Callable[[object], Task | MalformedTask] = task_as_it_is,
        read_ahead_max: int = READ_AHEAD_MAX,
    ) -> None:
        check_positive("read_ahead_max", read_ahead_max)
        self._reader = SourceReader(tasks, convert, read_ahead_max)
        self._failure_told = False
        self._handed_out = 0
        self._outstanding: set[str] = set()
        self._capabilities = QueueCapabilities(
            renewable=False, requeues=False, batch_size_max=read_ahead_max, finite=True, immediate=True
        )

    @property
    def capabilities(self) -> QueueCapabilities:
        """Finite, never waits but in `receive`, knows no redelivery."""
        return self._capabilities

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        """Hand out up to `tasks_max` tasks; without suspending if some have been read. See `TaskQueue`.

        Raises:
            SourceFailedError: The iterator raised, and all that it gave before has been handed out. Told
                once; `EndOfTasks` from then on.
            EndOfTasks: All has been handed out.
        """
        check_receive(tasks_max, wait_s)
        reader = self._reader
        tasks = reader.take(tasks_max)
        if not tasks:
            tasks = await self._wait_for_tasks(tasks_max, wait_s)
        return [self._lease(task) for task in tasks]

    def take_ready(self, tasks_max: int) -> list[Lease]:
        """Hand out tasks that have been read, without waiting. See `ReadyQueue`."""
        return [self._lease(task) for task in self._reader.take(tasks_max)]

    async def extend(self, lease: Lease, seconds: float) -> Lease:
        """The same lease: it never ends. See `TaskQueue`."""
        check_positive("seconds", seconds)
        self._require(lease)
        return lease

    async def ack(self, lease: Lease, outcome: Outcome) -> None:
        """Settle. See `TaskQueue`."""
        self._settle(lease)

    async def nack(self, lease: Lease, delay_s: float, reason: HandBack) -> None:
        """Settle: the task is dropped, there is nowhere to hand it back to. See `TaskQueue`."""
        check_not_negative("delay_s", delay_s)
        self._settle(lease)

    async def dead_letter(self, lease: Lease, reason: str) -> None:
        """Settle: the item is dropped, there is no place for failed ones. See `TaskQueue`."""
        self._settle(lease)

    async def aclose(self) -> None:
        """Stop reading. A thread that the iterator holds up is left behind; it ends with the process."""
        self._reader.close()

    async def _wait_for_tasks(self, tasks_max: int, wait_s: float) -> list[Task | MalformedTask]:
        loop = asyncio.get_running_loop()
        self._reader.start(loop)
        deadline = loop.time() + wait_s
        while True:
            ended = self._reader.ended  # before the look at what there is: the thread writes them in turn
            if tasks := self._reader.take(tasks_max):
                return tasks
            if ended:
                self._raise_end()
            left_s = deadline - loop.time()
            if left_s <= 0:
                await asyncio.sleep(0)  # a caller that only polls must not starve others
                return []
            await self._reader.wait(left_s)

    def _raise_end(self) -> None:
        failure = self._reader.failure
        if failure is not None and not self._failure_told:
            self._failure_told = True
            raise SourceFailedError(failure, self._reader.read_count)
        raise EndOfTasks(f"all {self._handed_out} tasks have been handed out")

    def _lease(self, task: Task | MalformedTask) -> Lease:
        self._handed_out += 1
        key = str(self._handed_out)
        self._outstanding.add(key)
        return Lease(task, key, key)

    def _require(self, lease: Lease) -> None:
        if lease.receipt not in self._outstanding:
            raise LeaseLostError(f"lease {lease.receipt} is unknown or settled")

    def _settle(self, lease: Lease) -> None:
        self._require(lease)
        self._outstanding.remove(lease.receipt)
