"""The display for terminals: a bar below, everything else above it."""

from __future__ import annotations

import time
from collections.abc import Mapping

from cloud_tasks.console.base import BaseConsole
from cloud_tasks.console.board import Board, Rate
from cloud_tasks.console.output import Output
from cloud_tasks.console.protocol import Stream
from cloud_tasks.console.rich_painter import RichPainter
from cloud_tasks.console.writer import LINGER_S, Writer

REFRESH_S = 0.125


class TerminalConsole(BaseConsole):
    """A progress bar, lines above it, tables at the end.

    Args:
        stdout: Where the tasks' standard output goes, or the JSON result.
        stderr: The terminal; everything else goes there.
        environ: Environment variables (`NO_COLOR`, `TERM`, `COLORTERM`).
        json: Whether the summary goes to `stdout` as JSON, and nothing else with it.
        verbose: As in `BaseConsole`.
        linger_s: As in `BaseConsole`.
    """

    def __init__(
        self,
        stdout: Output,
        stderr: Output,
        environ: Mapping[str, str],
        *,
        json: bool = False,
        verbose: bool = False,
        linger_s: float = LINGER_S,
    ) -> None:
        board = Board()
        painter = RichPainter(stderr, environ)
        own = Writer(stderr, Screen(board, painter).compose, REFRESH_S)
        other = own if stdout.same_place(stderr) else Writer(stdout)
        super().__init__(
            board,
            painter,
            own=own,
            streams={Stream.STDOUT: own if json else other, Stream.STDERR: own},
            result=other if json else None,
            verbose=verbose,
            linger_s=linger_s,
        )


class Screen:
    """Takes the bar away, lets what is waiting pass, and draws the bar again, in one write."""

    def __init__(self, board: Board, painter: RichPainter) -> None:
        self._board = board
        self._painter = painter
        self._rate = Rate()
        self._height = 0
        self._shown = b""

    def compose(self, data: bytes, last: bool) -> bytes:  # noqa: FBT001 - a Compose
        """What is waiting, and the bar below it."""
        if data and not data.endswith(b"\n"):
            data += b"\n"
        frame = b"" if last else self._frame()
        if not data and frame == self._shown:
            return b""
        erase = b"\r\x1b[%dA\x1b[J" % self._height if self._height else b""
        self._shown, self._height = frame, frame.count(b"\n")
        return erase + data + frame

    def _frame(self) -> bytes:
        per_s = self._rate.sample(time.monotonic(), self._board)
        return self._painter.frame(self._board, per_s).encode(errors="replace")
