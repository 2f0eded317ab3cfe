"""A task as the body of a queue's message, and back: one JSON object with `task_id` and `data`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from cloud_tasks.core.task import Json, MalformedTask, Task


class _Body(Struct):
    task_id: str
    data: dict[str, Any]


class _BodyId(Struct):
    task_id: str = ""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Body).decode
_decode_id = msgspec.json.Decoder(_BodyId).decode

_NOT_DECODED = (msgspec.MsgspecError, ValueError, RecursionError)
"""What bytes that are not a task can raise: wrong JSON or types, wrong UTF-8, too deep."""


def may_be_task_id(text: str) -> bool:
    """Whether it is not empty, and holds neither `/` nor NUL: a task id names files and keys elsewhere."""
    return bool(text) and "/" not in text and "\0" not in text


def encode_task(task: Task) -> bytes:
    """The message's body for a task.

    Raises:
        ValueError: The data holds text that UTF-8 cannot (a lone surrogate) or a number that is not finite,
            or is nested too deeply.
        TypeError: The data holds something that JSON cannot.
    """
    try:
        body = _encode(_Body(task.task_id, task.data))  # type: ignore[arg-type]  # any mapping encodes alike
    except RecursionError:
        raise ValueError("its data is nested too deeply") from None
    # The encoder writes null for NaN without a word, so only a body with a null needs the long look.
    if b"null" in body and not _is_finite(task.data):
        raise ValueError("its data holds a number that is not finite")
    return body


def decode_task(raw: bytes) -> Task | MalformedTask:
    """The task in a message's body, or what came in its place. Other members of the object are ignored."""
    try:
        body = _decode(raw)
    except _NOT_DECODED as error:
        return MalformedTask(raw, str(error), _task_id_if_any(raw))
    if not may_be_task_id(body.task_id):
        return MalformedTask(
            raw, f"{body.task_id!r} is not a task id: empty, or holds '/' or NUL", body.task_id
        )
    return Task(body.task_id, body.data)


def _is_finite(data: Mapping[str, Json]) -> bool:
    values: list[object] = [data]
    while values:
        value = values.pop()
        if isinstance(value, float) and not math.isfinite(value):
            return False
        if isinstance(value, Mapping):
            values.extend(value.values())
        elif isinstance(value, list | tuple):
            values.extend(value)
    return True


def _task_id_if_any(raw: bytes) -> str:
    try:
        return _decode_id(raw).task_id
    except _NOT_DECODED:
        return ""
