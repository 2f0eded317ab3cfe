"""What is particular about the queue model: its options, its history, its accounts, its timer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

import pytest

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import HandBack, Outcome, OutcomeKind, Task
from cloud_tasks.errors import LeaseLostError, MessageRefusedError, QueueError
from cloud_tasks.interfaces import Clock, QueueInspector, TaskQueue, TaskSender
from fakes.clock import VirtualClock, settle
from fakes.history import Fact, FactKind
from fakes.queue_model import InMemoryQueue
from fakes.queue_options import QueueOptions

DONE = Outcome(OutcomeKind.COMPLETED)


def numbered(count: int) -> list[Task]:
    return [Task(f"t{number}", {}) for number in range(count)]


async def sent(clock: Clock, count: int = 1, **options: float | None) -> tuple[InMemoryQueue, list[Fact]]:
    facts: list[Fact] = []
    queue = InMemoryQueue(clock, QueueOptions(**options), facts.append)  # type: ignore[arg-type]  # by name
    await queue.send_many(numbered(count))
    return queue, facts


def test_it_fills_three_places() -> None:
    queue = InMemoryQueue(VirtualClock())
    places: tuple[TaskQueue, TaskSender, QueueInspector] = (queue, queue, queue)  # the type checker's test
    assert isinstance(places[0], TaskQueue)


# --- Limits


async def test_s10_no_extension_goes_beyond_the_total() -> None:
    clock = VirtualClock()
    queue, _ = await sent(clock, lease_s=30.0, lease_s_max=100.0, lease_total_s_max=150.0)
    (lease,) = await queue.receive(1, 0)
    granted = []
    for _ in range(4):
        lease = await queue.extend(lease, 1000.0)
        granted.append(lease.duration_s)
        clock.advance(40.0)
    assert granted == [100.0, 100.0, 70.0, 30.0]
    with pytest.raises(LeaseLostError):
        await queue.extend(lease, 10.0)


async def test_a_message_that_is_delivered_too_often_goes_to_the_dead_letters() -> None:
    clock = VirtualClock()
    queue, _ = await sent(clock, 2, max_receive_count=3)
    for _ in range(3):
        assert [lease.key for lease in await queue.receive(2, 0)] == ["1", "2"]
        clock.advance(31.0)
    await queue.send(Task("good", {}))
    assert [lease.task.task_id for lease in await queue.receive(10, 0)] == ["good"]
    assert [(letter.key, letter.reason, letter.delivery_count) for letter in queue.dead_letters] == [
        ("1", "max_receive_count", 3),
        ("2", "max_receive_count", 3),
    ]


async def test_s8_a_delivery_is_interrupted_once_however_often_it_is_handed_back() -> None:
    queue, _ = await sent(VirtualClock(), settles_after_expiry=True)
    (lease,) = await queue.receive(1, 0)
    for _ in range(3):  # the replies to the first two were lost
        await queue.nack(lease, 0, HandBack.INTERRUPTED)
    (lease,) = await queue.receive(1, 0)
    assert (lease.delivery_count, lease.interruptions) == (2, 1)


async def test_s8_interruptions_do_not_use_up_the_receive_count() -> None:
    queue, _ = await sent(VirtualClock(), max_receive_count=2)
    for _ in range(10):
        (lease,) = await queue.receive(1, 0)
        await queue.nack(lease, 0, HandBack.INTERRUPTED)
    (lease,) = await queue.receive(1, 0)
    await queue.nack(lease, 0, HandBack.RETRY)
    (lease,) = await queue.receive(1, 0)
    assert (lease.delivery_count, lease.interruptions) == (12, 10)
    await queue.nack(lease, 0, HandBack.RETRY)
    assert await queue.receive(1, 0) == []
    assert len(queue.dead_letters) == 1


async def test_a_message_that_outlives_its_retention_is_removed_wherever_it_is() -> None:
    clock = VirtualClock()
    queue, facts = await sent(clock, 3, retention_s=100.0, lease_s=90.0)
    held, settled = await queue.receive(2, 0)
    await queue.ack(settled, DONE)
    held = await queue.extend(held, 90.0)
    clock.advance(50.0)
    held = await queue.extend(held, 90.0)
    await queue.send(Task("young", {}))
    clock.advance(60.0)
    with pytest.raises(LeaseLostError):
        await queue.ack(held, DONE)
    assert [lease.task.task_id for lease in await queue.receive(10, 0)] == ["young"]
    assert [(fact.key, fact.at) for fact in facts if fact.reason == "retention"] == [
        ("1", 100.0),
        ("3", 100.0),
    ]
    assert (queue.accepted, queue.acked, queue.removed) == (4, 1, 2)


async def test_a_long_poll_is_cut_short_at_the_limit() -> None:
    clock = VirtualClock()
    queue, _ = await sent(clock, 0, wait_s_max=20.0)
    poll = asyncio.create_task(queue.receive(1, 1000.0))
    await clock.run_for(20.0)
    assert poll.done()
    assert await poll == []


async def test_a_message_that_is_too_large_is_refused() -> None:
    queue, _ = await sent(VirtualClock(), 0, message_size_bytes_max=40)
    with pytest.raises(MessageRefusedError, match="bytes, and the limit is 40"):
        await queue.send(Task("a", {"text": "ü" * 20}))
    with pytest.raises(ValueError, match="delay_s"):
        await queue.send(Task("a", {}), delay_s=901.0)
    assert queue.accepted == 0


async def test_the_newest_receipt_settles_late_where_the_option_says_so() -> None:
    clock = VirtualClock()
    queue, _ = await sent(clock, 4, settles_after_expiry=True)
    acked, buried, nacked, extended = await queue.receive(4, 0)
    clock.advance(31.0)
    await queue.ack(acked, DONE)
    await queue.dead_letter(buried, "late")
    await queue.nack(nacked, 5.0, HandBack.RETRY)
    await queue.extend(extended, 10.0)
    assert await queue.depth() == {"visible": 0, "in_flight": 1, "delayed": 1, "dead": 1}
    clock.advance(11.0)
    again = await queue.receive(10, 0)
    assert [lease.key for lease in again] == [nacked.key, extended.key]
    with pytest.raises(LeaseLostError):
        await queue.ack(extended, DONE)


async def test_a_late_extension_goes_no_further_than_the_total() -> None:
    clock = VirtualClock()
    queue, _ = await sent(clock, settles_after_expiry=True, lease_total_s_max=60.0)
    (lease,) = await queue.receive(1, 0)
    clock.advance(60.0)
    with pytest.raises(LeaseLostError, match="as long as it may be"):
        await queue.extend(lease, 10.0)
    assert (await queue.depth())["visible"] == 1


async def test_s11_extend_makes_the_old_receipt_out_of_date_where_the_option_says_so() -> None:
    queue, _ = await sent(VirtualClock(), extend_renews_receipt=True)
    (lease,) = await queue.receive(1, 0)
    newer = await queue.extend(lease, 30.0)
    with pytest.raises(LeaseLostError):
        await queue.ack(lease, DONE)
    await queue.ack(newer, DONE)


@pytest.mark.parametrize(
    "options",
    [
        {"lease_s": 0.0},
        {"lease_s": 50_000.0},
        {"batch_size_max": 0},
        {"max_receive_count": 0},
        {"retention_s": -1.0},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        QueueOptions(**options)  # type: ignore[arg-type]  # by name


# --- History and accounts


async def test_the_history_tells_every_step() -> None:
    clock = VirtualClock()
    queue, facts = await sent(clock, lease_s=30.0)
    (lease,) = await queue.receive(1, 0)
    clock.advance(20.0)
    await queue.extend(lease, 30.0)
    clock.advance(100.0)
    (lease,) = await queue.receive(1, 0)
    await queue.nack(lease, 5.0, HandBack.INTERRUPTED)
    clock.advance(5.0)
    (lease,) = await queue.receive(1, 0)
    await queue.dead_letter(lease, "enough")
    await queue.send(Task("next", {}), delay_s=1.0)
    clock.advance(1.0)
    (lease,) = await queue.receive(1, 0)
    await queue.ack(lease, DONE)
    assert [(fact.kind.value, fact.at, fact.receipt, fact.until, fact.reason) for fact in facts] == [
        ("sent", 0.0, "", 0.0, ""),
        ("delivered", 0.0, "1#1", 30.0, ""),
        ("extended", 20.0, "1#1", 50.0, ""),
        ("expired", 50.0, "1#1", None, ""),
        ("delivered", 120.0, "1#2", 150.0, ""),
        ("nacked", 120.0, "1#2", 125.0, "interrupted"),
        ("delivered", 125.0, "1#3", 155.0, ""),
        ("dead_lettered", 125.0, "1#3", None, "enough"),
        ("sent", 125.0, "", 126.0, ""),
        ("delivered", 126.0, "2#1", 156.0, ""),
        ("acked", 126.0, "2#1", None, ""),
    ]


async def test_s3_every_message_is_accounted_for() -> None:
    clock = VirtualClock()
    queue, facts = await sent(clock, 20, retention_s=1000.0)
    for number, lease in enumerate(await queue.receive(10, 0)):
        if number % 4 == 0:
            await queue.ack(lease, DONE)
        elif number % 4 == 1:
            await queue.nack(lease, 100.0, HandBack.RETRY)
        elif number % 4 == 2:
            await queue.dead_letter(lease, "bad")
    depth = await queue.depth()
    assert depth == {"visible": 10, "in_flight": 2, "delayed": 3, "dead": 2}
    assert queue.accepted == queue.acked + queue.removed + sum(depth.values())
    kinds = Counter(fact.kind for fact in facts)
    assert kinds[FactKind.SENT] == queue.accepted
    assert kinds[FactKind.ACKED] == queue.acked
    await queue.purge()
    assert await queue.depth() == {"visible": 0, "in_flight": 0, "delayed": 0, "dead": 2}
    assert queue.accepted == queue.acked + queue.removed + 2


async def test_h1_the_same_calls_give_the_same_history() -> None:
    async def history() -> list[Fact]:
        clock = VirtualClock()
        queue, facts = await sent(clock, 50)
        for number in range(60):
            for lease in await queue.receive(3, 0):
                await queue.nack(lease, number % 3, HandBack.RETRY)
            clock.advance(0.7)
        return facts

    assert await history() == await history()


async def test_settled_messages_leave_nothing_behind() -> None:
    clock = VirtualClock()
    queue, _ = await sent(clock, 0, retention_s=1e6)
    for _ in range(2000):
        await queue.send(Task("a", {}))
        (lease,) = await queue.receive(1, 0)
        for _ in range(5):
            lease = await queue.extend(lease, 100.0)
        await queue.ack(lease, DONE)
    store = queue._store
    assert not store._live
    assert not store._visible
    assert len(store._timers._heap) < 300
    assert len(store._retention._heap) < 300


# --- Waiting


async def test_several_workers_share_a_queue_and_one_of_them_leaves() -> None:
    clock = VirtualClock()
    queue, _ = await sent(clock, 0)
    await queue.aclose()
    poll = asyncio.create_task(queue.receive(1, 10.0))
    await settle()
    await queue.send(Task("a", {}))
    (lease,) = await poll
    await queue.aclose()
    await queue.ack(lease, DONE)


async def test_there_is_one_timer_however_many_messages_and_receivers() -> None:
    clock = VirtualClock()
    queue, _ = await sent(clock, 500)
    for _ in range(50):
        await queue.receive(10, 0)
    polls = [asyncio.create_task(queue.receive(10, 20.0)) for _ in range(20)]
    await settle()
    assert len(clock._sleepers) == 1
    assert len(asyncio.all_tasks()) == len(polls) + 2  # this test, and the timer
    await clock.run_for(20.0)
    assert [poll.done() for poll in polls] == [True] * 20
    assert len(clock._sleepers) == 0


async def test_a_nearer_moment_moves_the_timer() -> None:
    clock = VirtualClock()
    queue, _ = await sent(clock, 1)
    (lease,) = await queue.receive(1, 0)
    poll = asyncio.create_task(queue.receive(1, 20.0))
    await settle()
    assert clock.next_deadline() == 20.0
    await queue.send(Task("later", {}), delay_s=15.0)
    await settle()
    assert clock.next_deadline() == 15.0
    await queue.extend(lease, 12.0)
    await settle()
    assert clock.next_deadline() == 12.0
    await queue.nack(lease, 3.0, HandBack.RETRY)
    await clock.run_for(3.0)
    assert [again.task.task_id for again in await poll] == ["t0"]


@pytest.mark.parametrize("how", ["arrival", "expiry", "delay", "nack"])
async def test_a_long_poll_wakes_in_real_time_too(how: str) -> None:
    clock = SystemClock()
    queue, _ = await sent(clock, 0, lease_s=0.1)
    delay_s = 0.1 if how == "delay" else 0.0
    if how in {"expiry", "nack"}:
        await queue.send(Task("a", {}))
    leases = await queue.receive(1, 0)
    poll = asyncio.create_task(queue.receive(1, 20.0))
    await asyncio.sleep(0)
    began = clock.monotonic()
    if how in {"arrival", "delay"}:
        await queue.send(Task("a", {}), delay_s=delay_s)
    elif how == "nack":
        await queue.nack(leases[0], 0.0, HandBack.RETRY)
    assert [again.task.task_id for again in await poll] == ["a"]
    assert clock.monotonic() - began < 15.0


# --- Looking and managing


async def test_peek_takes_nothing_away() -> None:
    queue, _ = await sent(VirtualClock(), 2)
    await queue.send_raw(b"bad")
    assert await queue.peek(10) == [*numbered(2), b"bad"]
    assert await queue.peek(1) == numbered(1)
    assert len(await queue.receive(10, 0)) == 3
    assert await queue.peek(10) == []


async def test_a_deleted_queue_is_gone_until_it_is_created() -> None:
    queue, _ = await sent(VirtualClock(), 2)
    poll = asyncio.create_task(queue.receive(1, 20.0))
    await poll
    waiting = asyncio.create_task(queue.receive(2, 20.0))
    await settle()
    await queue.delete()
    await queue.delete()
    with pytest.raises(QueueError, match="does not exist"):
        await queue.receive(1, 0)
    with pytest.raises(QueueError, match="does not exist"):
        await queue.send(Task("a", {}))
    await asyncio.wait([waiting])
    await queue.create()
    await queue.create()
    assert await queue.receive(1, 0) == []


class WatchedQueue(InMemoryQueue):
    """Knows how often somebody looked into it."""

    looks = 0

    async def depth(self) -> Mapping[str, int]:
        self.looks += 1
        return await super().depth()


async def test_those_who_only_look_do_not_wake_each_other_for_nothing() -> None:
    clock = VirtualClock()
    queue = WatchedQueue(clock, QueueOptions(lease_s=10.0))
    await queue.send(Task("a", {}))
    (lease,) = await queue.receive(1, 0)
    lookers = [asyncio.create_task(queue.wait_ready(60.0)) for _ in range(3)]
    await settle()
    await queue.extend(lease, 30.0)
    await clock.run_for(12.0)  # they look when the first lease would have ended
    queue.looks = 0
    for _ in range(100):
        await asyncio.sleep(0)
    assert queue.looks == 0
    await queue.nack(lease, 0.0, HandBack.RETRY)
    await asyncio.gather(*lookers)
