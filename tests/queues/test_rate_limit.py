"""A queue with a limit: no stretch of time has more tasks, no empty poll costs a token, nothing is lost."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_tasks.core.task import HandBack, Lease, Task
from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import ReadyQueue, TaskQueue, WaitableQueue, WatchfulQueue
from cloud_tasks.queues.local import LocalQueue
from cloud_tasks.queues.rate_limit import RateLimit, rate_limited
from cloud_tasks.queues.token_bucket import TokenBucket
from fakes.clock import VirtualClock
from fakes.queue_model import InMemoryQueue
from fakes.queue_options import QueueOptions
from tests.contracts.harness import QueueHarness
from tests.contracts.task_queue import TaskQueueContract, ids_of, tasks_named
from tests.fakes.test_queue_model_contract import InMemoryHarness
from tests.queues.test_priority import PolledQueue, WatchedQueue


class BrokenInspector(InMemoryQueue):
    async def depth(self) -> dict[str, int]:
        raise QueueUnavailableError("nobody there")


class RateLimitedHarness(InMemoryHarness):
    async def open(self) -> TaskQueue:
        return rate_limited(self.model, RateLimit(1_000, 1.0), self.clock)


class TestContract(TaskQueueContract):
    @pytest.fixture
    def harness(self) -> QueueHarness:
        return RateLimitedHarness(QueueOptions())


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def model(clock: VirtualClock) -> InMemoryQueue:
    return InMemoryQueue(clock, QueueOptions())


async def filled(model: InMemoryQueue, count: int) -> None:
    await model.send_many(tasks_named(*(f"t{number:02}" for number in range(count))))


async def driven(clock: VirtualClock, call: asyncio.Task[list[Lease]], seconds: float) -> list[Lease] | None:
    """What the call brought, if it came in that time."""
    await clock.run_for(seconds)
    return call.result() if call.done() else None


class TestTheRate:
    async def test_no_more_than_the_limit_at_once(self, clock: VirtualClock, model: InMemoryQueue) -> None:
        queue = rate_limited(model, RateLimit(3, 10.0), clock)
        await filled(model, 9)
        assert ids_of(await queue.receive(9, 1.0)) == ["t00", "t01", "t02"]
        assert await queue.receive(9, 0.0) == []
        assert (await model.depth())["visible"] == 6

    async def test_the_rest_when_its_time_comes(self, clock: VirtualClock, model: InMemoryQueue) -> None:
        queue = rate_limited(model, RateLimit(2, 10.0), clock)
        await filled(model, 5)
        await queue.receive(1, 1.0)
        await clock.run_for(4.0)
        await queue.receive(1, 1.0)
        call = asyncio.create_task(queue.receive(5, 1.0))
        assert await driven(clock, call, 5.9) is None
        leases = await driven(clock, call, 0.2)
        assert leases is not None
        assert ids_of(leases) == ["t02"]

    @given(
        limit=st.integers(1, 4),
        steps=st.lists(st.tuples(st.sampled_from([0.0, 0.3, 1.0, 2.5]), st.integers(1, 5)), max_size=30),
    )
    def test_no_stretch_of_a_period_has_more(self, limit: int, steps: list[tuple[float, int]]) -> None:
        clock, spent = VirtualClock(), []
        bucket = TokenBucket(RateLimit(limit, 2.0), clock)
        for pause_s, wanted in steps:
            clock.advance(pause_s)
            tokens = bucket.take(wanted)
            used = tokens - (wanted % 2 and tokens > 0)
            bucket.settle(taken=tokens, spent=used)
            spent += [clock.monotonic()] * used
        for moment in spent:
            assert len([one for one in spent if moment <= one < moment + 2.0]) <= limit
        clock.advance(2.0)
        assert bucket.take(9) == limit

    @pytest.mark.parametrize(("max_calls", "period_s"), [(0, 1.0), (1, 0.0), (-1, 1.0), (1, float("nan"))])
    def test_a_limit_that_lets_nothing_through(self, max_calls: int, period_s: float) -> None:
        with pytest.raises(ValueError, match=r"max_calls|period_s"):
            RateLimit(max_calls, period_s)


class TestTokensAreKept:
    async def test_an_empty_poll_spends_none(self, clock: VirtualClock, model: InMemoryQueue) -> None:
        queue = rate_limited(model, RateLimit(2, 3600.0), clock)
        for _ in range(10):
            assert await queue.receive(2, 0.0) == []
        await filled(model, 2)
        assert len(await queue.receive(2, 0.0)) == 2

    async def test_what_is_cancelled_spends_none(self, clock: VirtualClock, model: InMemoryQueue) -> None:
        queue = rate_limited(model, RateLimit(1, 3600.0), clock)
        for _ in range(3):
            poll = asyncio.create_task(queue.receive(1, 20.0))
            await clock.run_for(1.0)
            poll.cancel()
            await asyncio.wait([poll])
        await filled(model, 1)
        assert len(await queue.receive(1, 0.0)) == 1

    async def test_a_failure_spends_none(self, clock: VirtualClock) -> None:
        class Failing(InMemoryQueue):
            fails = True

            async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
                if self.fails:
                    raise QueueUnavailableError("not now")
                return await super().receive(tasks_max, wait_s)

        model = Failing(clock, QueueOptions())
        queue = rate_limited(model, RateLimit(1, 3600.0), clock)
        with pytest.raises(QueueUnavailableError):
            await queue.receive(1, 1.0)
        model.fails = False
        await filled(model, 1)
        assert len(await queue.receive(1, 0.0)) == 1

    async def test_what_is_not_used_is_there_for_others(
        self, clock: VirtualClock, model: InMemoryQueue
    ) -> None:
        queue = rate_limited(model, RateLimit(2, 3600.0), clock)
        first = asyncio.create_task(queue.receive(2, 5.0))
        second = asyncio.create_task(queue.receive(1, 5.0))
        await clock.run_for(1.0)
        await filled(model, 1)
        await clock.run_for(1.0)
        assert ids_of(first.result()) == ["t00"]
        await model.send(Task("t01", {}))
        assert ids_of(await driven(clock, second, 1.0) or []) == ["t01"]


class TestWaitingForAToken:
    async def test_no_token_is_not_an_empty_queue(self, clock: VirtualClock, model: InMemoryQueue) -> None:
        queue = rate_limited(model, RateLimit(1, 360.0), clock, model)
        await filled(model, 2)
        await queue.receive(1, 1.0)
        call = asyncio.create_task(queue.receive(1, 1.0))
        assert await driven(clock, call, 350.0) is None
        assert ids_of(await driven(clock, call, 11.0) or []) == ["t01"]

    async def test_an_empty_queue_is_told_without_a_token(
        self, clock: VirtualClock, model: InMemoryQueue
    ) -> None:
        queue = rate_limited(model, RateLimit(1, 3600.0), clock, model)
        await filled(model, 1)
        await queue.receive(1, 1.0)
        call = asyncio.create_task(queue.receive(1, 1.0))
        assert await driven(clock, call, 0.9) is None
        assert await driven(clock, call, 0.2) == []

    async def test_nobody_can_say_so_in_an_outage(self, clock: VirtualClock) -> None:
        model = BrokenInspector(clock, QueueOptions())
        queue = rate_limited(model, RateLimit(1, 60.0), clock, model)
        await filled(model, 2)
        await queue.receive(1, 1.0)
        call = asyncio.create_task(queue.receive(1, 1.0))
        assert await driven(clock, call, 59.0) is None
        assert len(await driven(clock, call, 2.0) or ()) == 1

    async def test_it_can_be_cancelled(self, clock: VirtualClock, model: InMemoryQueue) -> None:
        queue = rate_limited(model, RateLimit(1, 60.0), clock)
        await filled(model, 2)
        await queue.receive(1, 1.0)
        call = asyncio.create_task(queue.receive(1, 1.0))
        await clock.run_for(5.0)
        call.cancel()
        await asyncio.wait([call])
        assert (await model.depth())["visible"] == 1
        assert clock.next_deadline() is None

    async def test_closing_sends_it_home(self, clock: VirtualClock, model: InMemoryQueue) -> None:
        queue = rate_limited(model, RateLimit(1, 60.0), clock)
        await filled(model, 2)
        await queue.receive(1, 1.0)
        call = asyncio.create_task(queue.receive(1, 1.0))
        await clock.run_for(5.0)
        await queue.aclose()
        assert await driven(clock, call, 0.0) == []

    async def test_a_lease_is_as_long_as_the_queue_made_it(
        self, clock: VirtualClock, model: InMemoryQueue
    ) -> None:
        """Its length counts from before the call, and the task was leased much later."""
        queue = rate_limited(model, RateLimit(1, 100.0), clock)
        await filled(model, 2)
        await queue.receive(1, 1.0)
        call = asyncio.create_task(queue.receive(1, 1.0))
        await clock.run_for(100.0)
        (lease,) = call.result()
        assert lease.duration_s == 130.0

    async def test_a_task_that_goes_back_costs_its_token(
        self, clock: VirtualClock, model: InMemoryQueue
    ) -> None:
        queue = rate_limited(model, RateLimit(1, 60.0), clock)
        await filled(model, 1)
        (lease,) = await queue.receive(1, 1.0)
        await queue.nack(lease, 0.0, HandBack.RETRY)
        assert await queue.receive(1, 0.0) == []


class TestWhatElseTheQueueOffers:
    async def test_waiting(self, clock: VirtualClock, model: InMemoryQueue) -> None:
        queue = rate_limited(model, RateLimit(1, 60.0), clock)
        assert isinstance(queue, WaitableQueue)
        assert not isinstance(queue, ReadyQueue)
        await filled(model, 2)
        await queue.wait_ready(10.0)
        assert len(await queue.receive(1, 0.0)) == 1
        for wait_s, is_over in ((30.0, True), (40.0, True)):
            wait = asyncio.create_task(queue.wait_ready(wait_s))
            await clock.run_for(30.0)
            assert wait.done() is is_over
        assert len(await queue.receive(1, 0.0)) == 1

    def test_not_waiting(self, clock: VirtualClock) -> None:
        queue = rate_limited(PolledQueue(clock, QueueOptions()), RateLimit(1, 60.0), clock)
        assert not isinstance(queue, WaitableQueue)

    async def test_what_is_at_hand(self, clock: VirtualClock) -> None:
        queue = rate_limited(LocalQueue(tasks_named("a", "b", "c", "d")), RateLimit(3, 60.0), clock)
        assert isinstance(queue, ReadyQueue)
        assert ids_of(await queue.receive(1, 5.0)) == ["a"]
        ready: list[Lease] = []
        async with asyncio.timeout(5.0):
            while len(ready) < 2:  # they are read by a thread
                ready += queue.take_ready(1)
                await asyncio.sleep(0.01)
        assert ids_of(ready) == ["b", "c"]
        await asyncio.sleep(0.05)
        assert queue.take_ready(1) == []
        await queue.aclose()

    async def test_losses(self, clock: VirtualClock, model: InMemoryQueue) -> None:
        told: list[tuple[frozenset[str], str]] = []
        watched = WatchedQueue(clock, QueueOptions())
        queue = rate_limited(watched, RateLimit(1, 60.0), clock)
        assert isinstance(queue, WatchfulQueue)
        queue.watch_leases(lambda receipts, why: told.append((receipts, why)))
        watched.lost(frozenset(("r1",)), "gone")
        assert told == [(frozenset(("r1",)), "gone")]
        # One that hears nothing has nothing to tell.
        rate_limited(model, RateLimit(1, 60.0), clock).watch_leases(watched.lost)
