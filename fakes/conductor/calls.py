"""Calls as they come over HTTP, and answers as they go back."""

from __future__ import annotations

from typing import Final, TypeVar
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct

from fakes.conductor.errors import ConductorError, invalid_input, unreadable

T = TypeVar("T")

_INT_MAX: Final = 2**31 - 1
"""The largest number that Java has there."""
JSON: Final = "application/json"
TEXT: Final = "text/plain;charset=UTF-8"


class Call(Struct):
    """A call.

    Attributes:
        places: What stands in the path where the operation leaves a place.
        query: What follows the path.
        body: What was sent.
    """

    places: list[str]
    query: str
    body: bytes

    def asked(self) -> dict[str, list[str]]:
        """The values of each name in the query."""
        return parse_qs(self.query, keep_blank_values=True) if self.query else {}

    def read(self, decoder: msgspec.json.Decoder[T]) -> T:
        """What was sent, as a value.

        Raises:
            ConductorError: It is none.
        """
        try:
            return decoder.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise unreadable(str(error)) from None


def one(asked: dict[str, list[str]], name: str) -> str | None:
    """The value of a name in a query; None if it is not there, or empty."""
    values = asked.get(name)
    return values[0] or None if values else None


def number(asked: dict[str, list[str]], name: str, default: int) -> int:
    """The same, as a whole number.

    Raises:
        ConductorError: It is none.
    """
    text = one(asked, name)
    try:
        value = default if text is None else int(text)
    except ValueError:
        value = _INT_MAX + 1
    if not -_INT_MAX - 1 <= value <= _INT_MAX:
        raise invalid_input(f"{name}: For input string: {text!r}")
    return value


class Reply(Struct, frozen=True):
    """What goes back.

    Attributes:
        status: As HTTP has it.
        body: What is told.
        kind: Of what kind that is; None for nothing.
        retry_after_s: When to try again; None: no word about it.
    """

    status: int
    body: bytes = b""
    kind: str | None = None
    retry_after_s: int | None = None


NOTHING: Final = Reply(204)
DONE: Final = Reply(200)
_ENCODER: Final = msgspec.json.Encoder()


def json(value: object) -> Reply:
    """A value."""
    return Reply(200, _ENCODER.encode(value), JSON)


def json_or_nothing(value: object | None) -> Reply:
    """A value, or that there is none."""
    return NOTHING if value is None else json(value)


def text(value: str) -> Reply:
    """Text as it is."""
    return Reply(200, value.encode(), TEXT)


def refusal(error: ConductorError, instance: str) -> Reply:
    """What was refused, by a server of this name."""
    told: dict[str, object] = {
        "status": error.status,
        "code": error.code,
        "message": error.message,
        "instance": instance,
        "retryable": error.retryable,
    }
    if error.violations:
        told["validationErrors"] = error.violations
    return Reply(error.status, _ENCODER.encode(told), JSON, error.retry_after_s)
