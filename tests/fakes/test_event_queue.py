from __future__ import annotations

import asyncio

from cloud_tasks.core.events import EventRecord, KeepAlive
from cloud_tasks.interfaces import EventSink, MessageFeed
from fakes.clock import VirtualClock, settle
from fakes.event_queue import InMemoryEventQueue
from fakes.history import Fact, FactKind
from fakes.queue_options import QueueOptions


def bodies(count: int) -> list[bytes]:
    return [str(number).encode() for number in range(count)]


def filled(clock: VirtualClock, count: int, **options: float) -> InMemoryEventQueue:
    queue = InMemoryEventQueue(clock, QueueOptions(**options))  # type: ignore[arg-type] # by name
    for body in bodies(count):
        queue.put(body)
    return queue


async def test_what_is_told_is_taken_in_order() -> None:
    queue = InMemoryEventQueue(VirtualClock())
    sink: EventSink = queue
    feed: MessageFeed = queue
    records = [EventRecord("2026-01-01", f"host-{number}", KeepAlive(instance_id="i")) for number in range(3)]
    await sink.emit(records)
    assert [message.body for message in await feed.receive(10, 0.0)] == [one.encode() for one in records]


async def test_what_is_not_acked_comes_again_under_another_receipt() -> None:
    clock = VirtualClock()
    queue = filled(clock, 3, lease_s=30)
    first = await queue.receive(10, 0.0)
    await queue.ack(first[:1])
    clock.advance(29.9)
    assert await queue.receive(10, 0.0) == []
    clock.advance(0.2)
    again = await queue.receive(10, 0.0)
    assert [message.body for message in again] == bodies(3)[1:]
    assert not {message.receipt for message in first} & {message.receipt for message in again}


async def test_f24_an_old_receipt_removes_nothing() -> None:
    clock = VirtualClock()
    queue = filled(clock, 1, lease_s=30)
    old = await queue.receive(10, 0.0)
    clock.advance(31)
    await queue.receive(10, 0.0)
    await queue.ack(old)
    clock.advance(31)
    assert len(await queue.receive(10, 0.0)) == 1


async def test_a_waiting_receiver_gets_the_next_message_at_once() -> None:
    clock = VirtualClock()
    queue = InMemoryEventQueue(clock)
    waiting = asyncio.ensure_future(queue.receive(10, 20.0))
    await settle()
    queue.put(b"hello")
    assert [message.body for message in await waiting] == [b"hello"]
    assert clock.monotonic() == 0


async def test_a_waiting_receiver_gets_what_a_dead_one_held() -> None:
    clock = VirtualClock()
    queue = filled(clock, 1, lease_s=5)
    await queue.receive(10, 0.0)
    waiting = asyncio.ensure_future(queue.receive(10, 20.0))
    await clock.run_for(5)
    assert [message.body for message in await waiting] == bodies(1)


async def test_a_wait_for_nothing_ends_on_time_and_at_the_end() -> None:
    clock = VirtualClock()
    queue = InMemoryEventQueue(clock)
    waiting = asyncio.ensure_future(queue.receive(10, 7.0))
    await clock.run_for(7)
    assert waiting.done()
    assert await waiting == []
    waiting = asyncio.ensure_future(queue.receive(10, 7.0))
    await settle()
    await queue.aclose()
    assert await waiting == []


async def test_it_gives_no_more_than_its_batch_and_counts_what_is_there() -> None:
    facts: list[Fact] = []
    queue = InMemoryEventQueue(VirtualClock(), QueueOptions(batch_size_max=10), facts.append)
    for body in bodies(25):
        queue.put(body)
    taken = await queue.receive(1000, 0.0)
    await queue.ack(taken[:4])
    assert queue.depth() == {"visible": 15, "in_flight": 6, "delayed": 0, "dead": 0}
    assert [fact.kind for fact in facts].count(FactKind.ACKED) == 4
