"""Publishing: what fits into a request, and what counts as accepted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.pubsub_v1 import types

from cloud_tasks.core.events import EventRecord, KeepAlive, TaskCompleted, TaskDeadLettered
from cloud_tasks.core.task import Task
from cloud_tasks.errors import MessageRefusedError, QueueUnavailableError, SinkUnavailableError
from cloud_tasks.queues.pubsub.event_sink import ORDERING_KEYS, PubSubEventSink
from cloud_tasks.queues.pubsub.limits import MESSAGE_BYTES_MAX
from cloud_tasks.queues.pubsub.publishing import Publishing
from cloud_tasks.queues.pubsub.sender import PubSubSender
from tests.queues.pubsub.scripted import fails, gives, scripted


async def accept(request: Any, context: Any) -> Any:
    return types.PublishResponse(message_ids=[str(number) for number in range(len(request.messages))])


def record(task_id: str, number: int = 0) -> EventRecord:
    event = TaskDeadLettered(task_id=task_id, elapsed_time=0.0, retry=False, attempt=1, reason=str(number))
    return EventRecord("2026-01-01T00:00:00+00:00", "here", event)


class TestSender:
    async def test_a_request_has_at_most_a_thousand_messages(self) -> None:
        async with scripted() as (server, calls):
            server.script("Publish", accept)
            await PubSubSender(Publishing(calls, "t")).send_many(
                Task(str(number), {}) for number in range(2500)
            )
            assert [len(one.messages) for one in server.seen["Publish"]] == [1000, 1000, 500]

    async def test_a_request_has_at_most_ten_megabytes(self) -> None:
        async with scripted() as (server, calls):
            server.script("Publish", accept)
            tasks = [Task(str(number), {"text": "x" * 3_000_000}) for number in range(4)]
            await PubSubSender(Publishing(calls, "projects/p/topics/t")).send_many(tasks)
            assert [len(one.messages) for one in server.seen["Publish"]] == [3, 1]
            assert all(one.ByteSize() <= 10_000_000 for one in server.seen["Publish"])

    async def test_the_largest_task_fits_and_a_larger_one_is_refused(self) -> None:
        async with scripted() as (server, calls):
            server.script("Publish", accept)
            sender = PubSubSender(Publishing(calls, f"projects/{'p' * 30}/topics/{'t' * 255}"))
            room = MESSAGE_BYTES_MAX - len(b'{"task_id":"a","data":{"text":""}}')
            await sender.send(Task("a", {"text": "x" * room}))
            assert server.seen["Publish"][0].ByteSize() <= 10_000_000
            with pytest.raises(MessageRefusedError, match="limit"):
                await sender.send(Task("a", {"text": "x" * (room + 1)}))

    async def test_an_answer_that_accepts_too_few_is_no_success(self) -> None:
        async with scripted() as (server, calls):
            server.script("Publish", gives(types.PublishResponse(message_ids=["1"])))
            with pytest.raises(QueueUnavailableError, match="2 messages sent, and 1 accepted"):
                await PubSubSender(Publishing(calls, "t")).send_many([Task("a", {}), Task("b", {})])

    async def test_the_tasks_before_one_that_is_refused_are_sent(self) -> None:
        async with scripted() as (server, calls):
            server.script("Publish", accept)
            tasks = [Task("a", {}), Task("bad", {"x": float("nan")}), Task("z", {})]
            with pytest.raises(MessageRefusedError, match="bad"):
                await PubSubSender(Publishing(calls, "t")).send_many(tasks)
            assert len(server.seen["Publish"][0].messages) == 1

    async def test_there_are_no_delays(self) -> None:
        async with scripted() as (_, calls):
            with pytest.raises(ValueError, match="delay_s"):
                await PubSubSender(Publishing(calls, "t")).send(Task("a", {}), delay_s=1.0)


class TestEventSink:
    async def test_events_of_a_task_have_one_key_and_keep_their_order(self) -> None:
        async with scripted() as (server, calls):
            server.script("Publish", accept)
            records = [record(f"t{number % 20}", number) for number in range(200)]
            await PubSubEventSink(Publishing(calls, "t")).emit(records)
            requests = server.seen["Publish"]
            assert 1 < len(requests) <= ORDERING_KEYS
            for request in requests:
                assert len({one.ordering_key for one in request.messages}) == 1
            sent = [one.data for request in requests for one in request.messages]
            assert sorted(sent) == sorted(one.encode() for one in records)
            for task in range(20):
                own = [one.encode() for one in records if one.event.task_id == f"t{task}"]  # type: ignore[attr-defined]
                assert [body for body in sent if body in own] == own

    async def test_one_event_is_one_request(self) -> None:
        async with scripted() as (server, calls):
            server.script("Publish", accept)
            await PubSubEventSink(Publishing(calls, "t")).emit(
                [EventRecord("", "here", KeepAlive(instance_id="i"))]
            )
            assert len(server.seen["Publish"]) == 1

    async def test_an_event_that_is_too_large_loses_its_largest_part(self) -> None:
        async with scripted() as (server, calls):
            server.script("Publish", accept)
            event = TaskCompleted(
                task_id="a",
                elapsed_time=1.0,
                retry=False,
                attempt=1,
                result="x" * 11_000_000,
                retry_requested=False,
            )
            await PubSubEventSink(Publishing(calls, "t")).emit([EventRecord("now", "here", event)])
            (sent,) = server.seen["Publish"][0].messages
            told = json.loads(sent.data)
            assert told["task_id"] == "a"
            assert told["result"] == "left out: 11000002 bytes are more than a message can hold"

    async def test_what_was_not_accepted_is_not_stored(self) -> None:
        async with scripted() as (server, calls):
            server.script("Publish", accept, fails("UNAVAILABLE", "away"), accept)
            sink = PubSubEventSink(Publishing(calls, "t"))
            records = [record(f"t{number}") for number in range(100)]
            with pytest.raises(SinkUnavailableError, match="away"):
                await sink.emit(records)
            await sink.emit(records)
            sent = {one.data for request in server.seen["Publish"] for one in request.messages}
            assert sent == {one.encode() for one in records}
