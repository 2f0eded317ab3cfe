"""Facts about queues: dead letters, FIFO, retention, deleting, each with its source.

[DLQ] Amazon SQS Developer Guide, "Using dead-letter queues in Amazon SQS"
[RECEIVE] Amazon SQS API Reference, ReceiveMessage
[DEDUP] Amazon SQS Developer Guide, "Using the message deduplication ID in Amazon SQS"
[FIFO] Amazon SQS Developer Guide, "Amazon SQS FIFO queue delivery logic"
[QUEUE] Amazon SQS API Reference, CreateQueue and DeleteQueue
[PURGE] Amazon SQS API Reference, PurgeQueue
[STANDARD] Amazon SQS Developer Guide, "Amazon SQS standard queues", "at-least-once delivery"
[POLLING] Amazon SQS Developer Guide, "Amazon SQS short and long polling"
[LS] LocalStack's tests that were validated against AWS, tests/aws/services/sqs/test_sqs.py: the test's name
"""

from __future__ import annotations

import pytest

from fakes.faults import FaultKind, FaultPlan, FaultRule
from tests.fidelity.sqs.asking import Sqs, asking, refused

DAY_S = 86_400


@pytest.mark.parametrize("suffix", ["", ".fifo"])
def test_what_was_received_too_often_becomes_a_dead_letter(sqs: Sqs, suffix: str) -> None:
    """[DLQ] After maxReceiveCount receives; the count goes on; DeadLetterQueueSourceArn says from where."""
    url, dead = sqs.create_with_dead_letters(suffix)
    sqs.send(url, "a", group="g" if suffix else "")
    for _ in range(2):
        assert sqs.bodies(url, VisibilityTimeout=5) == ["a"]
        sqs.advance(5.1)
    assert sqs.bodies(url) == []
    message = sqs.receive_one(dead, AttributeNames=["All"])
    assert message["Body"] == "a"
    assert message["Attributes"]["ApproximateReceiveCount"] == "3"
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == sqs.attribute(url, "QueueArn")


@pytest.mark.parametrize("deleted", [False, True])
def test_what_is_sent_twice_in_five_minutes_is_there_once(sqs: Sqs, *, deleted: bool) -> None:
    """[DEDUP] Five minutes from the first; [LS] test_fifo_deduplication_arrives_once_after_delete."""
    url = sqs.create("q.fifo")
    (first,) = sqs.send(url, "a", group="g")
    if deleted:
        sqs.delete(url, sqs.receive_one(url))
    sqs.advance(299.0)
    assert sqs.send(url, "a", group="g") == [first]
    assert sqs.bodies(url) == ([] if deleted else ["a"])
    sqs.advance(1.1)
    (second,) = sqs.send(url, "a", group="h")
    assert second != first
    assert "a" in sqs.bodies(url)


def test_content_can_be_what_makes_messages_the_same(sqs: Sqs) -> None:
    """[DEDUP] With ContentBasedDeduplication, the SHA-256 of the body, without the attributes."""
    url = sqs.create("q.fifo", ContentBasedDeduplication="true")
    first = sqs.boto.send_message(QueueUrl=url, MessageBody="a", MessageGroupId="g")
    second = sqs.boto.send_message(
        QueueUrl=url,
        MessageBody="a",
        MessageGroupId="g",
        MessageAttributes={"n": {"DataType": "Number", "StringValue": "1"}},
    )
    assert (first["MessageId"], first["SequenceNumber"]) == (second["MessageId"], second["SequenceNumber"])
    assert sqs.bodies(url) == ["a"]


def test_sequence_numbers_rise(sqs: Sqs) -> None:
    """[FIFO] Large, non-consecutive numbers that rise within a message group."""
    url = sqs.create("q.fifo")
    sqs.send(url, *"abcdefghij", group="g")
    numbers = [
        int(message["Attributes"]["SequenceNumber"]) for message in sqs.receive(url, AttributeNames=["All"])
    ]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 10
    assert all(len(str(number)) == 20 for number in numbers)


def test_a_group_keeps_its_order_and_waits_for_what_is_in_flight(sqs: Sqs) -> None:
    """[FIFO] No more of a group while some of it is in flight; [LS] test_fifo_high_throughput_ordering."""
    url = sqs.create("q.fifo", VisibilityTimeout=5)
    sqs.send(url, "a1", "a2", "a3", group="a")
    first = sqs.receive_one(url)
    assert first["Body"] == "a1"
    sqs.send(url, "b1", group="b")
    assert sqs.bodies(url) == ["b1"]
    sqs.delete(url, first)
    assert sqs.bodies(url, 2) == ["a2", "a3"]
    sqs.advance(5.1)
    assert sorted(sqs.bodies(url)) == ["a2", "a3", "b1"]


