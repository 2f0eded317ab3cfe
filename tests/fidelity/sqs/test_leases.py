"""Facts about leases, which SQS calls visibility timeouts, each with its source.

[VISIBILITY] Amazon SQS Developer Guide, "Amazon SQS visibility timeout"
[CHANGE] Amazon SQS API Reference, ChangeMessageVisibility
[RECEIVE] Amazon SQS API Reference, ReceiveMessage
[DELETE] Amazon SQS API Reference, DeleteMessage
[LONG] Amazon SQS Developer Guide, "Amazon SQS short and long polling"
[QUOTAS] Amazon SQS Developer Guide, "Amazon SQS message quotas"
[LS] LocalStack's tests that were validated against AWS, tests/aws/services/sqs/test_sqs.py: the test's name
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fakes.sqs.queue import IN_FLIGHT_MAX
from tests.fidelity.sqs.asking import Sqs, WireSqs, asking, asking_moto, refused

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import MessageTypeDef


def test_a_message_is_hidden_until_its_lease_ends(sqs: Sqs) -> None:
    """[VISIBILITY] What was received and not deleted can be received again after the timeout."""
    url = sqs.create(VisibilityTimeout=30)
    sqs.send(url, "a")
    assert sqs.bodies(url) == ["a"]
    sqs.advance(29.0)
    assert sqs.bodies(url) == []
    sqs.advance(1.1)
    assert sqs.bodies(url) == ["a"]


def test_each_receive_is_counted_and_has_a_handle_of_its_own(sqs: Sqs) -> None:
    """[RECEIVE] ApproximateReceiveCount; [DELETE] the handle belongs to one receive, not to the message."""
    url = sqs.create()
    sqs.send(url, "a")
    seen = []
    for _ in range(3):
        seen.append(sqs.receive_one(url, AttributeNames=["All"], VisibilityTimeout=5))
        sqs.advance(5.1)
    assert len({message["ReceiptHandle"] for message in seen}) == 3
    assert [message["Attributes"]["ApproximateReceiveCount"] for message in seen] == ["1", "2", "3"]
    assert len({message["Attributes"]["ApproximateFirstReceiveTimestamp"] for message in seen}) == 1


@pytest.mark.parametrize("late", [False, True])
def test_an_old_handle_of_a_standard_queue_still_deletes(sqs: Sqs, *, late: bool) -> None:
    """[DELETE] The handle of an earlier receive is accepted; recorded behaviour: it deletes."""
    url = sqs.create(VisibilityTimeout=5)
    sqs.send(url, "a")
    first = sqs.receive_one(url)
    sqs.advance(5.1)
    if late:
        sqs.receive_one(url)
    sqs.delete(url, first)
    sqs.advance(5.1)
    assert sqs.bodies(url) == []
    sqs.delete(url, first)


def test_an_old_handle_of_a_standard_queue_still_changes_visibility(sqs: Sqs) -> None:
    """[CHANGE]; the same as for a delete."""
    url = sqs.create(VisibilityTimeout=5)
    sqs.send(url, "a")
    first = sqs.receive_one(url)
    sqs.advance(5.1)
    sqs.receive_one(url)
    sqs.boto.change_message_visibility(
        QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=60
    )
    sqs.advance(10.0)
    assert sqs.bodies(url) == []


def test_an_old_handle_of_a_fifo_queue_is_refused(sqs: Sqs) -> None:
    """[LS] test_fifo_delete_message_with_expired_receipt_handle."""
    url = sqs.create("q.fifo", VisibilityTimeout=5)
    sqs.send(url, "a", group="g")
    first = sqs.receive_one(url)
    sqs.advance(5.1)
    refuse_to_settle(sqs, url, first)
    second = sqs.receive_one(url)
    refuse_to_settle(sqs, url, first)
    sqs.delete(url, second)
    sqs.delete(url, second)
    sqs.advance(5.1)
    assert sqs.bodies(url) == []


def refuse_to_settle(sqs: Sqs, url: str, message: MessageTypeDef) -> None:
    handle = message["ReceiptHandle"]
    for call, arguments in (
        (sqs.boto.delete_message, {}),
        (sqs.boto.change_message_visibility, {"VisibilityTimeout": 5}),
    ):
        code, text = refused(call, QueueUrl=url, ReceiptHandle=handle, **arguments)
        assert code == "InvalidParameterValue"
        assert "The receipt handle has expired" in text


def test_a_lease_that_is_over_can_be_changed(sqs: Sqs) -> None:
    """[LS] test_change_message_visibility_after_visibility_timeout_expiration: 200."""
    url = sqs.create(VisibilityTimeout=5)
    sqs.send(url, "a")
    message = sqs.receive_one(url)
    sqs.advance(5.1)
    sqs.boto.change_message_visibility(
        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=5
    )
    assert sqs.bodies(url) == []
    sqs.advance(5.1)
    assert sqs.bodies(url) == ["a"]


def test_the_lease_of_a_deleted_message_cannot_be_changed(sqs: Sqs) -> None:
    """[CHANGE]; recorded behaviour: InvalidParameterValue, not ReceiptHandleIsInvalid."""
    url = sqs.create()
    sqs.send(url, "a")
    message = sqs.receive_one(url)
    sqs.delete(url, message)
    code, text = refused(
        sqs.boto.change_message_visibility,
        QueueUrl=url,
        ReceiptHandle=message["ReceiptHandle"],
        VisibilityTimeout=5,
    )
    assert code == "InvalidParameterValue"
    assert "Message does not exist or is not available for visibility timeout change" in text


@pytest.mark.parametrize("timeout_s", [-1, 43_201])
def test_a_lease_is_0_to_43200_s(sqs: Sqs, timeout_s: int) -> None:
    """[QUOTAS] The maximum visibility timeout is 12 hours."""
    url = sqs.create()
    sqs.send(url, "a", "b")
    handle = sqs.receive_one(url)["ReceiptHandle"]
    for call, arguments in (
        (sqs.boto.change_message_visibility, {"ReceiptHandle": handle, "VisibilityTimeout": timeout_s}),
        (sqs.boto.receive_message, {"VisibilityTimeout": timeout_s}),
    ):
        code, text = refused(call, QueueUrl=url, **arguments)
        assert code == "InvalidParameterValue"
        assert "VisibilityTimeout" in text
    sqs.boto.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43_199)
    assert sqs.bodies(url, VisibilityTimeout=0) == ["b"]
    assert sqs.bodies(url, VisibilityTimeout=43_200) == ["b"]


def test_a_lease_lasts_12_h_in_all_from_its_receive(sqs: Sqs) -> None:
    """[VISIBILITY] 12 hours from the receive, not from the last change."""
    url = sqs.create(VisibilityTimeout=30_000)
    sqs.send(url, "a")
    sqs.advance(3600.0)
    handle = sqs.receive_one(url)["ReceiptHandle"]
    sqs.advance(20_000.0)
    code, text = refused(
        sqs.boto.change_message_visibility, QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=23_201
    )
    assert code == "InvalidParameterValue"
    assert "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]" in text
    sqs.boto.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=23_199)
    sqs.advance(23_200.0)
    assert sqs.bodies(url) == ["a"]


@pytest.mark.parametrize(
    "option",
    [
        {"MaxNumberOfMessages": 0},
        {"MaxNumberOfMessages": 11},
        {"WaitTimeSeconds": -1},
        {"WaitTimeSeconds": 21},
    ],
    ids=str,
)
def test_a_receive_takes_1_to_10_messages_and_waits_0_to_20_s(sqs: Sqs, option: dict[str, int]) -> None:
    """[RECEIVE] Valid values of MaxNumberOfMessages and WaitTimeSeconds."""
    url = sqs.create()
    sqs.send(url, *"abcdefghijkl")
    code, text = refused(sqs.boto.receive_message, QueueUrl=url, **option)
    assert code == "InvalidParameterValue"
    assert next(iter(option)) in text
    assert len(sqs.bodies(url, 10)) == 10


def test_a_long_poll_wakes_on_arrival(wire: WireSqs) -> None:
    """[LONG] It answers as soon as there is a message."""
    url = wire.create()
    poll = wire.long_poll(url)
    wire.advance(19.0)
    assert not poll.done()
    wire.send(url, "a")
    assert poll.result(30) == ["a"]


def test_a_long_poll_wakes_when_a_lease_or_a_delay_ends(wire: WireSqs) -> None:
    """[LONG]; measured against AWS: expiry counts as arrival."""
    url = wire.create(VisibilityTimeout=5)
    wire.send(url, "a")
    wire.receive_one(url)
    poll = wire.long_poll(url)
    wire.advance(5.0)
    assert poll.result(30) == ["a"]
    wire.boto.send_message(QueueUrl=url, MessageBody="b", DelaySeconds=3)
    poll = wire.long_poll(url)
    wire.advance(3.0)
    assert poll.result(30) == ["b"]


def test_a_long_poll_ends_empty_after_its_time(wire: WireSqs) -> None:
    """[LONG] At most 20 seconds."""
    url = wire.create(ReceiveMessageWaitTimeSeconds=20)
    poll = wire.long_poll(url)
    wire.advance(20.0)
    assert poll.result(30) == []


def test_too_many_in_flight() -> None:
    """[QUOTAS] 120,000: OverLimit on a short poll of a standard queue; a long poll gets nothing."""
    assert IN_FLIGHT_MAX == 120_000
    with asking(in_flight_max=15) as sqs:
        url = sqs.create(VisibilityTimeout=600)
        sqs.send(url, *map(str, range(16)))
        assert [len(sqs.bodies(url)), len(sqs.bodies(url))] == [10, 5]
        code, _ = refused(sqs.boto.receive_message, QueueUrl=url)
        assert code == "OverLimit"
        polls = [sqs.long_poll(url), sqs.long_poll(url)]
        sqs.advance(20.0)
        assert [poll.result(30) for poll in polls] == [[], []]
        sqs.advance(580.0)
        assert len(sqs.bodies(url)) == 10


def test_too_many_in_flight_of_moto() -> None:
    """[QUOTAS] The same; a FIFO queue gives nothing either way."""
    with asking_moto(in_flight_max=3) as sqs:
        url = sqs.create(VisibilityTimeout=600)
        sqs.send(url, *"abcde")
        assert sqs.bodies(url) == ["a", "b", "c"]
        assert refused(sqs.boto.receive_message, QueueUrl=url)[0] == "OverLimit"
        fifo = sqs.create("q.fifo", VisibilityTimeout=600)
        for group in "abcde":
            sqs.send(fifo, group, group=group)
        assert sqs.bodies(fifo) == ["a", "b", "c"]
        assert sqs.bodies(fifo) == []
        sqs.advance(600.1)
        assert sqs.bodies(url) == ["a", "b", "c"]
