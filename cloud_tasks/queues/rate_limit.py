"""A queue that hands out no more tasks in a while than it was told."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from cloud_tasks.core.arguments import check_not_negative, check_positive, check_receive
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.task import HandBack, Lease, Outcome
from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import Clock, QueueInspector, ReadyQueue, TaskQueue, WaitableQueue


class RateLimit(Struct, frozen=True):
    """How many tasks may be handed out, in any stretch of time of that length.

    Attributes:
        max_calls: How many.
        period_s: The length, in seconds.
    """

    max_calls: int
    period_s: float

    def __post_init__(self) -> None:
        """Refuse a limit that lets nothing through.

        Raises:
            ValueError: A number is not positive.
        """
        check_positive("max_calls", self.max_calls)
        check_positive("period_s", self.period_s)


class TokenBucket:
    """As many tokens as there may be calls; each comes back a period after it was spent.

    So no stretch of a period's length has more calls, wherever it begins.

    Args:
        limit: How many, and how long they stay away.
        clock: Time.
    """

    def __init__(self, limit: RateLimit, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._free = limit.max_calls
        self._back_at: deque[tuple[float, int]] = deque()
        self._changed: set[asyncio.Future[None]] = set()

    def take(self, tokens_max: int) -> int:
        """Set up to so many tokens aside; returns how many. Each is then to be spent, or given back."""
        now = self._clock.monotonic()
        while self._back_at and self._back_at[0][0] <= now:
            self._free += self._back_at.popleft()[1]
        taken = min(tokens_max, self._free)
        self._free -= taken
        return taken

    def settle(self, *, taken: int, spent: int) -> None:
        """Of the tokens that were set aside some were spent, now; the others are given back."""
        if spent:
            self._back_at.append((self._clock.monotonic() + self._limit.period_s, spent))
        self._free += taken - spent
        self.wake()

    def wake(self) -> None:
        """Let those who wait look again."""
        for waiter in self._changed:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, until: float) -> None:
        """Return when a token may be there, or at that moment."""
        if self._back_at:
            until = min(until, self._back_at[0][0])
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sleep = asyncio.ensure_future(self._clock.sleep_until(until))
        self._changed.add(waiter)
        try:
            await asyncio.wait((waiter, sleep), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._changed.discard(waiter)
            sleep.cancel()


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

    async def nack(self, lease: Lease, delay_s: float, reason: HandBack) -> None:
        """Hand back; the token stays spent."""
        await self._queue.nack(lease, delay_s, reason)

    async def dead_letter(self, lease: Lease, reason: str) -> None:
        """Put it among the dead letters."""
        await self._queue.dead_letter(lease, reason)

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
