"""Reads a JSON list of tasks, one task at a time, in memory that does not grow with the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from cloud_tasks.core.task import Task
from cloud_tasks.errors import Problem
from cloud_tasks.task_file import json_syntax
from cloud_tasks.task_file.items import EndOfReadingError, Fault
from cloud_tasks.task_file.json_item import ItemDecoder, NotJsonValueError, too_large
from cloud_tasks.task_file.json_tokens import JsonPlaces, value_end
from cloud_tasks.task_file.limits import Limits
from cloud_tasks.task_file.window import CHUNK_BYTES, ByteSource, Window

_SPACE = re.compile(r"[ \t\n\r]*")
_SEPARATOR = re.compile(r",[ \t\n\r]*\{")
_NONE_LEFT = -1


class JsonListReader:
    """The tasks of a JSON list."""

    def __init__(self, source: ByteSource, name: str, limits: Limits, chunk_bytes: int = CHUNK_BYTES) -> None:
        self._window = Window(source, name, chunk_bytes)
        self._limits = limits
        self._decoder = ItemDecoder(limits)
        self._number = 0
        self._item_start = 0
        self._item_end = 0
        self._separator = ",\n{"

    def places(self) -> JsonPlaces:
        """Where the item that was handed out last stands."""
        return JsonPlaces(self._window, self._item_start)

    def __iter__(self) -> Iterator[Task | Fault]:
        """Tasks and faults, in order; a fault of syntax is final."""
        try:
            position = self._first()
            while position != _NONE_LEFT:
                self._number += 1
                yield self._item(position)
                position = self._next(self._item_end)
        except EndOfReadingError as end:
            yield Fault((end.problem,), final=True)

    def _first(self) -> int:
        """Position of the first item."""
        window = self._window
        window.refill(0)
        if window.text.startswith("\ufeff"):
            raise EndOfReadingError(json_syntax.byte_order_mark(window))
        position = self._skip_space(0)
        if position == len(window.text):
            raise EndOfReadingError(window.fault or json_syntax.empty(window))
        if window.text[position] != "[":
            raise EndOfReadingError(json_syntax.not_a_list(window, position))
        position = self._skip_space(position + 1)
        if window.text.startswith("]", position):
            return self._after_list(position + 1)
        self._refuse_end(position, "at the start of the list")
        return position

    def _item(self, position: int) -> Task | Fault:
        """The item at `position`, reading on until it is there as a whole."""
        window = self._window
        while True:
            self._item_start = position
            try:
                item, self._item_end = self._decoder.raw_decode(window.text, position)
            except json.JSONDecodeError as error:
                if window.at_end or not json_syntax.may_be_cut(window.text, error):
                    raise EndOfReadingError(self._syntax(error)) from None
            except (NotJsonValueError, ValueError, RecursionError) as error:
                self._item_end = value_end(window.text, position)
                if self._item_end >= 0 or window.at_end:
                    return self._refused(error)
            else:
                if item.__class__ is dict or self._item_end < len(window.text) or window.at_end:
                    return self._decoder.task(window, position, self._item_end, item) or self._odd(item)
            self._read_on(position)
            position = 0

    def _odd(self, item: object) -> Task | Fault:
        """A second, slower look at an item that did not pass as a task at once."""
        name = f"task {self._number}"
        problems = self._decoder.problems(self._window, self._item_start, self._item_end, item, name)
        return Fault(problems) if problems else Task(item["task_id"], item["data"])  # type: ignore[index]

    def _refused(self, error: Exception) -> Fault:
        problem = self._decoder.refused(self._window, self._item_start, f"task {self._number}", error)
        if self._item_end < 0:
            raise EndOfReadingError(self._window.fault or problem)
        return Fault((problem,))

    def _syntax(self, error: json.JSONDecodeError) -> Problem:
        window, start = self._window, self._item_start
        if window.at_end and json_syntax.is_unfinished(window.text, error):
            where = f"inside task {self._number}{json_syntax.id_in(window, start)}"
            return window.fault or json_syntax.cut_short(window, where)
        return json_syntax.item_syntax(window, start, error, self._number)

    def _next(self, end: int) -> int:
        """Position of the item after the one that ended at `end`."""
        # Nearly always, what stands between two tasks is what stood between the two before.
        if self._window.text.startswith(self._separator, end):
            return end + len(self._separator) - 1
        comma = self._skip_space(end)
        text = self._window.text
        if text.startswith("]", comma):
            return self._after_list(comma + 1)
        self._refuse_end(comma, f"after task {self._number}, before the closing `]`")
        if not text.startswith(",", comma):
            message = f"expected `,` or `]` after task {self._number}"
            raise EndOfReadingError(Problem(message, place=self._window.place(comma)))
        return self._after_comma(comma)

    def _after_comma(self, comma: int) -> int:
        position = self._skip_space(comma + 1)
        text = self._window.text
        self._refuse_end(position, f"after task {self._number}, before the closing `]`")
        if text.startswith("]", position):
            message = f"expected another task after the comma behind task {self._number}"
            raise EndOfReadingError(
                Problem(
                    message, place=self._window.place(position), hint="JSON has no comma after the last item"
                )
            )
        # Skipping may have moved the text, and then this is something else.
        if _SEPARATOR.fullmatch(separator := text[comma : position + 1]):
            self._separator = separator
        return position

    def _after_list(self, position: int) -> int:
        """Nothing may come after the list."""
        position = self._skip_space(position)
        if position < len(self._window.text):
            helps = ("a file holds one list; one task a line, without brackets, goes into a .jsonl file",)
            place = self._window.place(position)
            raise EndOfReadingError(Problem("there is more text after the list", place=place, helps=helps))
        if self._window.fault is not None:
            raise EndOfReadingError(self._window.fault)
        return _NONE_LEFT

    def _skip_space(self, position: int) -> int:
        """Position of the next character that is not white space; the end of the text if there is none."""
        while True:
            found = _SPACE.match(self._window.text, position)
            position = found.end() if found else position
            if position < len(self._window.text) or not self._window.refill(position):
                return position
            position = 0

    def _refuse_end(self, position: int, where: str) -> None:
        if position == len(self._window.text):
            raise EndOfReadingError(self._window.fault or json_syntax.cut_short(self._window, where))

    def _read_on(self, position: int) -> None:
        size = len(self._window.text) - position
        if size > self._limits.task_size_bytes_max:
            place = self._window.place(position)
            found = too_large(f"task {self._number}", size, self._limits, place, at_least=True)
            raise EndOfReadingError(found)
        self._window.refill(position)
