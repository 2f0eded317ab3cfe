"""What all displays have in common: who writes where, and what is worth a line."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from cloud_tasks.console.board import Board, Checking
from cloud_tasks.console.lines import LineKeeper
from cloud_tasks.console.protocol import Level, Stream
from cloud_tasks.console.telling import Line, tell, tell_task
from cloud_tasks.console.throttle import Throttle
from cloud_tasks.console.wording import clean
from cloud_tasks.console.writer import LINGER_S, Writer
from cloud_tasks.core.events import EventRecord, NonFatalException, TaskCompleted, TaskEvent
from cloud_tasks.summary import Summary


class Painter(Protocol):
    """How things look."""

    def line(self, line: Line) -> str:
        """A line, with its newline."""
        ...

    def report(self, summary: Summary) -> str:
        """The final tables."""
        ...

    def closing_line(self, summary: Summary) -> str:
        """What there is to say when the tables go elsewhere."""
        ...


class BaseConsole:
    """A `Console` over writers and a painter.

    Args:
        board: What the painter's bar or progress lines are drawn from.
        painter: How things look.
        own: Where the worker's own lines go.
        streams: Where each of the tasks' streams goes.
        result: Where the summary goes as JSON; None: it is shown as tables among the worker's own lines.
        verbose: Whether every task and the worker's own doings are told.
        linger_s: Seconds to wait at the end for a reader that takes nothing.
    """

    def __init__(
        self,
        board: Board,
        painter: Painter,
        *,
        own: Writer,
        streams: dict[Stream, Writer],
        result: Writer | None = None,
        verbose: bool = False,
        linger_s: float = LINGER_S,
    ) -> None:
        self._board = board
        self._painter = painter
        self._own = own
        self._streams = streams
        self._result = result
        self._verbose = verbose
        self._linger_s = linger_s
        self._lines = LineKeeper()
        self._throttle = Throttle()

    def checking(self, done_bytes: int, total_bytes: int | None, tasks: int) -> None:
        """See `Console`."""
        self._board.checking = Checking(done_bytes, total_bytes, tasks)
        self._own.start()

    def open(self, total: int | None) -> None:
        """See `Console`."""
        self._board.checking = None
        self._board.total = total
        self._board.is_open = True
        self._own.start()

    def task_started(self, task_id: str) -> None:
        """See `Console`."""
        self._board.running[task_id] = None
        if self._verbose:
            self._show(Line(Level.DEBUG, "started", clean(task_id)))

    def task_progress(self, task_id: str, done: float, total: float | None) -> None:
        """See `Console`."""
        if task_id in self._board.running:
            self._board.running[task_id] = (done, total)

    def output(self, task_id: str, stream: Stream, chunk: bytes) -> bool:
        """See `Console`."""
        writer = self._streams[stream]
        whole = self._lines.add(task_id, stream, chunk)
        if whole:
            writer.put(whole)
        return writer.has_room

    async def writable(self) -> None:
        """See `Console`."""
        for writer in self._streams.values():
            await writer.wait_room()

    def message(self, level: Level, text: str) -> None:
        """See `Console`."""
        self._show(Line(level, "" if level is Level.INFO else level.value, text))

    async def emit(self, records: list[EventRecord]) -> None:
        """See `Console`."""
        for record in records:
            event = record.event
            if isinstance(event, TaskEvent):
                self._end_task(event)
            elif isinstance(event, NonFatalException):
                if self._may_show_one_more():
                    self._show(tell(event))
            else:
                self._show(tell(event))

    def finish(self, summary: Summary, exit_status: int | None = None) -> None:
        """See `Console`."""
        for stream, writer in self._streams.items():
            self._put(writer, self._lines.end_all(stream))
        self._show_note()
        self._board.is_open = False
        self._board.checking = None
        if self._result is None:
            self._own.put(self._painter.report(summary).encode(errors="replace"))
        else:
            self._own.put(self._painter.closing_line(summary).encode(errors="replace"))
            self._result.put(summary.to_json(exit_status) + b"\n")

    async def aclose(self) -> None:
        """See `Console`."""
        writers = {
            id(writer): writer for writer in (self._own, *self._streams.values(), self._result) if writer
        }
        await asyncio.gather(*(writer.aclose(self._linger_s) for writer in writers.values()))

    def _end_task(self, event: TaskEvent) -> None:
        self._board.end_task(event)
        for stream, writer in self._streams.items():
            self._put(writer, self._lines.end_task(event.task_id, stream))
        if isinstance(event, TaskCompleted):
            # Most tasks complete, and most people do not want to hear of each: no line is made in vain.
            if self._verbose:
                self._show(tell_task(event))
        elif self._may_show_one_more():
            self._show(tell_task(event))

    def _may_show_one_more(self) -> bool:
        if self._verbose:
            return True
        if not self._throttle.allow(time.monotonic()):
            return False
        self._show_note()
        return True

    def _show(self, line: Line) -> None:
        if line.level is not Level.DEBUG or self._verbose:
            self._own.put(self._painter.line(line).encode(errors="replace"))

    def _show_note(self) -> None:
        note = self._throttle.take_note()
        if note:
            self._show(Line(Level.INFO, "", note))

    @staticmethod
    def _put(writer: Writer, data: bytes) -> None:
        if data:
            writer.put(data)
