"""What a message of an event queue says. Pure; whatever the bytes are, nothing here raises."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec

Event: TypeAlias = dict[str, Any]
"""A JSON object with a text `event_type`; nothing else is known of it."""

_NOT_DECODED = (msgspec.MsgspecError, ValueError, RecursionError)
_NOT_ENCODED = (UnicodeEncodeError, TypeError, ValueError, RecursionError)
_TIMES_KEPT = 64
"""The time of an event is asked for several times, one after the other."""
_INTEGER_MAX = 2**63 - 1
"""The largest that the database can hold."""


def decode(body: bytes) -> Event | None:
    """An event; None if the bytes are none."""
    try:
        event = msgspec.json.decode(body)
    except _NOT_DECODED:
        event = _decode_leniently(body)
    if not isinstance(event, dict) or not isinstance(event.get("event_type"), str):
        return None
    return event


def _decode_leniently(body: bytes) -> object:
    """NaN and halves of surrogate pairs are no JSON, but Python's own encoder writes them."""
    try:
        return json.loads(body.decode())
    except _NOT_DECODED:
        return None


def digest(body: bytes, event: Event | None) -> bytes:
    """The same for messages that say the same, with whatever spaces and order of members."""
    if event is not None:
        with contextlib.suppress(*_NOT_ENCODED):
            body = msgspec.json.encode(event, order="sorted")
    return hashlib.blake2b(body, digest_size=16).digest()


def digest_of_stored(raw_event: str | bytes | None) -> bytes | None:
    """The digest of what the database holds."""
    if raw_event is None:
        return None
    body = raw_event if isinstance(raw_event, bytes) else raw_event.encode()
    return digest(body, decode(body))


def as_stored(body: bytes) -> str | bytes:
    """A message as the database holds it: text where it is text, and byte for byte where it is not."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


def text(value: object) -> str | None:
    """A text that UTF-8 can hold; None for what is no text."""
    if not isinstance(value, str):
        return None
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()


def integer(value: object) -> int | None:
    """A whole number that the database can hold; None for anything else."""
    fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _INTEGER_MAX
    return value if fits else None  # type: ignore[return-value]  # it is an int then


def seconds(value: object) -> float | None:
    """A duration; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def moment(value: object) -> datetime | None:
    """A time, in UTC; one that names no zone is UTC. None for what is no time."""
    return _moment(value) if isinstance(value, str) else None


def utc(value: object) -> str | None:
    """A time as the database holds it: ISO 8601, UTC, so that times are in order as texts are."""
    return _utc(value) if isinstance(value, str) else None


@lru_cache(_TIMES_KEPT)
def _moment(value: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@lru_cache(_TIMES_KEPT)
def _utc(value: str) -> str | None:
    found = _moment(value)
    return None if found is None else found.isoformat()


def as_json(value: object) -> str | None:
    """A value as JSON; None for what is nested too deeply."""
    with contextlib.suppress(*_NOT_ENCODED):
        return msgspec.json.encode(value).decode()
    try:
        return json.dumps(value)
    except _NOT_ENCODED:
        return None
