"""Reads JSON lines: one task a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from cloud_tasks.core.task import Task
from cloud_tasks.errors import Problem
from cloud_tasks.task_file import json_syntax
from cloud_tasks.task_file.items import EndOfReadingError, Fault
from cloud_tasks.task_file.json_item import ItemDecoder, NotJsonValueError, too_large
from cloud_tasks.task_file.json_tokens import JsonPlaces
from cloud_tasks.task_file.limits import Limits
from cloud_tasks.task_file.window import ByteSource, Window

_SPACE = re.compile(r"[ \t\r]*")
_HELPS = ("in a .jsonl file each line is one whole task; a JSON list goes into a .json file",)


class JsonLinesReader:
    """The tasks of a file with one JSON mapping a line; blank lines are nothing."""

    def __init__(self, source: ByteSource, name: str, limits: Limits) -> None:
        self._window = Window(source, name)
        self._limits = limits
        self._decoder = ItemDecoder(limits)
        self._number = 0
        self._start = 0
        self._end = 0
        self._next_line = 0

    def places(self) -> JsonPlaces:
        """Where the item that was handed out last stands."""
        return JsonPlaces(self._window, self._start)

    def __iter__(self) -> Iterator[Task | Fault]:
        """Tasks and faults, in order; a line that is no task does not end the reading."""
        try:
            self._begin()
            while self._find_line():
                self._number += 1
                yield self._item()
            self._finish()
        except EndOfReadingError as end:
            yield Fault((end.problem,), final=True)

    def _begin(self) -> None:
        self._window.refill(0)
        if self._window.text.startswith("\ufeff"):
            raise EndOfReadingError(json_syntax.byte_order_mark(self._window))

    def _finish(self) -> None:
        if not self._number:
            raise EndOfReadingError(json_syntax.empty(self._window))

    def _find_line(self) -> bool:
        """Move to the next line that is not blank; False if there is none."""
        window, start = self._window, self._next_line
        while True:
            end = window.text.find("\n", start)
            if end < 0 and not window.at_end:
                self._read_on(start)
                start = 0
                continue
            if end < 0 and window.fault is not None:
                raise EndOfReadingError(window.fault)
            self._end = len(window.text) if end < 0 else end
            self._next_line = self._end + 1
            first = _SPACE.match(window.text, start, self._end)
            self._start = first.end() if first else start
            if self._start < self._end or end < 0:
                return self._start < self._end
            start = self._next_line

    def _read_on(self, start: int) -> None:
        size = len(self._window.text) - start
        if size > self._limits.task_size_bytes_max:
            place = self._window.place(start)
            found = too_large(f"task {self._number + 1}", size, self._limits, place, at_least=True)
            raise EndOfReadingError(found)
        self._window.refill(start)

    def _item(self) -> Task | Fault:
        """The item on the line."""
        window, start, name = self._window, self._start, f"task {self._number}"
        try:
            item, end = self._decoder.raw_decode(window.text, start)
        except json.JSONDecodeError as error:
            return Fault((self._syntax(error),))
        except (NotJsonValueError, ValueError, RecursionError) as error:
            return Fault((self._decoder.refused(window, start, name, error),))
        if item.__class__ is list or end > self._end or _SPACE.fullmatch(window.text, end, self._end) is None:
            return Fault((self._not_one_a_line(min(end, self._end)),))
        task = self._decoder.task(window, start, end, item)
        if task is not None:
            return task
        problems = self._decoder.problems(window, start, end, item, name)
        return Fault(problems) if problems else Task(item["task_id"], item["data"])

    def _syntax(self, error: json.JSONDecodeError) -> Problem:
        window = self._window
        inside = f"inside task {self._number}{json_syntax.id_in(window, self._start)}"
        if self._end == len(window.text) and json_syntax.is_unfinished(window.text, error):
            return json_syntax.cut_short(window, inside)
        if error.pos < self._end:
            return json_syntax.item_syntax(window, self._start, error, self._number)
        return Problem(
            f"the line ends {inside}",
            place=window.place(max(self._end - 1, self._start)),
            helps=_HELPS,
        )

    def _not_one_a_line(self, position: int) -> Problem:
        is_list = self._window.text.startswith("[", self._start)
        found = "a list" if is_list else "more text" if position < self._end else "one on several lines"
        return Problem(
            f"task {self._number}: expected one task a line, found {found}",
            place=self._window.place(self._start if is_list else position),
            helps=_HELPS,
        )