@pytest.mark.parametrize("queue", ["q", "q.fifo"])
def test_what_is_too_old_is_gone_and_hides_nothing(sqs: Sqs, queue: str) -> None:
    """[QUEUE] MessageRetentionPeriod, 60 s to 14 days, from the sending."""
    url = sqs.create(queue, MessageRetentionPeriod=14 * DAY_S, VisibilityTimeout=0)
    fifo = queue.endswith(".fifo")
    sqs.send(url, "old", group="g" if fifo else "")
    sqs.advance(14 * DAY_S - 10)
    assert sqs.bodies(url) == ["old"]
    sqs.send(url, "new", group="g" if fifo else "")
    sqs.advance(10.1)
    assert sqs.bodies(url) == ["new"]
    assert sqs.attribute(url, "ApproximateNumberOfMessages") == "1"
    sqs.advance(14 * DAY_S - 10)
    assert sqs.bodies(url) == []


def test_a_queue_that_was_just_deleted_cannot_be_made_again(sqs: Sqs) -> None:
    """[QUEUE] Wait 60 seconds; [LS] test_create_queue_recently_deleted."""
    sqs.boto.delete_queue(QueueUrl=sqs.create())
    sqs.advance(59.0)
    code, text = refused(sqs.boto.create_queue, QueueName="q")
    assert code == "AWS.SimpleQueueService.QueueDeletedRecently"
    assert "You must wait 60 seconds" in text
    sqs.create("other")
    sqs.advance(1.1)
    assert sqs.bodies(sqs.create()) == []


def test_one_purge_a_minute(sqs: Sqs) -> None:
    """[PURGE] PurgeQueueInProgress; [LS] test_successive_purge_calls_fail."""
    url = sqs.create()
    sqs.send(url, "a")
    sqs.boto.purge_queue(QueueUrl=url)
    assert sqs.bodies(url) == []
    code, _ = refused(sqs.boto.purge_queue, QueueUrl=url)
    assert code == "AWS.SimpleQueueService.PurgeQueueInProgress"
    sqs.advance(60.1)
    sqs.boto.purge_queue(QueueUrl=url)


def test_a_short_poll_may_find_nothing_in_a_queue_that_is_not_empty() -> None:
    """[POLLING] It asks some of the servers; a long poll asks all."""
    rule = FaultRule(FaultKind.EMPTY_RECEIVE, "ReceiveMessage", every=1)
    with asking(FaultPlan(rules=(rule,))) as sqs:
        url = sqs.create()
        sqs.send(url, "a")
        assert sqs.bodies(url) == []
        assert sqs.bodies(url, WaitTimeSeconds=1, VisibilityTimeout=0) == ["a"]
        sqs.boto.set_queue_attributes(QueueUrl=url, Attributes={"ReceiveMessageWaitTimeSeconds": "1"})
        assert sqs.bodies(url, VisibilityTimeout=0) == ["a"]
        assert sqs.bodies(url, WaitTimeSeconds=0) == []


def test_a_message_may_come_back_after_its_delete() -> None:
    """[STANDARD] A server that was not there for the delete has a copy."""
    rule = FaultRule(FaultKind.REPLY_WITHOUT_EFFECT, "DeleteMessage*", calls=(1,))
    with asking(FaultPlan(rules=(rule,))) as sqs:
        url = sqs.create(VisibilityTimeout=5)
        sqs.send(url, "a")
        sqs.delete(url, sqs.receive_one(url))
        sqs.advance(5.1)
        assert sqs.bodies(url) == ["a"]


def test_a_message_may_be_delivered_twice_at_a_time() -> None:
    """[STANDARD] At-least-once delivery."""
    rule = FaultRule(FaultKind.DUPLICATE, "ReceiveMessage", calls=(1,))
    with asking(FaultPlan(rules=(rule,))) as sqs:
        url = sqs.create()
        sqs.send(url, "a")
        assert [sqs.bodies(url), sqs.bodies(url), sqs.bodies(url)] == [["a"], ["a"], []]


def test_messages_may_come_in_another_order() -> None:
    """[STANDARD] Best-effort ordering; a FIFO queue keeps to it all the same."""
    with asking(FaultPlan(rules=(FaultRule(FaultKind.REORDER, "ReceiveMessage", every=1),))) as sqs:
        url, fifo = sqs.create(), sqs.create("q.fifo")
        sqs.send(url, *"abcde")
        sqs.send(fifo, *"abcde", group="g")
        got = sqs.bodies(url)
        assert got != sorted(got)
        assert sorted(got) == list("abcde")
        assert sqs.bodies(fifo) == list("abcde")
