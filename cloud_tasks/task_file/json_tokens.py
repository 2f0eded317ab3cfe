"""Finds the parts of JSON text again, after the fast decoder has said that something is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from msgspec import Struct

from cloud_tasks.errors import Place
from cloud_tasks.task_file.items import Path
from cloud_tasks.task_file.window import Window

_TOKEN = re.compile(
    r'[ \t\n\r]*+(?:(?P<string>"[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+")|(?P<mark>[{}\[\],:])'
    r'|(?P<word>[^\s{}\[\],:"]++))'
)


class Token(Struct, frozen=True):
    """A key or a value.

    Attributes:
        path: Keys and indexes down to it.
        is_key: Whether it is a key.
        start: Index of its first character.
        end: Index after its last; for a list or mapping, after its bracket.
    """

    path: Path
    is_key: bool
    start: int
    end: int


def tokens(text: str, start: int) -> Iterator[Token]:
    """Keys and values of the JSON value at `start`, in order, as far as the text is well formed."""
    path: list[str | int] = []
    kinds: list[str] = []
    expects_key = False
    while match := _TOKEN.match(text, start):
        kind, word = str(match.lastgroup), match[match.lastgroup or 0]
        start = match.end()
        first = start - len(word)
        if kind != "mark":
            if expects_key and kind == "string":
                path[-1] = _key(word)
                yield Token(tuple(path), is_key=True, start=first, end=start)
                expects_key = False
            else:
                yield Token(tuple(path), is_key=False, start=first, end=start)
        elif word in "{[":
            yield Token(tuple(path), is_key=False, start=first, end=start)
            kinds.append(word)
            path.append("" if word == "{" else 0)
            expects_key = word == "{"
        elif word in "}]" and kinds:
            kinds.pop()
            path.pop()
            expects_key = False
        elif word == "," and kinds:
            expects_key = kinds[-1] == "{"
            last = path[-1]
            path[-1] = last + 1 if isinstance(last, int) else ""
        if not kinds:
            return


def value_end(text: str, start: int) -> int:
    """Index after the JSON value at `start`; -1 if the text ends inside it, or is not well formed."""
    depth = 0
    while match := _TOKEN.match(text, start):
        start = match.end()
        mark = match["mark"]
        if mark in {"{", "["}:
            depth += 1
        elif mark in {"}", "]"}:
            depth -= 1
        if depth <= 0:
            return start
    return -1


def _key(token: str) -> str:
    try:
        return str(json.loads(token))
    except ValueError:
        return token


class JsonPlaces:
    """Where the parts of the JSON item at `start` of a window stand."""

    def __init__(self, window: Window, start: int) -> None:
        self._window = window
        self._start = start

    def key(self, path: Path) -> Place:
        """Place of the key that `path` ends with."""
        return self._find(path, is_key=True)

    def value(self, path: Path) -> Place:
        """Place of the value at `path`."""
        return self._find(path, is_key=False)

    def _find(self, path: Path, *, is_key: bool) -> Place:
        for token in tokens(self._window.text, self._start):
            if token.path == path and token.is_key is is_key:
                return self._window.place(token.start, token.end - token.start)
        return self._window.place(self._start)
