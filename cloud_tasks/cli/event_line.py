"""Events that came from a channel, as lines. Anybody may have published them: nothing in them is believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cloud_tasks.diagnostics import visible

_TIME = slice(11, 23)
_ERROR_CHARACTERS = 200
_SHOWN_CHARACTERS = 1_000


class NotAnEventError(ValueError):
    """What came is no event; the message shows its beginning."""


def read_event(body: bytes) -> dict[str, Any]:
    """The event in a message, be it written as JSON or as MessagePack.

    Raises:
        NotAnEventError: There is none.
    """
    decode = msgspec.json.decode if body.lstrip()[:1] == b"{" else msgspec.msgpack.decode
    try:
        event: dict[str, Any] = decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        shown = body[:_SHOWN_CHARACTERS].decode(errors="backslashreplace")
        raise NotAnEventError(visible(shown)) from None
    return event


def json_line(event: Mapping[str, Any]) -> str:
    """An event as JSON in one line, in which nothing can steer a terminal."""
    try:
        text = msgspec.json.encode(event).decode()
    except (TypeError, ValueError) as error:  # MessagePack knows more than JSON
        text = msgspec.json.encode({"not_an_event": str(error)}).decode()
    return text if text.isascii() else "".join(map(_escaped, text))


def line(event: Mapping[str, Any]) -> str:
    """An event in a line, for people."""
    kind = str(event.get("event_type", "?"))
    words = _of_worker(event) if kind.startswith("worker_") else _of_task(event)
    return visible(f"{str(event.get('timestamp', ''))[_TIME]}  {kind:<16}  {words}"[:_SHOWN_CHARACTERS])


def _of_worker(event: Mapping[str, Any]) -> str:
    queues = event.get("queues")
    names = ",".join(map(str, queues)) if isinstance(queues, list) else ""
    counts = f"active {event.get('active')}, processed {event.get('processed')}"
    return f"{event.get('worker_id')}  {counts}  {names}".rstrip()


def _of_task(event: Mapping[str, Any]) -> str:
    took, attempt, error = event.get("duration_ms"), event.get("attempt"), event.get("error")
    parts = [
        f"{event.get('task_name')} {event.get('task_id')}  {event.get('queue')}",
        f"attempt {attempt}" if isinstance(attempt, int) and attempt > 1 else "",
        f"{took} ms" if took is not None else "",
        str(error or "")[:_ERROR_CHARACTERS],
    ]
    return "  ".join(filter(None, parts))


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
