"""Makes a task of what a user's own iterator yields."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from cloud_tasks.core.task import MalformedTask, Task
from cloud_tasks.task_file.items import described, id_fault, shortened
from cloud_tasks.task_file.limits import DEFAULT_LIMITS

_PLAIN = (str, int, bool, type(None))
_RAW_CHARS_MAX = 1_000_000


def task_from_item(item: object) -> Task | MalformedTask:
    """The task that an item is, by the same rules as in a task file.

    Args:
        item: A mapping with `task_id` and `data`, or a `Task`. Its data is not copied.

    Returns:
        The task, or what came in its place with the reason why it is none.
    """
    if isinstance(item, Task):
        item = {"task_id": item.task_id, "data": item.data}
    if not isinstance(item, Mapping):
        return _malformed(item, f"expected a mapping with `task_id` and `data`, got {described(item)}")
    missing = [key for key in ("task_id", "data") if key not in item]
    if missing:
        return _malformed(item, f"no {' and no '.join(f'`{key}`' for key in missing)}")
    task_id, data = item["task_id"], item["data"]
    fault = id_fault(task_id)
    if fault or not _is_encodable(task_id):
        return _malformed(item, f"bad `task_id`: {fault or 'it holds a lone surrogate'}")
    if not isinstance(data, Mapping):
        return _malformed(item, f"`data`: expected a mapping, got {described(data)}")
    fault = _data_fault(data, "data", DEFAULT_LIMITS.depth_max - 1)
    return _malformed(item, fault) if fault else Task(task_id, data)


def _data_fault(value: object, path: str, levels_left: int) -> str:
    """What in a value JSON cannot hold, and where; "" if it can hold all of it."""
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"`{path}`: {value} has no place in JSON"
    if isinstance(value, str):
        return "" if _is_encodable(value) else f"`{path}`: it holds a lone surrogate"
    if isinstance(value, _PLAIN):
        return ""
    if not isinstance(value, Mapping | list | tuple):
        return f"`{path}`: JSON cannot hold {described(value)}"
    if not levels_left:
        return f"`{shortened(path)}` is nested too deep: the limit is {DEFAULT_LIMITS.depth_max} levels"
    return _inner_fault(value, path, levels_left - 1)


def _inner_fault(value: object, path: str, levels_left: int) -> str:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                return f"`{path}`: keys are strings, got {described(key)}"
            fault = _data_fault(inner, f"{path}.{key}", levels_left)
            if fault:
                return fault
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            fault = _data_fault(inner, f"{path}[{index}]", levels_left)
            if fault:
                return fault
    return ""


def _is_encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _malformed(item: object, reason: str) -> MalformedTask:
    task_id = item.get("task_id") if isinstance(item, Mapping) else None
    shown = task_id if isinstance(task_id, str) and _is_encodable(task_id) else ""
    return MalformedTask(_raw(item), reason, shown)


def _raw(item: object) -> bytes:
    """The item as JSON, with the words of `repr` where JSON has none."""
    try:
        return json.dumps(item, default=_repr, skipkeys=True).encode()
    except (ValueError, TypeError, RecursionError):
        return json.dumps(_repr(item)).encode()


def _repr(item: object) -> str:
    try:
        return repr(item)[:_RAW_CHARS_MAX]
    except Exception as error:  # noqa: BLE001  # boundary: repr() of a user's object may raise anything
        return f"<{type(item).__name__}: repr() raised {type(error).__name__}>"
