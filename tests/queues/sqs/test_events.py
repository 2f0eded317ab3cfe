"""The event queue: at least once, in order for each task, whatever the answers are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cloud_tasks.core.events import EventRecord, TaskTimedOut
from cloud_tasks.errors import SinkUnavailableError
from cloud_tasks.interfaces import EventSink, FeedMessage
from tests.queues.sqs.harness import backend_at
from tests.queues.sqs.scripted import URL, Answer, Scripted, refused
from tests.queues.sqs.test_settlements import asked, ends


def event(task_id: str, tail: str = "") -> EventRecord:
    timed_out = TaskTimedOut(task_id=task_id, elapsed_time=1.0, retry=False, attempt=1, stderr_tail=tail)
    return EventRecord("2026-01-01T00:00:00+00:00", "host", timed_out)


@asynccontextmanager
async def sink_of(script: Scripted, *, fifo: bool = False) -> AsyncIterator[EventSink]:
    with script.served() as url:
        backend = backend_at(url, exactly_once=fifo)
        yield await backend.sink()
        await backend.aclose()


def script(*answers: Answer) -> Scripted:
    return Scripted({"GetQueueUrl": (200, {"QueueUrl": f"{URL}job-events"}), "SendMessageBatch": [*answers]})


def sent(scripted: Scripted) -> list[list[str]]:
    batches = asked(scripted, "SendMessageBatch")
    return [[json.loads(entry["MessageBody"])["task_id"] for entry in batch["Entries"]] for batch in batches]


async def test_ten_go_out_in_a_batch() -> None:
    answers = script(ends(tuple(range(10))))
    async with sink_of(answers) as sink:
        await sink.emit([event(f"t{number}") for number in range(20)])
    assert sorted(map(len, sent(answers))) == [10, 10]


async def test_events_of_one_task_go_one_after_the_other() -> None:
    answers = script(ends((0, 1)), ends((0,)))
    async with sink_of(answers) as sink:
        await sink.emit([event("a"), event("b"), event("a")])
    assert sent(answers) == [["a", "b"], ["a"]]


async def test_f3_only_what_was_not_accepted_is_sent_again() -> None:
    answers = script(ends((0, 2), {1: "InternalError"}), ends((0,)))
    async with sink_of(answers) as sink:
        records = [event("a"), event("b"), event("c")]
        with pytest.raises(SinkUnavailableError, match="1 of 3 were not accepted"):
            await sink.emit(records)
        await sink.emit(records)
    assert sent(answers) == [["a", "b", "c"], ["b"]]


async def test_f3_an_outage_is_told_and_nothing_is_taken_for_stored() -> None:
    down = refused("ServiceUnavailable", status=503)
    answers = script(down, down, ends((0,)))
    async with sink_of(answers) as sink:
        records = [event("a")]
        with pytest.raises(SinkUnavailableError, match="ServiceUnavailable"):
            await sink.emit(records)
        await sink.emit(records)
    assert sent(answers)[-1] == ["a"]


async def test_an_event_that_is_too_large_is_cut_and_says_so() -> None:
    answers = script(ends((0,)))
    async with sink_of(answers) as sink:
        await sink.emit([event("a", "x" * 1_100_000)])
    (batch,) = asked(answers, "SendMessageBatch")
    told = json.loads(batch["Entries"][0]["MessageBody"])
    assert told["stderr_tail"] == "left out: 1100002 bytes are more than a message can hold"


async def test_large_events_do_not_share_a_batch_that_would_be_too_large() -> None:
    answers = script(ends((0,)))
    async with sink_of(answers) as sink:
        await sink.emit([event(f"t{number}", "x" * 600_000) for number in range(3)])
    assert sorted(map(len, sent(answers))) == [1, 1, 1]


async def test_signs_that_sqs_refuses_are_escaped() -> None:
    answers = script(ends((0,)))
    async with sink_of(answers) as sink:
        await sink.emit([event("a", "odd \ufffe \uffff \0 end")])
    (batch,) = asked(answers, "SendMessageBatch")
    body = batch["Entries"][0]["MessageBody"]
    assert "\ufffe" not in body
    assert json.loads(body)["stderr_tail"] == "odd \ufffe \uffff \0 end"


async def test_a_fifo_queue_keeps_each_task_in_a_group_and_drops_what_is_sent_again() -> None:
    answers = script(ends((0, 1)))
    async with sink_of(answers, fifo=True) as sink:
        await sink.emit([event("a"), event("b")])
        await sink.emit([event("a"), event("b")])
    first, second = (batch["Entries"] for batch in asked(answers, "SendMessageBatch"))
    groups = [entry["MessageGroupId"] for entry in first]
    assert len(set(groups)) == 2
    assert [entry["MessageDeduplicationId"] for entry in first] == [
        entry["MessageDeduplicationId"] for entry in second
    ]


async def test_what_a_monitor_takes_and_removes(moto_url: str) -> None:
    backend = backend_at(moto_url)
    await backend.check(tasks=False, events=True, create=True)
    sink, feed = await backend.sink(), await backend.feed()
    await sink.emit([event(f"t{number}") for number in range(12)])
    taken: list[FeedMessage] = []
    async with asyncio.timeout(30):
        while len(taken) < 12:
            taken += await feed.receive(10, 1.0)
    assert sorted(json.loads(one.body)["task_id"] for one in taken) == sorted(
        f"t{number}" for number in range(12)
    )
    await feed.ack(taken)
    depth = await (await backend.inspector("events")).depth()
    assert (depth["visible"], depth["in_flight"]) == (0, 0)
    await (await backend.inspector("events")).delete()
    await feed.aclose()
    await backend.aclose()
