"""The text of a YAML file on its way to the parser: made sure of, and kept a while to show lines of it."""

from __future__ import annotations

import re
from collections import deque
from typing import cast

from yaml.error import Mark
from yaml.events import Event
from yaml.reader import Reader

from cloud_tasks.errors import Place, Problem
from cloud_tasks.task_file.window import ByteSource, Window

_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_KEPT_BEFORE, _KEPT_AFTER = 200, 300
_STAND_IN = "?"


def start_of(event: Event) -> Mark:
    """Where an event begins; parsers always tell, though the types do not know."""
    return cast("Mark", event.start_mark)


def end_of(event: Event) -> Mark:
    """Where an event ends."""
    return cast("Mark", event.end_mark)


class YamlText:
    """Hands decoded text to a parser. Where it cannot go on, it puts a `?` and ends.

    Attributes:
        fault: Why it could not go on; None if all is well.
        fault_at: Line and column of the stand-in, from 0, as the parser counts.
    """

    def __init__(self, source: ByteSource, name: str) -> None:
        self.fault: Problem | None = None
        self.fault_at = (0, 0)
        self._window = Window(source, name)
        self._name = name
        self._held = ""
        self._pieces: deque[str] = deque()
        self._first_index = 0
        self._first_line = 0
        self._first_column = 0
        self._lines: list[str] | None = None

    def read(self, _size: int = -1, /) -> str:
        """The next piece; "" at the end."""
        window = self._window
        if self.fault is not None or not window.refill(len(window.text)):
            return ""
        text = self._held + window.text
        # A line break of two characters stays whole, so that lines are counted right.
        self._held = "\r" if text.endswith("\r") and not window.at_end else ""
        text = self._made_sure_of(text[: len(text) - len(self._held)])
        self._pieces.append(text)
        self._lines = None
        return text or self.read()

    def forget_before(self, mark: Mark) -> None:
        """Nobody will ask for anything before `mark` any more."""
        while self._pieces and self._first_index + len(self._pieces[0]) < mark.index:
            gone = self._pieces.popleft()
            lines = _BREAK.split(gone)
            self._first_index += len(gone)
            self._first_line += len(lines) - 1
            self._first_column = len(lines[-1]) + (self._first_column if len(lines) == 1 else 0)
            self._lines = None

    def place(self, start: Mark, end: Mark | None = None) -> Place:
        """Where something stands, from one mark to another on the same line."""
        width = end.column - start.column if end is not None and end.line == start.line else 1
        if self._lines is None:
            self._lines = _BREAK.split("".join(self._pieces))
        number = start.line - self._first_line
        if not 0 <= number < len(self._lines):
            return Place(self._name, start.line + 1, start.column + 1)
        begin = self._first_column if number == 0 else 0
        at = start.column - begin
        first = max(at - _KEPT_BEFORE, 0)
        text = self._lines[number][first : max(at, 0) + width + _KEPT_AFTER]
        column = start.column + 1
        return Place(self._name, start.line + 1, column, text, max(width, 1), text_column=begin + first + 1)

    def _made_sure_of(self, text: str) -> str:
        """The text, up to what no YAML file may hold."""
        bad = Reader.NON_PRINTABLE.search(text)
        if bad is not None:
            code = ord(bad.group())
            text = text[: bad.start()]
            self._stop(text, Problem(f"the character U+{code:04X} is not allowed in YAML"))
            return text + _STAND_IN
        if self._window.fault is not None:
            self._stop(text, self._window.fault)
            return text + _STAND_IN
        return text

    def _stop(self, text: str, fault: Problem) -> None:
        lines = _BREAK.split("".join([*self._pieces, text]))
        line = self._first_line + len(lines) - 1
        column = len(lines[-1]) + (self._first_column if len(lines) == 1 else 0)
        self.fault_at = (line, column)
        place = fault.place or Place(self._name, line + 1, column + 1, lines[-1] + _STAND_IN)
        helps = fault.helps or (r'write it as an escape in double quotes: "\x00"',)
        self.fault = Problem(fault.message, place=place, helps=helps)
