"""The stand-in's record: which calls there were, message by message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from fakes.sqs.recording import CANCELLED, RecordedCall
from simulation.real.settings import DEAD, EVENTS, QUEUE

_decode = msgspec.json.Decoder(RecordedCall).decode


class Entry(Struct, frozen=True, kw_only=True):
    """What a call says of one message.

    Attributes:
        receipt: Of the delivery.
        body: Of the message.
        message_id: The service's name for it.
        seconds: Until the lease is to end; None where it is not about that.
        count: How often it was delivered, as the service says.
        error: Why this was refused; "" for success.
        reason: Of a dead letter.
    """

    receipt: str = ""
    body: str = ""
    message_id: str = ""
    seconds: int | None = None
    count: int = 0
    error: str = ""
    reason: str = ""


def read_record(path: Path) -> Iterator[RecordedCall]:
    """The calls, in the order in which they took effect; a last line that was cut short is left out."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield _decode(line)


def queue_of(call: RecordedCall) -> str:
    """The name of the queue that a call is about; "" for none."""
    return str(call.request.get("QueueUrl", "")).rpartition("/")[2]


def is_about(call: RecordedCall, queue: str) -> bool:
    """Whether a call is about one of our queues."""
    return queue_of(call) == queue and queue in {QUEUE, EVENTS, DEAD}


def had_effect(call: RecordedCall) -> bool:
    """Whether anything was done."""
    return not call.error


def hung_up(call: RecordedCall) -> bool:
    """Whether the caller did not wait for the answer."""
    return call.error == CANCELLED


def entries(call: RecordedCall) -> list[Entry]:
    """The messages that a call names; of a receive those that it brought."""
    answer = call.answer or {}
    if call.operation == "ReceiveMessage":
        return [_received(message) for message in answer.get("Messages", ())]
    if "Entries" not in call.request:
        return [_asked(call.request, answer, call.error)]
    failed = {one["Id"]: str(one["Code"]) for one in answer.get("Failed", ())}
    done = {one["Id"]: one for one in answer.get("Successful", ())}
    wanted: Sequence[Mapping[str, Any]] = call.request["Entries"]
    return [_asked(one, done.get(one["Id"], {}), call.error or failed.get(one["Id"], "")) for one in wanted]


def _received(message: Mapping[str, Any]) -> Entry:
    return Entry(
        receipt=message["ReceiptHandle"],
        body=message["Body"],
        message_id=message["MessageId"],
        count=int(message.get("Attributes", {}).get("ApproximateReceiveCount", 0)),
    )


def _asked(one: Mapping[str, Any], answer: Mapping[str, Any], error: str) -> Entry:
    reason = (one.get("MessageAttributes") or {}).get("reason", {}).get("StringValue", "")
    return Entry(
        receipt=one.get("ReceiptHandle", ""),
        body=one.get("MessageBody", ""),
        message_id=answer.get("MessageId", ""),
        seconds=one.get("VisibilityTimeout"),
        error=error,
        reason=reason,
    )
