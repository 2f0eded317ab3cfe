"""How calls reach the server, and what its answers mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from cloud_tasks.errors import LeaseLostError, NotYetError, QueueError, QueueUnavailableError

TEXT_CHARACTERS_MAX = 500
_OK, _NO_CONTENT, _NOT_FOUND, _TOO_MANY = 200, 204, 404, 429
_WITHOUT_FAULT = frozenset((401, 403, 407, 408, 425, _TOO_MANY))
"""Refusals that may pass: credentials that are renewed, load."""
_SERVER_ERROR = 500


class RefusedError(QueueError):
    """The server understood, and will never do it."""


class NotThereError(LeaseLostError):
    """The server knows nothing of that name."""


class Answer(Struct, frozen=True):
    """What the server answered.

    Attributes:
        status: The HTTP status.
        body: The body; b"" if there is none.
        retry_after: The header of that name; "" if there is none.
    """

    status: int
    body: bytes = b""
    retry_after: str = ""


class Carrier(Protocol):
    """Carries calls to one server."""

    async def carry(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> Answer:
        """Make one call.

        Args:
            method: "GET" or "POST".
            path: What follows the address of the API.
            query: What follows the path.
            body: JSON; None: nothing.
            timeout_s: When it is given up, in seconds.

        Raises:
            QueueUnavailableError: There was no answer, or no whole one.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...


def content_of(what: str, answer: Answer) -> bytes:
    """The body of an answer that says yes; b"" if there is none.

    Raises:
        QueueUnavailableError: It may be done later; nobody knows whether it was done.
        NotThereError: There is nothing of that name.
        RefusedError: It will never be done.
    """
    if answer.status == _OK:
        return answer.body
    if answer.status == _NO_CONTENT:
        return b""
    raise _error_of(what, answer)


def _error_of(what: str, answer: Answer) -> QueueError:
    text = answer.body.decode(errors="replace").strip()[:TEXT_CHARACTERS_MAX]
    message = f"{what}: HTTP {answer.status}" + (f": {text}" if text else "")
    if answer.status == _NOT_FOUND:
        return NotThereError(message)
    if answer.status == _TOO_MANY and answer.retry_after.isdecimal():
        return NotYetError(message, float(answer.retry_after))
    if answer.status >= _SERVER_ERROR or answer.status in _WITHOUT_FAULT:
        return QueueUnavailableError(message)
    return RefusedError(message)
