"""The model of SQS by itself: queues, their attributes, and what a call costs."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from fakes.clock import VirtualClock
from fakes.sqs import SqsError, SqsService
from fakes.sqs.message import Place
from fakes.sqs.queue import Queue
from fakes.sqs.requests import HandleBatch, Messages, OfMessage, SendMessageBatch
from fakes.sqs.values import HandleEntry, ReceiveOptions, SendEntry
from tests.fakes.sqs.test_service_stateful import at_once


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def service(clock: VirtualClock) -> SqsService:
    return SqsService(clock)


def receive(service: SqsService, queue: str = "q", count: int = 10) -> Messages:
    options = ReceiveOptions(queue_url=queue, max_number_of_messages=count, wait_time_seconds=0)
    return at_once(service.receive(options))


def redrive(queue: Queue, count: object = 1) -> dict[str, str]:
    return {"RedrivePolicy": f'{{"deadLetterTargetArn": "{queue.arn}", "maxReceiveCount": {count}}}'}


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(SqsError) as caught:
        call()
    return caught.value.code


# --- Queues


@pytest.mark.parametrize("name", ["a b", "x" * 81, "ü", "q.fifo.fifo", "q/a", ".fifo"])
def test_names_that_no_queue_can_have(service: SqsService, name: str) -> None:
    attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
    assert code_of(lambda: service.create_queue(name, attributes)) == "InvalidParameterValue"


def test_a_name_says_whether_it_is_a_fifo_queue(service: SqsService) -> None:
    assert code_of(lambda: service.create_queue("q.fifo")) == "InvalidParameterValue"
    assert code_of(lambda: service.create_queue("q", {"FifoQueue": "true"})) == "InvalidAttributeName"


def test_a_queue_is_made_once(service: SqsService) -> None:
    made = service.create_queue("q", {"VisibilityTimeout": "60"})
    assert service.create_queue("q") is made
    assert service.create_queue("q", {"VisibilityTimeout": "60", "DelaySeconds": "0"}) is made
    assert code_of(lambda: service.create_queue("q", {"VisibilityTimeout": "61"})) == "QueueAlreadyExists"


DEEP = 100_000
"""Deeper than any JSON parser goes: that of Python 3.13 takes 9,000 levels, that of 3.11 fewer than 1,000."""


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"VisibilityTimeout": "43201"}, "InvalidAttributeValue"),
        ({"VisibilityTimeout": "-1"}, "InvalidAttributeValue"),
        ({"VisibilityTimeout": "x"}, "InvalidAttributeValue"),
        ({"DelaySeconds": "901"}, "InvalidAttributeValue"),
        ({"MessageRetentionPeriod": "59"}, "InvalidAttributeValue"),
        ({"MaximumMessageSize": "1048577"}, "InvalidAttributeValue"),
        ({"ReceiveMessageWaitTimeSeconds": "21"}, "InvalidAttributeValue"),
        ({"VisibilityTimeout": "9" * 5_000}, "InvalidAttributeValue"),
        ({"Policy": "no JSON"}, "InvalidAttributeValue"),
        ({"Policy": '{"a":' * DEEP + "1" + "}" * DEEP}, "InvalidAttributeValue"),
        ({"RedrivePolicy": "[" * DEEP + "]" * DEEP}, "InvalidAttributeValue"),
        ({"Visibility": "1"}, "InvalidAttributeName"),
        ({"QueueArn": "x"}, "InvalidAttributeName"),
        ({"ContentBasedDeduplication": "true"}, "InvalidAttributeName"),
        ({"RedrivePolicy": "{}"}, "InvalidParameterValue"),
        ({"RedrivePolicy": '{"deadLetterTargetArn": "x", "maxReceiveCount": 1}'}, "InvalidParameterValue"),
    ],
)
def test_attributes_that_no_queue_can_have(
    service: SqsService, attributes: dict[str, str], code: str
) -> None:
    assert code_of(lambda: service.create_queue("q", attributes)) == code
    service.create_queue("q")
    before = service.queues.look("q", ("All",))
    assert code_of(lambda: service.queues.set("q", attributes)) == code
    assert service.queues.look("q", ("All",)) == before


@pytest.mark.parametrize("count", [0, 1001, '"x"', "null", f'"{"9" * 5_000}"', "[" * 500 + "]" * 500])
def test_a_dead_letter_queue_takes_after_1_to_1000_receives(service: SqsService, count: object) -> None:
    dead = service.create_queue("dead")
    assert code_of(lambda: service.create_queue("q", redrive(dead, count))) == "InvalidParameterValue"


def test_a_dead_letter_queue_is_another_queue_of_the_same_kind(service: SqsService) -> None:
    fifo = service.create_queue("d.fifo", {"FifoQueue": "true"})
    queue = service.create_queue("q")
    for target in (fifo, queue):
        assert code_of(lambda target=target: service.queues.set("q", redrive(target))) == (  # type: ignore[misc]
            "InvalidParameterValue"
        )


def test_attributes_can_be_changed_and_taken_back(service: SqsService, clock: VirtualClock) -> None:
    dead = service.create_queue("dead")
    service.create_queue("q", redrive(dead))
    assert service.queues.sources_of(dead) == ["q"]
    clock.advance(5)
    service.queues.set("q", {"RedrivePolicy": "", "VisibilityTimeout": "7"})
    shown = service.queues.look("q", ("All",))
    assert "RedrivePolicy" not in shown
    assert shown["VisibilityTimeout"] == "7"
    assert int(shown["LastModifiedTimestamp"]) - int(shown["CreatedTimestamp"]) == 5
    assert service.queues.look("q", ("VisibilityTimeout",)) == {"VisibilityTimeout": "7"}
    assert code_of(lambda: service.queues.look("q", ("Colour",))) == "InvalidAttributeName"


def test_a_message_is_not_lost_when_its_dead_letter_queue_is_gone(service: SqsService) -> None:
    service.create_queue("q", redrive(service.create_queue("dead")) | {"VisibilityTimeout": "0"})
    service.send("q", SendEntry(message_body="a"))
    assert len(receive(service).messages) == 1
    service.queues.delete("dead")
    assert len(receive(service).messages) == 1


def test_a_purge_takes_what_is_in_flight_and_delayed_too(service: SqsService) -> None:
    queue = service.create_queue("q")
    for delay_s in (0, 0, 60):
        service.send("q", SendEntry(message_body="a", delay_seconds=delay_s))
    (message,) = receive(service, count=1).messages
    service.queues.purge("q")
    assert not any(queue.counts()[place] for place in Place if place is not Place.NOWHERE)
    service.delete(OfMessage(queue_url="q", receipt_handle=message.receipt_handle))


@pytest.mark.parametrize("handle", ["", "x", "QVFFQjox", "ü", "QVFFQjo5OTox"])
def test_a_handle_that_is_none_is_refused(service: SqsService, handle: str) -> None:
    service.create_queue("q")
    code = "MissingParameter" if not handle else "ReceiptHandleIsInvalid"
    assert code_of(lambda: service.delete(OfMessage(queue_url="q", receipt_handle=handle))) == code


def test_a_handle_is_good_for_its_own_queue(service: SqsService) -> None:
    for name in ("q", "other"):
        service.create_queue(name)
    service.send("q", SendEntry(message_body="a"))
    (message,) = receive(service).messages
    request = OfMessage(queue_url="other", receipt_handle=message.receipt_handle)
    assert code_of(lambda: service.delete(request)) == "ReceiptHandleIsInvalid"


@pytest.mark.parametrize(
    ("group", "deduplication", "delay_s", "code"),
    [
        (None, None, None, "MissingParameter"),
        ("g", None, None, "InvalidParameterValue"),
        ("g" * 129, "d", None, "InvalidParameterValue"),
        ("g", "", None, "InvalidParameterValue"),
        ("ü", "d", None, "InvalidParameterValue"),
        ("g", "d", 1, "InvalidParameterValue"),
    ],
)
def test_what_a_fifo_queue_does_not_take(
    service: SqsService, group: str | None, deduplication: str | None, delay_s: int | None, code: str
) -> None:
    service.create_queue("q.fifo", {"FifoQueue": "true"})
    entry = SendEntry(
        message_body="a",
        message_group_id=group,
        message_deduplication_id=deduplication,
        delay_seconds=delay_s,
    )
    assert code_of(lambda: service.send("q.fifo", entry)) == code


# --- What a call costs


def lines_run(call: Callable[[], object]) -> int:
    """How many lines of Python a call runs: a measure that no other process disturbs."""
    count = 0

    def count_line(frame: object, event: str, argument: object) -> object:
        nonlocal count
        count += event == "line"
        return count_line

    before = sys.gettrace()
    sys.settrace(count_line)  # type: ignore[arg-type] # it answers for every kind of event
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def round_trip(service: SqsService, queue: str) -> None:
    """Send ten, receive ten, extend them, delete them."""
    group = "g" if queue.endswith(".fifo") else None
    round_trip.number += 1  # type: ignore[attr-defined] # a count of its own
    entries = tuple(
        SendEntry(
            id=str(number),
            message_body="x",
            message_group_id=group and f"{group}{number}",
            message_deduplication_id=group and f"{round_trip.number}-{number}",  # type: ignore[attr-defined]
        )
        for number in range(10)
    )
    service.send_batch(SendMessageBatch(queue_url=queue, entries=entries))
    handles = tuple(
        HandleEntry(id=str(number), receipt_handle=message.receipt_handle, visibility_timeout=60)
        for number, message in enumerate(receive(service, queue).messages)
    )
    assert len(handles) == 10
    service.change_visibility_batch(HandleBatch(queue_url=queue, entries=handles))
    service.delete_batch(HandleBatch(queue_url=queue, entries=handles))


round_trip.number = 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["q", "q.fifo"])
def test_a_call_costs_the_same_in_a_long_queue(service: SqsService, name: str) -> None:
    fifo = name.endswith(".fifo")
    service.create_queue(name, {"FifoQueue": "true"} if fifo else {})
    costs = []
    for depth in (100, 10_000):
        for number in range(depth):
            service.send(
                name,
                SendEntry(
                    message_body="x",
                    message_group_id=f"group-{number % 50}" if fifo else None,
                    message_deduplication_id=f"{depth}-{number}" if fifo else None,
                ),
            )
        costs.append(sum(lines_run(lambda: round_trip(service, name)) for _ in range(20)))
    assert costs[1] <= costs[0] * 1.2


def test_nothing_is_kept_of_what_is_gone(service: SqsService, clock: VirtualClock) -> None:
    queue = service.create_queue("q")
    for _ in range(300):
        round_trip(service, "q")
        clock.advance(1.0)
    assert not queue._live
    assert len(queue._timers) == len(queue._retention) == 0
    assert max(len(queue._timers._heap), len(queue._retention._heap)) < 200
