"""Several queues as one: the first that has a task wins."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from cloud_tasks.core.arguments import check_receive
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.message import encode_task
from cloud_tasks.core.policy import TaskRules
from cloud_tasks.core.task import HandBack, Lease, MalformedTask, Outcome, Task
from cloud_tasks.errors import LeaseLostError, QueueError
from cloud_tasks.interfaces import BatchingQueue, Clock, TaskQueue, WaitableQueue, WatchfulQueue

Rules: TypeAlias = Callable[[Task], TaskRules | str]
"""What holds for a task; or why it is none that a worker could run."""
_NEVER = float("inf")


class PriorityQueues:
    """Tasks of several queues, the most urgent first; each with the rules that hold for it.

    The order is strict: while an earlier queue has tasks, a later one gets no turn, unless it has not been
    asked for longer than the guard says.
    """

    def __init__(
        self, queues: Mapping[str, TaskQueue], rules: Rules, clock: Clock, starvation_guard_s: float = 0.0
    ) -> None:
        """Take over the queues; they are closed with this.

        Args:
            queues: By name, the most urgent first; at least one.
            rules: Finds what holds for a task.
            clock: Time, for the guard.
            starvation_guard_s: A queue that has not been asked for so long is asked first; 0: none is.
        """
        self._queues = dict(queues)
        self._batching = {name: one for name, one in queues.items() if isinstance(one, BatchingQueue)}
        self._rules = rules
        self._clock = clock
        self._guard_s = starvation_guard_s or _NEVER
        self._asked_at = dict.fromkeys(queues, clock.monotonic())
        self._closed = False
        self._capabilities = _common([queue.capabilities for queue in queues.values()])

    @property
    def capabilities(self) -> QueueCapabilities:
        """What all of them can do."""
        return self._capabilities

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        """Take from each queue in turn; wait for all of them when none has a task."""
        check_receive(tasks_max, wait_s)
        deadline = self._clock.monotonic() + wait_s
        if len(self._queues) == 1:
            ((name, queue),) = self._queues.items()
            return self._named(name, await queue.receive(tasks_max, wait_s))
        while True:
            leases = await self._take(tasks_max)
            left_s = deadline - self._clock.monotonic()
            if leases or left_s <= 0 or self._closed:
                return leases
            leases = await self._wait(tasks_max, left_s)
            if leases:
                return leases

    async def _take(self, tasks_max: int) -> list[Lease]:
        """What is there now. A queue that fails does not keep the tasks of another from being run."""
        leases: list[Lease] = []
        failure: Exception | None = None
        for name in self._order():
            self._asked_at[name] = self._clock.monotonic()
            try:
                more = await self._queues[name].receive(tasks_max - len(leases), 0.0)
            except Exception as error:  # noqa: BLE001 - boundary: raised again where no other queue has a task
                failure = failure or error
                continue
            except asyncio.CancelledError:
                await self._hand_back(leases)
                raise
            leases += self._named(name, more)
            if len(leases) >= tasks_max:
                break
        if failure is not None and not leases:
            raise failure
        return leases

    async def _hand_back(self, leases: Sequence[Lease]) -> None:
        """Nobody will work on them here; one that cannot be handed back comes again when its lease ends."""
        for lease in leases:
            with contextlib.suppress(QueueError):
                await self.nack(lease, 0.0, HandBack.INTERRUPTED)

    def _order(self) -> list[str]:
        """Those that have waited for too long, the longest first; then the others in their order."""
        late_from = self._clock.monotonic() - self._guard_s
        late = [name for name in self._queues if self._asked_at[name] <= late_from]
        late.sort(key=self._asked_at.__getitem__)
        return [*late, *(name for name in self._queues if name not in late)]

    async def _wait(self, tasks_max: int, wait_s: float) -> list[Lease]:
        """Wait until one of them may have a task; what is taken on that occasion comes back at once."""
        waits = [
            asyncio.ensure_future(self._wait_for(name, queue, max(1, tasks_max // len(self._queues)), wait_s))
            for name, queue in self._queues.items()
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            leases, _ = await self._ended(waits)
            await self._hand_back(leases)
            raise
        leases, failures = await self._ended(waits)
        await self._hand_back(leases[tasks_max:])
        if failures and not leases:
            raise failures[0]
        return leases[:tasks_max]

    @staticmethod
    async def _ended(waits: Sequence[asyncio.Future[list[Lease]]]) -> tuple[list[Lease], list[Exception]]:
        """Give up those that still wait; what came all the same, and what failed."""
        for wait in waits:
            wait.cancel()
        ends = await asyncio.gather(*waits, return_exceptions=True)
        leases = [lease for end in ends if isinstance(end, list) for lease in end]
        return leases, [end for end in ends if isinstance(end, Exception)]

    async def _wait_for(self, name: str, queue: TaskQueue, tasks_max: int, wait_s: float) -> list[Lease]:
        if isinstance(queue, WaitableQueue):
            await queue.wait_ready(wait_s)
            return []
        return self._named(name, await queue.receive(tasks_max, wait_s))

    def _named(self, name: str, leases: Sequence[Lease]) -> list[Lease]:
        return [self._ruled(name, lease) for lease in leases]

    def _ruled(self, name: str, lease: Lease) -> Lease:
        """The lease with its queue and its rules; a message that names no function is no task."""
        task = lease.task
        if isinstance(task, MalformedTask):
            return replace(lease, queue=name)
        rules = self._rules(task)
        if isinstance(rules, str):
            return replace(lease, queue=name, task=MalformedTask(encode_task(task), rules, task.task_id))
        return replace(lease, queue=name, rules=rules)

    async def extend(self, lease: Lease, seconds: float) -> Lease:
        """Extend it in the queue that it came from."""
        extended = await self._of(lease).extend(lease, seconds)
        return replace(extended, queue=lease.queue, history=lease.history, rules=lease.rules)

    def _of(self, lease: Lease) -> TaskQueue:
        queue = self._queues.get(lease.queue)
        if queue is None:
            raise LeaseLostError(f"message {lease.key} is of no queue of ours")
        return queue

    def watch_leases(self, lost: Callable[[frozenset[str], str], None]) -> None:
        """Have those watched that can tell; see `WatchfulQueue`. Of one driver, no two receipts are alike."""
        for queue in self._queues.values():
            if isinstance(queue, WatchfulQueue):
                queue.watch_leases(lost)

    async def ack(self, lease: Lease, outcome: Outcome) -> None:
        """Settle it in the queue that it came from."""
        await self._of(lease).ack(lease, outcome)

    def submit_ack(self, lease: Lease, outcome: Outcome) -> asyncio.Future[None] | None:
        """Settle it in the queue that it came from; see `BatchingQueue`."""
        queue = self._batching.get(lease.queue)
        return None if queue is None else queue.submit_ack(lease, outcome)

    async def nack(self, lease: Lease, delay_s: float, reason: HandBack) -> None:
        """Hand it back to the queue that it came from."""
        await self._of(lease).nack(lease, delay_s, reason)

    async def dead_letter(self, lease: Lease, reason: str) -> None:
        """Put it among the dead letters of the queue that it came from."""
        await self._of(lease).dead_letter(lease, reason)

    async def aclose(self) -> None:
        """Close all of them, whatever becomes of one."""
        self._closed = True
        ends = await asyncio.gather(
            *(queue.aclose() for queue in self._queues.values()), return_exceptions=True
        )
        for end in ends:
            if isinstance(end, BaseException):
                raise end


def _common(each: Sequence[QueueCapabilities]) -> QueueCapabilities:
    """What can be counted on whatever queue a task comes from. All are of one driver."""
    first = each[0]
    return replace(
        first,
        lease_s=_least([one.lease_s for one in each]),
        lease_s_max=_least([one.lease_s_max for one in each]),
        lease_total_s_max=_least([one.lease_total_s_max for one in each]),
        renewable=all(one.renewable for one in each),
        delay_s_max=min(one.delay_s_max for one in each),
        batch_size_max=min(one.batch_size_max for one in each),
        gather_s=max(one.gather_s for one in each),
        sure_wait_s=max(one.sure_wait_s for one in each),
        delivery_count=all(one.delivery_count for one in each),
        counts_interruptions=all(one.counts_interruptions for one in each),
        requeues=all(one.requeues for one in each),
        dead_letters=all(one.dead_letters for one in each),
        fenced=all(one.fenced for one in each),
        history=all(one.history for one in each),
        immediate=len(each) == 1 and first.immediate,
    )


def _least(values: Sequence[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)
