"""The checksums that SQS sends along, and clients verify."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from msgspec import UNSET

from fakes.sqs.values import AttributeValue

_TEXT = b"\x01"
_BINARY = b"\x02"


def of_body(body: str) -> str:
    """The checksum of a body."""
    return _md5(body.encode())


def of_attributes(attributes: Mapping[str, AttributeValue]) -> str | None:
    """The checksum of message attributes, in the order of their names; None where there are none."""
    if not attributes:
        return None
    return _md5(b"".join(_encode(name, attributes[name]) for name in sorted(attributes)))


def _encode(name: str, value: AttributeValue) -> bytes:
    if value.binary_value is not UNSET:
        return _sized(name.encode()) + _sized(value.data_type.encode()) + _BINARY + _sized(value.binary_value)
    text = "" if value.string_value is UNSET else value.string_value
    return _sized(name.encode()) + _sized(value.data_type.encode()) + _TEXT + _sized(text.encode())


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
