from __future__ import annotations

import asyncio

import pytest

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.interfaces import FeedMessage
from cloud_tasks.monitor import MonitorSettings
from fakes.event_queue import InMemoryEventQueue
from tests.monitor.conftest import NAMES
from tests.monitor.watching import Watch
from tests.task_db.jobs import ended, keep_alive, rows


def tell(queue: InMemoryEventQueue, *names: str) -> None:
    for name in names:
        queue.put(ended(name))


async def test_it_ends_by_itself_when_every_task_is_finished(watch: Watch, queue: InMemoryEventQueue) -> None:
    run = watch.start()
    tell(queue, *NAMES[:-1])
    await watch.clock.run_for(600)
    assert not run.done()
    assert watch.view.shown[-1].finished == len(NAMES) - 1
    tell(queue, NAMES[-1])
    assert (await watch.end()).statuses == {"completed": len(NAMES)}
    assert watch.left() == 0
    assert [one.effect for one in watch.view.events] == ["applied"] * len(NAMES)


async def test_a_job_that_is_finished_already_ends_at_once(watch: Watch) -> None:
    watch.book.apply([ended(name) for name in NAMES])
    assert (await watch.end()).finished == len(NAMES)
    assert watch.feed.calls == 1


async def test_it_goes_on_if_it_is_told_to(watch: Watch, queue: InMemoryEventQueue) -> None:
    watch.settings = MonitorSettings(auto_complete=False)
    run = watch.start()
    tell(queue, *NAMES)
    await watch.clock.run_for(600)
    assert not run.done()
    queue.put(ended("a stranger"))
    await watch.clock.run_for(10)
    assert watch.view.shown[-1].effects["unknown_task"] == 1
    watch.stop()
    assert (await watch.end()).finished == len(NAMES)


async def test_what_was_told_after_the_last_task_is_taken_as_well(
    watch: Watch, queue: InMemoryEventQueue
) -> None:
    tell(queue, *NAMES)
    for _ in range(40):
        tell(queue, NAMES[0])
    assert (await watch.end()).effects == {"applied": len(NAMES), "duplicate": 40}
    assert watch.left() == 0


async def test_f27_what_is_acked_is_stored(watch: Watch, queue: InMemoryEventQueue) -> None:
    acked: list[bytes] = []

    def look(messages: list[FeedMessage]) -> None:
        acked.extend(message.body for message in messages)
        stored = {str(raw).encode() for (raw,) in rows(watch.path, "SELECT raw_event FROM events")}
        assert set(acked) <= stored

    watch.feed.before_ack = look
    tell(queue, *NAMES)
    await watch.end()
    assert sorted(acked) == sorted(ended(name) for name in NAMES)


async def test_f27_what_cannot_be_stored_is_not_acked(watch: Watch, queue: InMemoryEventQueue) -> None:
    tell(queue, *NAMES)
    rows(watch.path, "CREATE TRIGGER full BEFORE UPDATE ON tasks BEGIN SELECT raise(ABORT, 'full'); END")
    with pytest.raises(ConfigurationError, match="cannot be used: full"):
        await watch.end()
    assert watch.left() == len(NAMES)


async def test_an_outage_of_the_queue_is_ridden_out(watch: Watch, queue: InMemoryEventQueue) -> None:
    watch.feed.receives_fail = True
    watch.start()
    await watch.clock.run_for(600)
    calls = watch.feed.calls
    assert calls < 60  # pauses grow
    assert watch.view.said == [
        "the event queue cannot be read, and it will be tried again: ReceiveMessage: no answer"
    ]
    watch.feed.receives_fail = False
    tell(queue, *NAMES)
    assert (await watch.end()).finished == len(NAMES)
    assert watch.view.said[1:] == ["the event queue answers again"]


