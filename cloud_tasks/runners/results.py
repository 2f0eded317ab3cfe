"""What a task function returned: checked, and turned into JSON. Runs in the task's process."""

from __future__ import annotations

import json
import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeAlias

    _Place: TypeAlias = tuple["_Place", object] | tuple[()]
    """Where something is in a result: what it is in, and the key or index there."""

RESULT_SIZE_BYTES_MAX = 256 * 1024 * 1024
"""Largest result, as JSON. Whatever is larger belongs into a store, with its address as the result."""
DEPTH_MAX = 500
"""Deepest nesting of a result; common readers of JSON give up between 500 and 1,000."""
_REPR_CHARS_MAX = 200
_KEY_CHARS_MAX = 80


class BadResultError(Exception):
    """What the function returned cannot be used.

    Attributes:
        kind: "wrong_return" or "not_serializable".
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def check_pair(value: object, *, success_first: bool = False) -> tuple[bool, object]:
    """Take `(retry, result)` out of what the function returned.

    Args:
        value: What it returned.
        success_first: The function has the older form and returns `(success, result)`.

    Raises:
        BadResultError: It is something else; the message names it.
    """
    first = "success" if success_first else "retry"
    if not isinstance(value, (tuple, list)) or len(value) != 2:  # noqa: PLR2004 - a pair
        what = describe(value)
        must = f"it must return a pair ({first}, result), {first} being True or False"
        message = f"the function returned {what}; {must}"
        raise BadResultError("wrong_return", message)
    if type(value[0]) is not bool:
        what = describe(value[0])
        message = f"the function returned {what} as {first}, which must be True or False: {describe(value)}"
        raise BadResultError("wrong_return", message)
    return value[0] is not success_first, value[1]


def describe(value: object) -> str:
    """A value and its type, short enough for a message whatever the value is."""
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{_short_repr(value, _REPR_CHARS_MAX)} (of type {name})"


def _short_repr(value: object, chars_max: int) -> str:
    if isinstance(value, (str, bytes, bytearray)):
        value = value[:chars_max]
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - boundary: methods of the user's own objects run in there
        return f"<repr raised {type(error).__name__}>"
    return text if len(text) <= chars_max else text[:chars_max] + "..."


def _as_text(value: object) -> str:
    """What stands for paths, local and remote; the encoder asks for whatever it does not know."""
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if hasattr(value, "as_posix"):
        return str(value)
    raise TypeError(type(value).__name__)


class Encoder:
    """The encoder, with what `json` would make anew for each result made once, before any fork.

    It knows what it is inside of, and so is for one result at a time: threads need one each.
    """

    def __init__(self) -> None:
        self._above: dict[int, object] = {}
        whole = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_as_text)
        self._whole = whole.encode
        make = getattr(json.encoder, "c_make_encoder", None)
        # Sorted keys, skipped keys, NaN.
        no_options = (False, False, False)
        quote = json.encoder.encode_basestring
        self._parts = make and make(self._above, _as_text, quote, None, ":", ",", *no_options)

    def encode(self, result: object) -> bytes:
        """The result as JSON; raises whatever the user's own objects raise, and what `json` does."""
        if self._parts is None:
            return self._whole(result).encode()
        try:
            return "".join(self._parts(result, 0)).encode()
        except BaseException:  # boundary: cleared up, and raised again
            # What it was inside of when it gave up is no circle in the next result.
            self._above.clear()
            raise


_of_process = Encoder()
"""A task process returns one result at a time."""


def encode_result(result: object, encoder: Encoder = _of_process) -> bytes:
    """The result as JSON.

    Raises:
        BadResultError: JSON cannot hold it; the message names the place inside it and the type there.
    """
    try:
        encoded = encoder.encode(result)
    except RecursionError:
        raise BadResultError("not_serializable", _TOO_DEEP) from None
    except MemoryError:
        raise BadResultError("not_serializable", "there was no memory to turn the result into JSON") from None
    except Exception as error:  # noqa: BLE001 - boundary: methods of the user's own objects run in there
        raise BadResultError("not_serializable", find_fault(result) or f"the result: {error}") from None
    if len(encoded) > RESULT_SIZE_BYTES_MAX:
        message = (
            f"the result is {len(encoded):,} bytes long as JSON; the limit is {RESULT_SIZE_BYTES_MAX:,}: "
            "store it somewhere and return its URL"
        )
        raise BadResultError("not_serializable", message)
    if isinstance(result, (dict, list, tuple)):
        if _may_be_deep(encoded) and _too_deep(result):
            raise BadResultError("not_serializable", _TOO_DEEP)
        if _MAY_BE_NO_TEXT(encoded) and (lost := _lost_key(result)):
            raise BadResultError("not_serializable", lost)
    return encoded


