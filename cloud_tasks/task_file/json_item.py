"""One task written in JSON: decoded by the standard library's C scanner, checked for what that lets pass.

The scanner keeps the last of two equal keys, takes NaN, and turns 1e999 into infinity. Equal keys are found
by counting: as many `":` as keys means that none was lost. Only where the counts differ is the item decoded
again, with a hook that sees every pair.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator

from cloud_tasks.core.task import Task
from cloud_tasks.errors import Place, Problem
from cloud_tasks.task_file.items import Path, problems_of, shortened, task_of
from cloud_tasks.task_file.json_tokens import JsonPlaces, Token, tokens
from cloud_tasks.task_file.limits import Limits
from cloud_tasks.task_file.window import GAPS_BEFORE_COLON, Window, utf8_size_bytes

_BYTES_PER_CHAR_MAX = 4
_OWN_BRACES = 2
_SURROGATE = re.compile(r"(?<!\\)(?:\\\\)*(\\u[dD][89a-fA-F][0-9a-fA-F]{2})")


class NotJsonValueError(Exception):
    """The text holds a value that Python's scanner knows and JSON does not."""


class _EqualKeysError(Exception):
    pass


class ItemDecoder:
    """Decodes the items of one file."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # Each level takes two brackets.
        self._small_chars_max = min(2 * limits.depth_max, limits.task_size_bytes_max // _BYTES_PER_CHAR_MAX)
        self.raw_decode = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite).raw_decode
        self._strict_decode = json.JSONDecoder(
            object_pairs_hook=_pairs, parse_constant=_refuse, parse_float=_finite
        ).raw_decode

    def task(self, window: Window, start: int, end: int, item: object) -> Task | None:
        """The task that was decoded from `start` to `end`; None if something is or may be wrong with it."""
        task = task_of(item)
        if task is None:
            return None
        # Counting in a copy is faster than counting in a part of the window.
        text = window.text[start:end]
        braces = text.count("{")
        if len(text) > self._small_chars_max and self._may_be_too_much(text, braces):
            return None
        # Two braces are the task's and its data's own; more may stand in strings, or for further mappings.
        keys = len(item) + len(task.data) if braces == _OWN_BRACES else _shape(item)[0]  # type: ignore[arg-type]
        colons = text.count('":')
        if window.loose:
            colons += sum(map(text.count, GAPS_BEFORE_COLON))
        if colons != keys or (window.escaped_surrogate and not _is_encodable(item)):
            return None
        return task

    def _may_be_too_much(self, text: str, braces: int) -> bool:
        """Whether a count of characters or brackets leaves it open that the item is too large or too deep."""
        limits = self._limits
        is_large = len(text) * _BYTES_PER_CHAR_MAX > limits.task_size_bytes_max
        return is_large or braces + text.count("[") > limits.depth_max

    def problems(self, window: Window, start: int, end: int, item: object, name: str) -> tuple[Problem, ...]:
        """Everything that is wrong with an item that was decoded; () if it is a task after all."""
        places = JsonPlaces(window, start)
        hidden = tuple(self._hidden_problems(window, start, end, item, name))
        return (*hidden, *(problems_of(item, name, places) if task_of(item) is None else ()))

    def _hidden_problems(
        self, window: Window, start: int, end: int, item: object, name: str
    ) -> Iterator[Problem]:
        size_bytes = utf8_size_bytes(window.text[start:end])
        if size_bytes > self._limits.task_size_bytes_max:
            yield too_large(name, size_bytes, self._limits, window.place(start))
            return
        depth = _shape(item)[1]
        if depth > self._limits.depth_max:
            yield too_deep(name, depth, self._limits, window.place(start))
            return
        try:
            self._strict_decode(window.text, start)
        except _EqualKeysError:
            yield from _equal_keys(window, start, name)
        if window.escaped_surrogate and not _is_encodable(item):
            yield from _lone_surrogates(window, start, name)

    def refused(self, window: Window, start: int, name: str, error: Exception) -> Problem:
        """The problem of an item that is JSON by its form, and that the decoder gave up."""
        if isinstance(error, RecursionError):
            return too_deep(name, None, self._limits, window.place(start))
        for token in tokens(window.text, start):
            problem = _bad_number(window, token, name)
            if problem is not None:
                return problem
        return Problem(f"{name}: it holds a number that cannot be read", place=window.place(start))


def too_large(name: str, size_bytes: int, limits: Limits, place: Place, *, at_least: bool = False) -> Problem:
    """The problem of a task that is larger than the limit; `at_least` where it was not read to its end."""
    size = f"{'at least ' if at_least else ''}{size_bytes:,} bytes"
    return Problem(
        f"{name} is too large: {size}, and the limit is {limits.task_size_bytes_max:,}",
        place=place,
        helps=("store its data where the task can fetch it, and pass a URL",),
    )


def too_deep(name: str, depth: int | None, limits: Limits, place: Place) -> Problem:
    """The problem of a task that is nested deeper than the limit."""
    levels = "too many" if depth is None else str(depth)
    return Problem(
        f"{name} is nested too deep: {levels} levels, and the limit is {limits.depth_max}",
        place=place,
        helps=("flatten its data, or store it where the task can fetch it, and pass a URL",),
    )


def _refuse(_word: str) -> object:
    raise NotJsonValueError


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise NotJsonValueError
    return number


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _EqualKeysError
    return found


def _shape(item: object) -> tuple[int, int]:
    """How many keys are in a value at all depths, and how deep it is."""
    keys = depth = 0
    level = [item]
    while level:
        depth += 1
        inner: list[object] = []
        for value in level:
            if value.__class__ is dict:
                keys += len(value)
                inner += value.values()
            elif value.__class__ is list:
                inner += value
        level = [value for value in inner if value.__class__ is dict or value.__class__ is list]
    return keys, depth


def _is_encodable(item: object) -> bool:
    """Whether no string in a value holds half a character."""
    try:
        json.dumps(item, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _equal_keys(window: Window, start: int, name: str) -> Iterator[Problem]:
    seen: dict[Path, Token] = {}
    for token in tokens(window.text, start):
        if not token.is_key:
            continue
        first = seen.setdefault(token.path, token)
        if first is not token:
            first_place = window.place(first.start)
            yield Problem(
                f"{name}: the key `{shortened(str(token.path[-1]))}` is there twice",
                place=window.place(token.start, token.end - token.start),
                hint=f"first at {first_place.line}:{first_place.column}",
                notes=(f"the first is at {first_place}",),
            )


def _lone_surrogates(window: Window, start: int, name: str) -> Iterator[Problem]:
    for token in tokens(window.text, start):
        text = window.text[token.start : token.end]
        if not text.startswith('"') or _is_encodable(json.loads(text)):
            continue
        match = _SURROGATE.search(text)
        at = token.start + (match.start(1) if match else 0)
        yield Problem(
            f"{name}: a lone surrogate, at byte offset {window.offset_bytes(at)}: half a character",
            place=window.place(at, len(match.group(1)) if match else 1),
            helps=(r"characters beyond U+FFFF are written as two escapes (\ud83d\ude00), or as themselves",),
        )
        return


def _bad_number(window: Window, token: Token, name: str) -> Problem | None:
    text = window.text[token.start : token.end]
    place = window.place(token.start, token.end - token.start)
    offset = f"at byte offset {window.offset_bytes(token.start)}"
    if text in {"NaN", "Infinity", "-Infinity"}:
        return Problem(
            f"{name}: {text} {offset} is not JSON",
            place=place,
            helps=("write null for a value that is not there, or a string",),
        )
    if not re.fullmatch(r"-?\d[\d.eE+-]*", text):
        return None
    try:
        number: object = json.loads(text)
    except ValueError:
        return Problem(
            f"{name}: an integer of {len(text.lstrip('-'))} digits, {offset}, is too long",
            place=place,
            helps=("write it as a string",),
        )
    if isinstance(number, float) and math.isinf(number):
        return Problem(
            f"{name}: the number {shortened(text)}, {offset}, is too large for a floating-point number",
            place=place,
            helps=("write it as a string",),
        )
    return None