async def test_what_could_not_be_acked_comes_again_and_counts_once(
    watch: Watch, queue: InMemoryEventQueue
) -> None:
    watch.feed.acks_fail = True
    watch.settings = MonitorSettings(auto_complete=False)
    watch.start()
    tell(queue, *NAMES)
    await watch.clock.run_for(300)
    what = "what is stored cannot be removed from the event queue, and it will be tried again"
    assert watch.view.said == [f"{what}: DeleteMessageBatch: no answer"]
    assert watch.view.shown[-1].statuses == {"completed": len(NAMES)}
    assert watch.left() == len(NAMES)
    watch.feed.acks_fail = False
    await watch.clock.run_for(300)
    assert watch.left() == 0
    watch.stop()
    snapshot = await watch.end()
    assert snapshot.effects["applied"] == len(NAMES)
    assert snapshot.effects["duplicate"] >= len(NAMES)
    assert len(watch.view.events) == len(NAMES)  # each was shown once


async def test_f23_messages_that_are_no_events_hold_up_nothing(
    watch: Watch, queue: InMemoryEventQueue
) -> None:
    odd = [b"hello \x1b[2J", b"\xff\xfe", b"[]", b'{"event_type":"task_abducted"}', ended("not-mine")]
    for body in odd:
        queue.put(body)
    tell(queue, *NAMES)
    assert (await watch.end()).effects == {
        "applied": len(NAMES),
        "unknown_task": 1,
        "unknown_type": 1,
        "no_event": 3,
    }
    assert watch.left() == 0
    more = "(it is stored; further ones are only counted)"
    assert watch.view.said == [
        f"a message of the event queue is no event: hello \\x1b[2J {more}",
        f"an event is of an unknown type: task_abducted {more}",
        f"an event is about a task that is not in the database: not-mine {more}",
    ]
    stored = [raw for (raw,) in rows(watch.path, "SELECT raw_event FROM events WHERE effect <> 'applied'")]
    assert [raw if isinstance(raw, bytes) else raw.encode() for raw in stored] == odd


async def test_keep_alives_show_who_is_there(watch: Watch, queue: InMemoryEventQueue) -> None:
    watch.start()
    queue.put(keep_alive("h1"))
    await watch.clock.run_for(1)
    assert [machine.instance_id for machine in watch.view.shown[-1].machines] == ["i-h1"]
    assert watch.left() == 0
    watch.stop()
    await watch.end()


async def test_it_stops_in_the_middle_of_a_wait(watch: Watch) -> None:
    run = watch.start()
    await watch.clock.run_for(2)
    watch.stop()
    await watch.clock.run_for(0)
    assert run.done()
    assert run.result().finished == 0


async def test_it_stops_in_the_middle_of_an_outage(watch: Watch) -> None:
    watch.feed.receives_fail = True
    run = watch.start()
    await watch.clock.run_for(100)
    watch.stop()
    await watch.clock.run_for(0)
    assert run.done()


async def test_it_can_be_cancelled_and_leaves_nothing_running(watch: Watch) -> None:
    run = watch.start()
    await watch.clock.run_for(2)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_fault_of_the_feed_is_not_taken_for_an_outage(watch: Watch) -> None:
    async def broken(messages_max: int, wait_s: float) -> list[FeedMessage]:
        raise LookupError("a bug")

    watch.feed.receive = broken  # type: ignore[method-assign]
    with pytest.raises(LookupError):
        await watch.end()


async def test_a_part_of_the_calls_that_fails_takes_nothing_from_the_others(
    watch: Watch, queue: InMemoryEventQueue
) -> None:
    receive = watch.feed.receive

    async def every_third(messages_max: int, wait_s: float) -> list[FeedMessage]:
        watch.feed.receives_fail = watch.feed.calls % 3 == 2
        return await receive(messages_max, wait_s)

    watch.feed.receive = every_third  # type: ignore[method-assign]
    tell(queue, *NAMES)
    assert (await watch.end()).effects == {"applied": len(NAMES)}
    assert watch.left() == 0
