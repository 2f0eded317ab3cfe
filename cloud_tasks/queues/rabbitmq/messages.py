"""Messages as they are sent, and as they come."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping

from aiormq import spec
from aiormq.abc import DeliveredMessage, FieldTable
from msgspec import Struct

from cloud_tasks.core.message import decode_task
from cloud_tasks.core.task import AttemptNote, Lease
from cloud_tasks.queues.notes import as_text, decode_notes, encode_notes

PERSISTENT = 2
DELIVERIES = "x-cloud-tasks-deliveries"
INTERRUPTIONS = "x-cloud-tasks-interruptions"
NOTES = "x-cloud-tasks-notes"
REASON = "x-cloud-tasks-reason"
AT = "x-cloud-tasks-at"
_COUNTED_BY_BROKER = ("x-delivery-count", "x-acquired-count")


class Outgoing(Struct, frozen=True):
    """A message to be sent.

    Attributes:
        body: It, byte for byte.
        key: Its identity; stays the same when it is sent again.
        headers: What we keep beside it.
    """

    body: bytes
    key: str
    headers: Mapping[str, str | int]

    def properties(self) -> spec.Basic.Properties:
        """As the protocol has them."""
        headers: FieldTable = dict(self.headers)
        return spec.Basic.Properties(
            content_type="application/json",
            delivery_mode=PERSISTENT,
            message_id=self.key,
            headers=headers or None,
        )


class Delivery:
    """A message that the broker has handed to us.

    Attributes:
        body: It, byte for byte.
        key: Its identity.
        tag: What the channel calls this delivery.
        receipt: What we call it.
        count: How often it has been handed out, this time included.
        interruptions: How many of those times were nobody's fault.
        notes: What is known of the attempts, as it was sent.
        at: When the newest of them was written.
        reason: Why it is a dead letter.
        died_after: How often a dead letter had been handed out; None: nobody says.
        moved: Whether a copy of it has been sent elsewhere, so that it need only be removed.
        removed: Whether its removal has been asked for.
    """

    __slots__ = (
        "at",
        "body",
        "count",
        "died_after",
        "interruptions",
        "key",
        "moved",
        "notes",
        "reason",
        "receipt",
        "removed",
        "tag",
    )

    def __init__(self, message: DeliveredMessage, channel_name: str) -> None:
        properties = message.header.properties
        headers = properties.headers or {}
        self.body = message.body
        self.key = properties.message_id or hashlib.sha256(message.body).hexdigest()[:32]
        self.tag = message.delivery_tag or 0
        self.receipt = f"{channel_name}:{self.tag}"
        self.count = _number(headers.get(DELIVERIES)) + _earlier(headers, again=bool(message.redelivered)) + 1
        self.died_after = _number(headers.get(DELIVERIES)) or None
        self.interruptions = _number(headers.get(INTERRUPTIONS))
        self.notes = _text(headers.get(NOTES))
        self.reason = _text(headers.get(REASON))
        self.at = _text(headers.get(AT))
        self.moved = self.removed = False

    def history(self) -> tuple[AttemptNote, ...]:
        """What is known of the attempts."""
        return decode_notes(self.notes.encode(), self.at)

    def lease(self, queue: str) -> Lease:
        """For a worker. It does not end while the connection lasts."""
        return Lease(
            decode_task(self.body),
            self.key,
            self.receipt,
            None,
            self.count,
            self.interruptions,
            queue,
            self.history() if self.notes else (),
        )


def new_message(body: bytes) -> Outgoing:
    """A task that has never been tried."""
    return Outgoing(body, secrets.token_hex(16), {})


def again(delivery: Delivery, interruptions: int, history: tuple[AttemptNote, ...], at: str) -> Outgoing:
    """The same message, with what is known of it by now."""
    headers: dict[str, str | int] = {DELIVERIES: delivery.count, INTERRUPTIONS: interruptions}
    if history:
        headers |= {NOTES: encode_notes(history).decode(), AT: at}
    return Outgoing(delivery.body, delivery.key, headers)


def dead(delivery: Delivery, reason: str, history: tuple[AttemptNote, ...], at: str) -> Outgoing:
    """The same message as a dead letter."""
    letter = again(delivery, delivery.interruptions, history, at)
    return Outgoing(letter.body, letter.key, {**letter.headers, REASON: as_text(reason), AT: at})


def _earlier(headers: Mapping[str, object], *, again: bool) -> int:
    """How often the queue that it comes from has handed it out before."""
    return max(int(again), *(_number(headers.get(name)) for name in _COUNTED_BY_BROKER))


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return value.decode(errors="replace")
    return value if isinstance(value, str) else ""
