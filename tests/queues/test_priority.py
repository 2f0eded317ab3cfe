"""Several queues as one: order, waiting, the guard against starvation, and the contract of every queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from cloud_tasks.core.policy import RetryPolicy, TaskRules
from cloud_tasks.core.task import HandBack, Lease, MalformedTask, Outcome, OutcomeKind, Task
from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import TaskQueue
from cloud_tasks.queues.priority import PriorityQueues
from fakes.clock import VirtualClock
from fakes.queue_model import InMemoryQueue
from fakes.queue_options import QueueOptions
from tests.contracts.harness import QueueHarness, VirtualTime
from tests.contracts.task_queue import TaskQueueContract

RULES = TaskRules(name="f", retry=RetryPolicy(), max_runtime_s=60.0)
DONE = Outcome(OutcomeKind.COMPLETED)


def same_for_all(task: Task) -> TaskRules | str:
    return "it is called bad" if task.task_id.startswith("bad") else RULES


class PolledQueue(InMemoryQueue):
    """A queue that cannot be waited for without taking what comes."""

    wait_ready = None  # type: ignore[assignment] # what is None there is not there


class BrokenQueue(InMemoryQueue):
    """A queue that cannot be reached."""

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        raise QueueUnavailableError("nobody there")


class FaultyQueue(InMemoryQueue):
    """A queue whose adapter has a fault, or whose server answers what none should."""

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        raise ValueError("WRONGTYPE")


class FaultyPoll(PolledQueue):
    """As that one, but only where it is waited for."""

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        if wait_s:
            raise ValueError("WRONGTYPE")
        return await super().receive(tasks_max, wait_s)


class WatchedQueue(InMemoryQueue):
    """A queue that hears of lost leases when a test says so."""

    def watch_leases(self, lost: Callable[[frozenset[str], str], None]) -> None:
        self.lost = lost


class PriorityHarness(VirtualTime):
    keeps_order = True
    delays_sends = True
    text_only = False

    def __init__(self, kind: type[InMemoryQueue]) -> None:
        super().__init__()
        options = QueueOptions()
        self.lease_s = options.lease_s
        self.patience_s = options.lease_s / 10
        self.strict_receipts = True
        self.models = {name: kind(self.clock, options) for name in ("high", "default", "low")}
        self.target = self.models["default"]

    async def open(self) -> TaskQueue:
        return PriorityQueues(self.models, same_for_all, self.clock)

    async def send(self, *tasks: Task) -> None:
        await self.target.send_many(tasks)

    async def send_raw(self, body: bytes) -> None:
        await self.target.send_raw(body)

    async def end(self) -> None:
        raise AssertionError("the queue has no end")

    async def dead_letters(self) -> list[tuple[bytes, str]]:
        return [(letter.body, letter.reason) for letter in self.target.dead_letters]

    async def aclose(self) -> None:
        for model in self.models.values():
            await model.aclose()


class TestPriorityContract(TaskQueueContract):
    @pytest.fixture(params=[PolledQueue, InMemoryQueue], ids=["polled", "waited-for"])
    def harness(self, request: pytest.FixtureRequest) -> QueueHarness:
        return PriorityHarness(request.param)


class Bench:
    """Some queues with a worker's view of them."""

    def __init__(self, *, guard_s: float = 0.0, kind: type[InMemoryQueue] = PolledQueue) -> None:
        self.clock = VirtualClock()
        self.models = {name: kind(self.clock, QueueOptions()) for name in ("high", "default", "low")}
        self.queue = PriorityQueues(self.models, same_for_all, self.clock, guard_s)

    async def send(self, **tasks: str) -> None:
        for name, names in tasks.items():
            await self.models[name].send_many(Task(one, {}) for one in names.split())

    async def take(self, tasks_max: int, wait_s: float = 0.0) -> list[str]:
        leases = await self.queue.receive(tasks_max, wait_s)
        return [f"{lease.queue}:{lease.task.task_id}" for lease in leases]


async def test_the_first_queue_that_has_a_task_wins() -> None:
    bench = Bench()
    await bench.send(low="l1", high="h1 h2", default="d1")
    assert await bench.take(1) == ["high:h1"]
    await bench.send(high="h3")
    assert await bench.take(2) == ["high:h2", "high:h3"]
    assert await bench.take(1) == ["default:d1"]
    assert await bench.take(1) == ["low:l1"]
    assert await bench.take(1) == []


async def test_a_call_is_filled_from_several_queues() -> None:
    bench = Bench()
    await bench.send(low="l1 l2", high="h1", default="d1")
    assert await bench.take(3) == ["high:h1", "default:d1", "low:l1"]


async def test_the_order_is_strict_by_default() -> None:
    bench = Bench()
    await bench.send(low="l1", high=" ".join(f"h{number}" for number in range(50)))
    for _ in range(50):
        await bench.clock.run_for(1000.0)
        (taken,) = await bench.take(1)
        assert taken.startswith("high:")


async def test_the_guard_gives_a_starving_queue_a_turn() -> None:
    bench = Bench(guard_s=10.0)
    await bench.send(low="l1 l2", default="d1", high=" ".join(f"h{number}" for number in range(50)))
    taken = []
    for _ in range(25):
        taken += await bench.take(1)
        await bench.clock.run_for(1.0)
    others = [(number, name) for number, name in enumerate(taken) if not name.startswith("high:")]
    # Each is asked when it has waited for ten seconds, the one before the other, and then again ten later.
    assert others == [(10, "default:d1"), (11, "low:l1"), (21, "low:l2")]


