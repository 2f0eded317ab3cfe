"""A queue that hands out no more tasks in a while than it was told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import cast

from msgspec.structs import replace

from cloud_tasks.core.arguments import check_not_negative, check_receive
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.task import HandBack, Lease, Outcome
from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import (
    BatchingQueue,
    Clock,
    QueueInspector,
    ReadyQueue,
    TaskQueue,
    WaitableQueue,
    WatchfulQueue,
)
from cloud_tasks.queues.token_bucket import RateLimit as RateLimit
from cloud_tasks.queues.token_bucket import TokenBucket


class RateLimitedQueue:
    """Takes a task from a queue only with a token for it; see `TaskQueue`.

    A poll that brings nothing spends no token, and while there is none nothing is taken: whatever this holds
    back can be had by other workers.

    Args:
        queue: Where tasks come from; closed with this.
        limit: How many may come.
        clock: Time.
        inspector: The same queue; None: while there is no token, nobody can say whether the queue is empty.
    """

    def __init__(
        self, queue: TaskQueue, limit: RateLimit, clock: Clock, inspector: QueueInspector | None
    ) -> None:
        self._queue = queue
        self._batching = queue if isinstance(queue, BatchingQueue) else None
        self._clock = clock
        self._inspector = inspector
        self._tokens = TokenBucket(limit, clock)
        self._closed = False

    @property
    def capabilities(self) -> QueueCapabilities:
        """Those of the queue."""
        return self._queue.capabilities

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        """Lease as many tasks as there are tokens for, up to `tasks_max`; see `TaskQueue`.

        Waiting for a token does not count as waiting for a task, unless `wait_s` is 0 or the queue is known
        to be empty: [] says that there was no task, and not that there was no token.
        """
        check_receive(tasks_max, wait_s)
        began = self._clock.monotonic()
        tokens = await self._token(tasks_max, wait_s)
        if not tokens:
            return []
        waited_s = self._clock.monotonic() - began
        leases: list[Lease] = []
        try:
            leases = await self._queue.receive(tokens, wait_s)
        finally:
            self._tokens.settle(taken=tokens, spent=len(leases))
        return [_counted_from(lease, waited_s) for lease in leases] if waited_s else leases

    async def _token(self, tokens_max: int, wait_s: float) -> int:
        """At least one token; 0 when nothing is to be taken."""
        ask_at = self._clock.monotonic() + wait_s
        while not self._closed:
            tokens = self._tokens.take(tokens_max)
            if tokens or not wait_s:
                return tokens
            if self._clock.monotonic() >= ask_at:
                if await self._is_empty():
                    return 0
                ask_at = self._clock.monotonic() + wait_s
            await self._tokens.wait(ask_at)
        return 0

    async def _is_empty(self) -> bool:
        if self._inspector is None:
            return False
        try:
            return (await self._inspector.depth()).get("visible", 1) == 0
        except QueueUnavailableError:
            return False

    async def extend(self, lease: Lease, seconds: float) -> Lease:
        """Make the lease end `seconds` from now."""
        return await self._queue.extend(lease, seconds)

    async def ack(self, lease: Lease, outcome: Outcome) -> None:
        """Settle for good."""
        await self._queue.ack(lease, outcome)

    def submit_ack(self, lease: Lease, outcome: Outcome) -> asyncio.Future[None] | None:
        """Settle for good; see `BatchingQueue`."""
        return self._batching.submit_ack(lease, outcome) if self._batching else None

    async def nack(self, lease: Lease, delay_s: float, reason: HandBack) -> None:
        """Hand back; the token stays spent."""
        await self._queue.nack(lease, delay_s, reason)

    async def dead_letter(self, lease: Lease, reason: str) -> None:
        """Put it among the dead letters."""
        await self._queue.dead_letter(lease, reason)

    def watch_leases(self, lost: Callable[[frozenset[str], str], None]) -> None:
        """Have the queue watched, if it can tell; see `WatchfulQueue`."""
        if isinstance(self._queue, WatchfulQueue):
            self._queue.watch_leases(lost)

    async def aclose(self) -> None:
        """Send home who waits for a token, and close the queue."""
        self._closed = True
        self._tokens.wake()
        await self._queue.aclose()


class _Waitable(RateLimitedQueue):
    async def wait_ready(self, wait_s: float) -> None:
        """Return when there may be a task and a token for it; see `WaitableQueue`."""
        check_not_negative("wait_s", wait_s)
        deadline = self._clock.monotonic() + wait_s
        while not self._closed and not (token := self._tokens.take(1)):
            if self._clock.monotonic() >= deadline:
                return
            await self._tokens.wait(deadline)
        if self._closed:
            return
        self._tokens.settle(taken=token, spent=0)
        left_s = max(0.0, deadline - self._clock.monotonic())
        await cast("WaitableQueue", self._queue).wait_ready(left_s)


class _Ready(RateLimitedQueue):
    def take_ready(self, tasks_max: int) -> list[Lease]:
        """Lease what is at hand, as far as there are tokens; see `ReadyQueue`."""
        tokens = self._tokens.take(tasks_max)
        leases = cast("ReadyQueue", self._queue).take_ready(tokens) if tokens else []
        self._tokens.settle(taken=tokens, spent=len(leases))
        return leases


class _ReadyAndWaitable(_Ready, _Waitable):
    pass


_KINDS: Mapping[tuple[bool, bool], type[RateLimitedQueue]] = {
    (False, False): RateLimitedQueue,
    (False, True): _Waitable,
    (True, False): _Ready,
    (True, True): _ReadyAndWaitable,
}


def rate_limited(
    queue: TaskQueue, limit: RateLimit, clock: Clock, inspector: QueueInspector | None = None
) -> RateLimitedQueue:
    """The queue with a limit; it can be waited for where the queue can, and so on. See `RateLimitedQueue`."""
    kind = _KINDS[isinstance(queue, ReadyQueue), isinstance(queue, WaitableQueue)]
    return kind(queue, limit, clock, inspector)


def _counted_from(lease: Lease, earlier_s: float) -> Lease:
    """The lease, its length counted from a moment that is so much earlier."""
    if lease.duration_s is None:
        return lease
    return replace(lease, duration_s=lease.duration_s + earlier_s)
