"""What is published of tasks and workers: the fields of the system whose monitors listen, in its order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec
from msgspec import Raw, Struct

from cloud_tasks.core.task import Json

FORMATS = ("json", "msgpack")
RESULT_BYTES_MAX = 16_384
"""A result that is larger as JSON is left out: `null` stands for it."""
ERROR_CHARACTERS_MAX = 2_000
"""The beginning of an error is kept."""
TRACEBACK_CHARACTERS_MAX = 16_384
"""The end of a traceback is kept."""


class TaskMessage(Struct, kw_only=True):
    """Something happened to a task.

    Attributes:
        event_type: What.
        task_id: The task.
        task_name: Its function; "" where the message names none.
        queue: Its queue.
        worker_id: Who runs it, or "dispatcher".
        timestamp: When; ISO 8601, UTC.
        attempt: Which attempt, from 1.
        duration_ms: How long the attempt took; None before its end.
        result: What the function returned, if it is not too large.
        error: What went wrong.
        traceback: Where.
    """

    event_type: str
    task_id: str
    task_name: str
    queue: str
    worker_id: str
    timestamp: str
    attempt: int = 1
    duration_ms: int | None = None
    result: Json | Raw = None
    error: str | None = None
    traceback: str | None = None


class WorkerMessage(Struct, kw_only=True):
    """How a worker fares.

    Attributes:
        event_type: What happened.
        worker_id: The worker.
        hostname: Its machine.
        timestamp: When; ISO 8601, UTC.
        freq: Seconds between heartbeats; 0: there are none.
        active: Attempts that run now.
        processed: Tasks that it has told to be completed or failed.
        queues: Its queues, the most urgent first.
        sw_ident: What software it is.
        sw_ver: And which version.
        uptime_seconds: How long it has been there.
    """

    event_type: str
    worker_id: str
    hostname: str
    timestamp: str
    freq: float
    active: int
    processed: int
    queues: tuple[str, ...]
    sw_ident: str
    sw_ver: str
    uptime_seconds: int


Message: TypeAlias = TaskMessage | WorkerMessage
Encode: TypeAlias = Callable[[Message], bytes]

_to_json = msgspec.json.Encoder().encode
_to_msgpack = msgspec.msgpack.Encoder().encode
_NO_RESULT = Raw(b"null")


def encoder(form: str) -> Encode:
    """What makes bytes of a message, in one of `FORMATS`; it never raises."""
    return _as_json if form == "json" else _as_msgpack


def fitting_result(result: Json | Raw) -> Raw:
    """A result as JSON, or `null` where it is too large or JSON cannot hold it."""
    if not isinstance(result, Raw):
        try:
            result = Raw(_to_json(result))
        except (TypeError, ValueError, RecursionError):
            return _NO_RESULT
    return result if len(memoryview(result)) <= RESULT_BYTES_MAX else _NO_RESULT


def _as_json(message: Message) -> bytes:
    try:
        return _to_json(message)
    except UnicodeEncodeError:
        return _to_json(_storable(message))


def _as_msgpack(message: Message) -> bytes:
    if isinstance(message, TaskMessage) and isinstance(message.result, Raw):
        message = msgspec.structs.replace(message, result=msgspec.json.decode(message.result))
    try:
        return _to_msgpack(message)
    except UnicodeEncodeError:
        return _to_msgpack(_storable(message))
    except OverflowError:  # it has no whole numbers beyond 64 bits
        return _to_msgpack(msgspec.structs.replace(message, result=None))


def _storable(message: Message) -> Message:
    """The message with text that UTF-8 cannot hold, a lone surrogate in a traceback say, escaped."""
    texts = {
        name: value.encode("utf-8", "backslashreplace").decode()
        for name, value in msgspec.structs.asdict(message).items()
        if isinstance(value, str)
    }
    return msgspec.structs.replace(message, **texts)