async def test_whichever_queue_gets_a_task_first_ends_the_wait() -> None:
    for kind in (PolledQueue, InMemoryQueue):
        bench = Bench(kind=kind)
        poll = asyncio.create_task(bench.take(5, 20.0))
        await bench.clock.run_for(7.0)
        await bench.send(low="l1")
        await bench.clock.run_for(0.2)
        assert await poll == ["low:l1"]
        for name in ("high", "default"):
            assert not (await bench.models[name].depth())["in_flight"]


async def test_more_than_was_asked_for_is_handed_back() -> None:
    bench = Bench()
    poll = asyncio.create_task(bench.take(1, 20.0))
    await bench.clock.run_for(1.0)
    await bench.send(low="l1", high="h1", default="d1")
    await bench.clock.run_for(0.2)
    taken = [*await poll, *await bench.take(5)]
    assert sorted(taken) == ["default:d1", "high:h1", "low:l1"]


async def test_a_wait_that_is_given_up_takes_nothing() -> None:
    bench = Bench(kind=InMemoryQueue)
    poll = asyncio.create_task(bench.take(1, 20.0))
    await bench.clock.run_for(1.0)
    poll.cancel()
    await asyncio.gather(poll, return_exceptions=True)
    await bench.send(low="l1")
    assert await bench.take(1) == ["low:l1"]


async def test_a_queue_that_fails_does_not_hold_up_the_others() -> None:
    bench = Bench()
    broken = BrokenQueue(bench.clock, QueueOptions())
    queue = PriorityQueues({"broken": broken, **bench.models}, same_for_all, bench.clock)
    await bench.send(low="l1")
    assert [lease.task.task_id for lease in await queue.receive(1, 0.0)] == ["l1"]
    with pytest.raises(QueueUnavailableError):
        await queue.receive(1, 0.0)


@pytest.mark.parametrize("wait_s", [0.0, 5.0])
async def test_what_nobody_foresaw_of_one_queue_costs_no_task_of_another(wait_s: float) -> None:
    bench = Bench()
    faulty = FaultyQueue(bench.clock, QueueOptions())
    bench.queue = PriorityQueues({**bench.models, "faulty": faulty}, same_for_all, bench.clock)
    await bench.send(high="h1")
    assert await bench.take(2, wait_s) == ["high:h1"]
    with pytest.raises(ValueError, match="WRONGTYPE"):
        await bench.take(2, wait_s)


async def test_a_wait_tells_what_went_wrong_with_one_queue() -> None:
    bench = Bench()
    faulty = FaultyPoll(bench.clock, QueueOptions())
    queue = PriorityQueues({"faulty": faulty, **bench.models}, same_for_all, bench.clock)
    with pytest.raises(ValueError, match="WRONGTYPE"):
        await queue.receive(1, 5.0)


async def test_a_lease_has_the_rules_of_its_task() -> None:
    bench = Bench()
    await bench.send(default="d1")
    (lease,) = await bench.queue.receive(1, 0.0)
    assert lease.rules is RULES


async def test_a_message_without_rules_is_no_task_and_kept_as_it_came() -> None:
    bench = Bench()
    await bench.models["default"].send_raw(b'{"task_id": "bad1", "data": {}}')
    await bench.models["default"].send_raw(b"?")
    first, second = await bench.queue.receive(2, 0.0)
    assert isinstance(first.task, MalformedTask)
    assert (first.task.reason, first.task.task_id) == ("it is called bad", "bad1")
    assert isinstance(second.task, MalformedTask)
    await bench.queue.dead_letter(first, first.task.reason)
    (letter,) = bench.models["default"].dead_letters
    assert letter.body == b'{"task_id": "bad1", "data": {}}'


async def test_settlements_go_where_the_task_came_from() -> None:
    bench = Bench()
    await bench.send(high="h1", default="d1", low="l1 l2")
    high, default, low, other = await bench.queue.receive(4, 0.0)
    await bench.queue.ack(high, DONE)
    await bench.queue.nack(default, 0.0, HandBack.RETRY)
    await bench.queue.dead_letter(low, "bad")
    extended = await bench.queue.extend(other, 300.0)
    await bench.queue.ack(extended if extended.queue else other, DONE)
    assert bench.models["high"].acked == bench.models["low"].acked == 1
    assert len(bench.models["low"].dead_letters) == 1
    assert (await bench.models["default"].depth())["visible"] == 1


async def test_all_are_closed() -> None:
    bench = Bench()
    poll = asyncio.create_task(bench.take(1, 20.0))
    await bench.clock.run_for(1.0)
    await bench.queue.aclose()
    assert await poll == []


async def test_losses_are_told_of_all_queues_that_hear_of_them() -> None:
    clock = VirtualClock()
    one, other = WatchedQueue(clock, QueueOptions()), WatchedQueue(clock, QueueOptions())
    deaf = InMemoryQueue(clock, QueueOptions())
    told: list[tuple[frozenset[str], str]] = []
    queues = PriorityQueues({"one": one, "deaf": deaf, "other": other}, same_for_all, clock)
    queues.watch_leases(lambda receipts, why: told.append((receipts, why)))
    one.lost(frozenset(("r1",)), "gone")
    other.lost(frozenset(("r2",)), "gone")
    assert told == [(frozenset(("r1",)), "gone"), (frozenset(("r2",)), "gone")]
