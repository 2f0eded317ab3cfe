"""What the queue asks for, and what it makes of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import HandBack, Lease, Outcome, OutcomeKind, Task
from cloud_tasks.errors import LeaseLostError, QueueUnavailableError, SendFailedError
from cloud_tasks.queues.sqs.limits import MESSAGE_BYTES_MAX
from cloud_tasks.queues.sqs.task_queue import QueueFacts, SqsQueue
from tests.queues.sqs.harness import SqsHarness, backend_at, connection_to, stand_in_settings
from tests.queues.sqs.scripted import URL, Answer, Scripted, refused

DONE = Outcome(OutcomeKind.COMPLETED)
THROTTLED = refused("RequestThrottled")
FACTS = QueueFacts(url=f"{URL}job", fifo=False, dead_letter_url=f"{URL}job-dead")


def messages(*names: str) -> Answer:
    return 200, {
        "Messages": [
            {
                "MessageId": name,
                "ReceiptHandle": f"receipt-{name}",
                "Body": f'{{"task_id": "{name}", "data": {{}}}}',
                "Attributes": {"ApproximateReceiveCount": "3"},
            }
            for name in names
        ]
    }


def ends(good: tuple[int, ...] = (), bad: Mapping[int, str] | None = None) -> Answer:
    """The answer to a batch."""
    failed = [
        {"Id": str(entry), "Code": code, "Message": "why", "SenderFault": True}
        for entry, code in (bad or {}).items()
    ]
    return 200, {"Successful": [{"Id": str(entry)} for entry in good], "Failed": failed}


@asynccontextmanager
async def queue_of(script: Scripted, facts: QueueFacts = FACTS) -> AsyncIterator[SqsQueue]:
    with script.served() as url:
        calls = connection_to(url).calls
        queue = SqsQueue(calls, facts, 30.0, SystemClock())
        yield queue
        await queue.aclose()
        await calls.aclose()


async def received(queue: SqsQueue, count: int) -> list[Lease]:
    leases = await queue.receive(10, 0.0)
    assert len(leases) == count
    return leases


def asked(script: Scripted, operation: str) -> list[dict[str, Any]]:
    return [arguments for name, arguments in script.asked if name == operation]


async def test_a_receive_asks_for_no_more_than_is_wanted_and_counts_the_lease_from_before() -> None:
    script = Scripted({"ReceiveMessage": messages("a", "b")})
    async with queue_of(script) as queue:
        leases = await queue.receive(2, 20.0)
    (request,) = asked(script, "ReceiveMessage")
    assert (request["MaxNumberOfMessages"], request["WaitTimeSeconds"], request["VisibilityTimeout"]) == (
        2,
        20,
        30,
    )
    assert [(one.key, one.receipt, one.duration_s, one.delivery_count) for one in leases] == [
        ("a", "receipt-a", 30.0, 3), ("b", "receipt-b", 30.0, 3),
    ]  # fmt: skip


async def test_what_comes_at_once_goes_out_as_one_batch() -> None:
    script = Scripted({"ReceiveMessage": messages("a", "b", "c"), "DeleteMessageBatch": ends((0, 1, 2))})
    async with queue_of(script) as queue:
        await asyncio.gather(*(queue.ack(lease, DONE) for lease in await received(queue, 3)))
    (request,) = asked(script, "DeleteMessageBatch")
    assert [entry["ReceiptHandle"] for entry in request["Entries"]] == ["receipt-a", "receipt-b", "receipt-c"]


async def test_f24_each_entry_of_a_batch_has_an_end_of_its_own() -> None:
    script = Scripted(
        {
            "ReceiveMessage": messages("good", "lost", "later", "forgotten"),
            "DeleteMessageBatch": ends((0,), {1: "ReceiptHandleIsInvalid", 2: "InternalError"}),
        }
    )
    async with queue_of(script) as queue:
        leases = await received(queue, 4)
        told = await asyncio.gather(*(queue.ack(lease, DONE) for lease in leases), return_exceptions=True)
    assert told[0] is None
    assert isinstance(told[1], LeaseLostError)
    # What the answer does not name is not taken for done.
    assert [type(end) for end in told[2:]] == [QueueUnavailableError, QueueUnavailableError]


async def test_f44_a_throttled_call_is_no_success_and_not_tried_without_end() -> None:
    script = Scripted({"ReceiveMessage": messages("a"), "DeleteMessageBatch": [THROTTLED] * 9})
    async with queue_of(script) as queue:
        (lease,) = await received(queue, 1)
        with pytest.raises(QueueUnavailableError, match="RequestThrottled"):
            await queue.ack(lease, DONE)
    assert len(asked(script, "DeleteMessageBatch")) == 2


async def test_a_settlement_that_failed_can_be_tried_again() -> None:
    script = Scripted(
        {"ReceiveMessage": messages("a"), "DeleteMessageBatch": [ends((), {0: "Busy"}), ends((0,))]}
    )
    async with queue_of(script) as queue:
        (lease,) = await received(queue, 1)
        with pytest.raises(QueueUnavailableError):
            await queue.ack(lease, DONE)
        await queue.ack(lease, DONE)
        with pytest.raises(LeaseLostError):
            await queue.ack(lease, DONE)


async def test_f23_a_dead_letter_is_sent_before_it_is_deleted() -> None:
    script = Scripted(
        {
            "ReceiveMessage": messages("a"),
            "SendMessage": [THROTTLED, THROTTLED, (200, {})],
            "DeleteMessageBatch": ends((0,)),
        }
    )
    async with queue_of(script) as queue:
        (lease,) = await received(queue, 1)
        with pytest.raises(QueueUnavailableError):
            await queue.dead_letter(lease, "\0 why not")
        assert not asked(script, "DeleteMessageBatch")
        await queue.dead_letter(lease, "\0 why not")
    assert [name for name, _ in script.asked][-2:] == ["SendMessage", "DeleteMessageBatch"]
    sent = asked(script, "SendMessage")[-1]
    assert sent["QueueUrl"] == FACTS.dead_letter_url
    assert sent["MessageBody"] == '{"task_id": "a", "data": {}}'
    assert sent["MessageAttributes"]["reason"]["StringValue"] == "? why not"


@pytest.mark.parametrize(
    ("room", "told"), [(2_000, "é" * 600), (31, "é" * 15), (2, "é"), (1, None), (0, None)]
)
async def test_f23_the_reason_takes_no_more_room_than_there_is_beside_the_message(
    room: int, told: str | None
) -> None:
    body = "x" * (MESSAGE_BYTES_MAX - len("reasonString") - room)
    answer = messages("a")
    answer[1]["Messages"][0]["Body"] = body
    script = Scripted({"ReceiveMessage": answer, "SendMessage": (200, {}), "DeleteMessageBatch": ends((0,))})
    async with queue_of(script) as queue:
        (lease,) = await received(queue, 1)
        await queue.dead_letter(lease, "é" * 600)
    (sent,) = asked(script, "SendMessage")
    assert sent["MessageBody"] == body
    assert sent.get("MessageAttributes", {}).get("reason", {}).get("StringValue") == told


async def test_f23_a_dead_letter_that_its_queue_never_takes_is_put_aside(
    caplog: pytest.LogCaptureFixture,
) -> None:
    too_large = refused("InvalidParameterValue", "Reason: Message must be shorter than 1024 bytes.")
    script = Scripted(
        {
            "ReceiveMessage": messages("a"),
            "SendMessage": too_large,
            "ChangeMessageVisibilityBatch": ends((0,)),
        }
    )
    async with queue_of(script) as queue:
        for _ in range(2):
            (lease,) = await received(queue, 1)
            await queue.dead_letter(lease, "why")
    put_aside = asked(script, "ChangeMessageVisibilityBatch")
    assert [one["Entries"][0]["VisibilityTimeout"] for one in put_aside] == [600, 600]
    assert not asked(script, "DeleteMessageBatch")
    (said,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "shorter than 1024 bytes" in said
    assert "600 s" in said


async def test_f23_without_a_place_for_dead_letters_the_message_is_put_aside_and_not_deleted() -> None:
    script = Scripted({"ReceiveMessage": messages("a"), "ChangeMessageVisibilityBatch": ends((0,))})
    async with queue_of(script, QueueFacts(url=f"{URL}job", fifo=False)) as queue:
        assert not queue.capabilities.dead_letters
        (lease,) = await received(queue, 1)
        await queue.dead_letter(lease, "why")
    (request,) = asked(script, "ChangeMessageVisibilityBatch")
    assert request["Entries"][0]["VisibilityTimeout"] == 600
    assert not asked(script, "DeleteMessageBatch")


async def test_f20_a_delay_that_is_too_long_is_clipped_to_what_is_left_of_twelve_hours() -> None:
    script = Scripted({"ReceiveMessage": messages("a"), "ChangeMessageVisibilityBatch": ends((0,))})
    async with queue_of(script) as queue:
        (lease,) = await received(queue, 1)
        await queue.nack(lease, 1e9, HandBack.RETRY)
    (request,) = asked(script, "ChangeMessageVisibilityBatch")
    assert 43_100 < request["Entries"][0]["VisibilityTimeout"] < 43_200


async def test_f12_what_a_cancelled_long_poll_brings_is_handed_back(moto_url: str) -> None:
    harness = SqsHarness(stand_in_settings(moto_url), lease_s=600.0)
    queue = await harness.open()
    poll = asyncio.create_task(queue.receive(1, 20.0))
    await asyncio.sleep(0.2)
    poll.cancel()
    await asyncio.gather(poll, return_exceptions=True)
    await harness.send(Task("a", {}))
    deadline = harness.clock.monotonic() + 15.0
    leases: list[Lease] = []
    while not leases and harness.clock.monotonic() < deadline:
        leases = await queue.receive(1, 1.0)
    assert [lease.task.task_id for lease in leases] == ["a"]
    await harness.aclose()


async def test_f12_a_poll_that_is_cancelled_as_its_answer_comes_is_handed_back() -> None:
    """The answer is there, and whoever waits for it has not seen it yet."""
    script = Scripted({"ReceiveMessage": messages("a"), "ChangeMessageVisibilityBatch": ends((0,))})
    async with queue_of(script) as queue:
        receiver = asyncio.create_task(queue.receive(1, 5.0))
        await asyncio.sleep(0)
        (poll,) = [task for task in asyncio.all_tasks() if "Calls.poll" in repr(task)]
        poll.add_done_callback(lambda _: receiver.cancel())
        await asyncio.wait({receiver})
        assert receiver.cancelled()
    (request,) = asked(script, "ChangeMessageVisibilityBatch")
    assert [(one["ReceiptHandle"], one["VisibilityTimeout"]) for one in request["Entries"]] == [
        ("receipt-a", 0)
    ]


async def test_f38_a_batch_of_which_a_part_was_refused_names_that_part() -> None:
    script = Scripted(
        {
            "GetQueueUrl": (200, {"QueueUrl": f"{URL}job"}),
            "SendMessageBatch": [ends(tuple(range(10))), ends((0, 2), {1: "InternalError"})],
        }
    )
    with script.served() as url:
        backend = backend_at(url)
        sender = await backend.sender()
        with pytest.raises(SendFailedError) as caught:
            await sender.send_many(Task(f"t{number:02}", {}) for number in range(13))
        await backend.aclose()
    assert (caught.value.unsent, caught.value.in_doubt) == (("t11",), ())


async def test_f38_after_a_lost_reply_nobody_knows_of_that_batch_and_the_rest_is_not_sent() -> None:
    script = Scripted(
        {"GetQueueUrl": (200, {"QueueUrl": f"{URL}job"}), "SendMessageBatch": refused("Down", status=500)}
    )
    with script.served() as url:
        backend = backend_at(url)
        with pytest.raises(SendFailedError) as caught:
            await (await backend.sender()).send_many(Task(f"t{number:02}", {}) for number in range(13))
        await backend.aclose()
    assert caught.value.in_doubt == tuple(f"t{number:02}" for number in range(10))
    assert caught.value.unsent == ("t10", "t11", "t12")
