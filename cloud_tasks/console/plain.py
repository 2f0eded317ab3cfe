"""The display for pipes, files and terminals that know nothing but text."""

from __future__ import annotations

import time

from cloud_tasks.console.base import BaseConsole
from cloud_tasks.console.board import Board, Rate
from cloud_tasks.console.output import Output
from cloud_tasks.console.protocol import Stream
from cloud_tasks.console.report import Section, closing_sentence, remarks, sections
from cloud_tasks.console.telling import Line
from cloud_tasks.console.wording import counted, rate, share, whole_seconds
from cloud_tasks.console.writer import LINGER_S, Writer
from cloud_tasks.summary import Summary

INTERVAL_S = 5.0
"""Seconds between two lines of progress."""
QUIET_INTERVAL_S = 60.0
"""The same while nothing changes."""
_TICKS_PER_INTERVAL = 5


class PlainConsole(BaseConsole):
    """Lines: progress every few seconds, failures as they happen, aligned tables at the end.

    Args:
        stdout: Where the tasks' standard output goes, or the JSON result.
        stderr: Where everything else goes.
        json: Whether the summary goes to `stdout` as JSON, and nothing else with it.
        verbose: As in `BaseConsole`.
        interval_s: Seconds between two lines of progress.
        linger_s: As in `BaseConsole`.
    """

    def __init__(
        self,
        stdout: Output,
        stderr: Output,
        *,
        json: bool = False,
        verbose: bool = False,
        interval_s: float = INTERVAL_S,
        linger_s: float = LINGER_S,
    ) -> None:
        board = Board()
        progress = ProgressLines(board, interval_s)
        own = Writer(stderr, progress.compose, interval_s / _TICKS_PER_INTERVAL)
        other = own if stdout.same_place(stderr) else Writer(stdout)
        super().__init__(
            board,
            PlainPainter(),
            own=own,
            streams={Stream.STDOUT: own if json else other, Stream.STDERR: own},
            result=other if json else None,
            verbose=verbose,
            linger_s=linger_s,
        )


class ProgressLines:
    """Adds a line of progress to what is written, when it is time for one."""

    def __init__(self, board: Board, interval_s: float) -> None:
        self._board = board
        self._interval_s = interval_s
        self._rate = Rate()
        self._told_at = time.monotonic()
        self._told = ""

    def compose(self, data: bytes, last: bool) -> bytes:  # noqa: FBT001 - a Compose
        """What is waiting, and perhaps a line more."""
        now = time.monotonic()
        board = self._board
        if last or now - self._told_at < self._interval_s:
            return data
        text = progress_text(board, self._rate.sample(now, board))
        if not text or (text == self._told and now - self._told_at < QUIET_INTERVAL_S):
            return data
        self._told_at, self._told = now, text
        return data + text.encode() + b"\n"


def progress_text(board: Board, per_s: float) -> str:
    """How far the work is, in a line; "" while there is none."""
    if (checking := board.checking) is not None:
        parts = [share(checking.done_bytes, checking.total_bytes or 0), counted(checking.tasks, "task")]
        return "checking: " + ", ".join(part for part in parts if part)
    if not board.is_open:
        return ""
    return "progress: " + ", ".join(progress_parts(board, per_s))


def progress_parts(board: Board, per_s: float) -> list[str]:
    """Done, failed, running, rate and time left."""
    parts = [counted(board.done, "task") + " done"]
    if board.total is not None:
        percent = share(board.done, board.total) or "0 %"
        parts = [f"{board.done:,} of {counted(board.total, 'task')} done ({percent})"]
    parts.append(f"{board.failed:,} failed")
    parts.append(f"{len(board.running):,} running")
    if per_s > 0:
        parts.append(rate(per_s))
    if left := time_left(board, per_s):
        parts.append(f"about {left} left")
    return parts


def time_left(board: Board, per_s: float) -> str:
    """How long it may take; "" if nobody can tell."""
    if board.total is None or per_s <= 0 or board.done >= board.total:
        return ""
    return whole_seconds(max(1, round((board.total - board.done) / per_s)))


class PlainPainter:
    """Text and nothing else."""

    def line(self, line: Line) -> str:
        """See `Painter`."""
        return (f"{line.label}: " if line.label else "") + line.text + "\n"

    def report(self, summary: Summary) -> str:
        """See `Painter`."""
        tables = [table(section) for section in sections(summary)]
        end = "\n".join([*remarks(summary), closing_sentence(summary)])
        return "\n" + "\n\n".join([*tables, end]) + "\n"

    def closing_line(self, summary: Summary) -> str:
        """See `Painter`."""
        return closing_sentence(summary) + "\n"


def table(section: Section) -> str:
    """A section as aligned columns."""
    heads = tuple(head.removeprefix(">") for head in section.columns)
    lines = [heads, *section.rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    right = [head.startswith(">") for head in section.columns]
    aligned = [
        "  " + "  ".join(_align(*cell) for cell in zip(cells, widths, right, strict=True)) for cells in lines
    ]
    return "\n".join([section.title, *(line.rstrip() for line in aligned)])


def _align(cell: str, width: int, right: bool) -> str:  # noqa: FBT001 - a column of a zip
    return cell.rjust(width) if right else cell.ljust(width)
