"""A task as the body of a queue's message, and back: one JSON object with `task_id` and `data`."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from cloud_tasks.core.task import MalformedTask, Task

FORBIDDEN_IN_TASK_IDS = "/\0"
"""A task id names files and keys elsewhere."""


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


def encode_task(task: Task) -> bytes:
    """The message's body for a task.

    Raises:
        ValueError: The data holds text that UTF-8 cannot (a lone surrogate), or is nested too deeply.
        TypeError: The data holds something that JSON cannot.
    """
    try:
        return _encode(_Body(task.task_id, task.data))  # type: ignore[arg-type]  # any mapping encodes alike
    except RecursionError:
        raise ValueError("its data is nested too deeply") from None


def decode_task(raw: bytes) -> Task | MalformedTask:
    """The task in a message's body, or what came in its place. Other members of the object are ignored."""
    try:
        body = _decode(raw)
    except _NOT_DECODED as error:
        return MalformedTask(raw, str(error), _task_id_if_any(raw))
    if not body.task_id or any(character in body.task_id for character in FORBIDDEN_IN_TASK_IDS):
        return MalformedTask(
            raw, f"{body.task_id!r} is not a task id: empty, or holds '/' or NUL", body.task_id
        )
    return Task(body.task_id, body.data)


def _task_id_if_any(raw: bytes) -> str:
    try:
        return _decode_id(raw).task_id
    except _NOT_DECODED:
        return ""
