"""Facts about what a message may be, and about batches, each with its source.

[SEND] Amazon SQS API Reference, SendMessage
[BATCH] Amazon SQS API Reference, SendMessageBatch
[QUOTAS] Amazon SQS Developer Guide, "Amazon SQS message quotas"
[ATTRIBUTES] Amazon SQS Developer Guide, "Amazon SQS message metadata"
[LS] LocalStack's tests that were validated against AWS, tests/aws/services/sqs/test_sqs.py: the test's name
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.fidelity.sqs.asking import Sqs, refused

LIMIT = 1_048_576
TEXT: dict[str, Any] = {"DataType": "String", "StringValue": "x" * 100}


def test_a_message_is_1048576_bytes_at_most(sqs: Sqs) -> None:
    """[QUOTAS] 1 MiB; [LS] test_send_oversized_message."""
    url = sqs.create()
    sqs.send(url, "x" * LIMIT)
    code, text = refused(sqs.boto.send_message, QueueUrl=url, MessageBody="x" * (LIMIT + 1))
    assert code == "InvalidParameterValue"
    assert f"Message must be shorter than {LIMIT} bytes" in text


def test_the_size_of_a_message_is_counted_in_bytes(sqs: Sqs) -> None:
    """[QUOTAS] Bytes, not characters."""
    url = sqs.create(MaximumMessageSize=1024)
    sqs.send(url, "ü" * 512)
    code, _ = refused(sqs.boto.send_message, QueueUrl=url, MessageBody="ü" * 512 + "x")
    assert code == "InvalidParameterValue"


def test_attributes_count_for_the_size_of_a_message(sqs: Sqs) -> None:
    """[ATTRIBUTES] Name, type and value of each attribute count."""
    url = sqs.create(MaximumMessageSize=1024)
    cost = len("name") + len("String") + 100
    arguments: dict[str, Any] = {"QueueUrl": url, "MessageAttributes": {"name": TEXT}}
    sqs.boto.send_message(MessageBody="x" * (1024 - cost), **arguments)
    code, _ = refused(sqs.boto.send_message, MessageBody="x" * (1025 - cost), **arguments)
    assert code == "InvalidParameterValue"


def test_an_empty_body_is_refused(sqs: Sqs) -> None:
    """[SEND] The minimum size is one character: MissingParameter."""
    url = sqs.create()
    code, text = refused(sqs.boto.send_message, QueueUrl=url, MessageBody="")
    assert (code, text) == ("MissingParameter", "The request must contain the parameter MessageBody.")


@pytest.mark.parametrize("sign", ["\0", "\x08", "\x0b", "\x1f", "\ufffe", "\uffff"])
def test_control_characters_are_refused(sqs: Sqs, sign: str) -> None:
    """[SEND] Only #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF."""
    url = sqs.create()
    code, text = refused(sqs.boto.send_message, QueueUrl=url, MessageBody=f"a{sign}b")
    assert code == "InvalidMessageContents"
    assert f"#x{ord(sign):X}" in text
    sqs.send(url, "\t\n\r \x7f\ud7ff\ue000\ufffd\U00010000\U0010ffff")
    assert sqs.bodies(url) == ["\t\n\r \x7f\ud7ff\ue000\ufffd\U00010000\U0010ffff"]


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ({"MessageBody": "a\0b"}, "InvalidMessageContents"),
        ({"MessageBody": ""}, "MissingParameter"),
        ({"MessageBody": "a", "DelaySeconds": 901}, "InvalidParameterValue"),
        ({"MessageBody": "a", "MessageAttributes": {"AWS.x": TEXT}}, "InvalidParameterValue"),
    ],
    ids=["characters", "empty", "delay", "attribute"],
)
def test_each_entry_of_a_batch_has_an_error_of_its_own(sqs: Sqs, bad: dict[str, Any], expected: str) -> None:
    """[BATCH] A request can have successful and unsuccessful actions."""
    url = sqs.create()
    entries: list[Any] = [
        {"Id": "1", "MessageBody": "good"}, {"Id": "2", **bad}, {"Id": "3", "MessageBody": "too"}
    ]  # fmt: skip
    answer = sqs.boto.send_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["1", "3"]
    assert [(entry["Id"], entry["Code"], entry["SenderFault"]) for entry in answer["Failed"]] == [
        ("2", expected, True)
    ]
    assert sorted(sqs.bodies(url)) == ["good", "too"]


def test_each_delete_of_a_batch_has_an_error_of_its_own(sqs: Sqs) -> None:
    """[BATCH]; the same for DeleteMessageBatch and ChangeMessageVisibilityBatch."""
    url = sqs.create("q.fifo", VisibilityTimeout=5)
    sqs.send(url, "old", group="g")
    sqs.send(url, "new", group="h")
    handles = {message["Body"]: message["ReceiptHandle"] for message in sqs.receive(url)}
    sqs.advance(5.1)
    handles["new"] = next(one["ReceiptHandle"] for one in sqs.receive(url) if one["Body"] == "new")
    entries: list[Any] = [
        {"Id": str(number), "ReceiptHandle": handles[name]} for number, name in enumerate(("old", "new"))
    ]
    changes: list[Any] = [{**entry, "VisibilityTimeout": 9} for entry in entries]
    changed = sqs.boto.change_message_visibility_batch(QueueUrl=url, Entries=changes)
    assert [entry["Id"] for entry in changed["Successful"]] == ["1"]
    assert [(entry["Id"], entry["Code"]) for entry in changed["Failed"]] == [("0", "InvalidParameterValue")]
    deleted = sqs.boto.delete_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in deleted["Successful"]] == ["1"]
    assert [(entry["Id"], entry["Code"]) for entry in deleted["Failed"]] == [("0", "InvalidParameterValue")]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], "EmptyBatchRequest"),
        ([{"Id": str(number), "MessageBody": "x"} for number in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": "a", "MessageBody": "x"}] * 2, "BatchEntryIdsNotDistinct"),
        ([{"Id": "a b", "MessageBody": "x"}], "InvalidBatchEntryId"),
        ([{"Id": str(number), "MessageBody": "x" * 600_000} for number in range(2)], "BatchRequestTooLong"),
    ],
    ids=["empty", "many", "same ids", "bad id", "large"],
)
def test_what_fails_a_whole_batch(sqs: Sqs, entries: list[dict[str, str]], expected: str) -> None:
    """[BATCH] Errors; [LS] test_too_many_entries_in_batch_request, test_invalid_batch_id and so on."""
    url = sqs.create()
    code, _ = refused(sqs.boto.send_message_batch, QueueUrl=url, Entries=entries)
    assert code.removeprefix("AWS.SimpleQueueService.") == expected
    assert sqs.bodies(url) == []