_TOO_DEEP = (
    f"the result is nested more than {DEPTH_MAX} levels deep: flatten it, or store it and return its URL"
)


def _may_be_deep(encoded: bytes) -> bool:
    return len(encoded) > DEPTH_MAX and encoded.count(b"[") + encoded.count(b"{") > DEPTH_MAX


def _too_deep(result: object) -> bool:
    """Level by level, and not by recursion, which itself has a limit."""
    level = [result] if isinstance(result, (dict, list, tuple)) else []
    for _ in range(DEPTH_MAX):
        inside = (item for value in level for item in (value.values() if isinstance(value, dict) else value))
        level = [item for item in inside if isinstance(item, (dict, list, tuple))]
        if not level:
            return False
    return True


_MAY_BE_NO_TEXT = re.compile(rb'"(?:-?[0-9][^"]*+|true|false|null)":').search
"""Whether some key may have been a number, True, False or None before it was JSON: seldom, and soon seen."""


def _lost_key(result: object) -> str | None:
    """What is said where two keys of a mapping, as 1 and "1", are one in JSON; None if there are none."""
    left: list[tuple[_Place, object]] = [((), result)]
    while left:
        place, value = left.pop()
        if isinstance(value, dict):
            if len(set(map(type, value))) > 1 and (pair := _same_in_json(value)):
                return f"{_path(place)} has the keys {pair[0]!r} and {pair[1]!r}, of which JSON makes one"
            items: Iterable[tuple[object, object]] = value.items()
        else:
            items = enumerate(value)  # type: ignore[arg-type] # nothing but these comes here
        left += [((place, key), item) for key, item in items if isinstance(item, (dict, list, tuple))]
    return None


def _same_in_json(value: dict[object, object]) -> tuple[object, object] | None:
    seen: dict[str, object] = {}
    for key in value:
        text = key if isinstance(key, str) else json.dumps(key)
        if text in seen:
            return seen[text], key
        seen[text] = key
    return None


def _path(place: _Place) -> str:
    keys = []
    while place:
        place, key = place
        keys.append(f"[{_short_repr(key, _KEY_CHARS_MAX)}]")
    return "result" + "".join(reversed(keys))


def find_fault(result: object) -> str | None:
    """Where in a result is the first thing that JSON cannot hold, and what it is; None if there is none."""
    try:
        return _fault(result, "result", frozenset())
    except RecursionError:
        return _TOO_DEEP


def _fault(value: object, path: str, above: frozenset[int]) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, (dict, list, tuple)):
        return _fault_inside(value, path, above)
    if isinstance(value, (str, int, float)):
        return _fault_of_plain(value, path)
    try:
        _as_text(value).encode()
    except Exception:  # noqa: BLE001 - boundary: the user's own __fspath__ or __str__
        return f"{path} is {_named(value)}"
    return None


def _named(value: object) -> str:
    name = type(value).__name__
    article = "an" if name[:1].lower() in "aeiou" else "a"
    return f"{article} {name}, which JSON cannot hold: {describe(value)}"


def _fault_inside(
    value: dict[object, object] | list[object] | tuple[object, ...], path: str, above: frozenset[int]
) -> str | None:
    if id(value) in above:
        return f"{path} contains itself"
    if len(above) >= DEPTH_MAX:
        return _TOO_DEEP
    above |= {id(value)}
    if isinstance(value, dict):
        return _first(_fault_of_item(key, item, path, above) for key, item in value.items())
    return _first(_fault(item, f"{path}[{index}]", above) for index, item in enumerate(value))


def _fault_of_item(key: object, item: object, path: str, above: frozenset[int]) -> str | None:
    if key is not None and not isinstance(key, (str, int, float)):
        return f"a key of {path} is {_named(key)}"
    place = f"{path}[{_short_repr(key, _KEY_CHARS_MAX)}]"
    return _fault(key, f"the key of {place}", above) or _fault(item, place, above)


def _first(faults: Iterator[str | None]) -> str | None:
    return next((fault for fault in faults if fault), None)


def _fault_of_plain(value: str | float, path: str) -> str | None:
    if isinstance(value, str):
        return _fault_of_text(value, path)
    if isinstance(value, int):
        return _fault_of_int(value, path)
    finite = value - value == 0
    return None if finite else f"{path} is {float(value)!r}, which JSON cannot hold"


def _fault_of_text(value: str, path: str) -> str | None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        return f"{path} holds a lone surrogate at character {error.start}, which JSON in UTF-8 cannot hold"
    return None


def _fault_of_int(value: int, path: str) -> str | None:
    try:
        int.__repr__(value)
    except ValueError:
        digits = value.bit_length() * 3 // 10
        return f"{path} is an integer of some {digits:,} digits, which readers of JSON refuse"
    return None
