"""Colours, bars and tables, drawn by rich. Loaded only where there is a terminal."""

from __future__ import annotations

import io
from collections.abc import Mapping

from rich.console import Console, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cloud_tasks.console.board import Board, Checking
from cloud_tasks.console.output import Output
from cloud_tasks.console.plain import time_left
from cloud_tasks.console.protocol import Level
from cloud_tasks.console.report import Section, closing_sentence, remarks, sections
from cloud_tasks.console.telling import Line
from cloud_tasks.console.wording import clean, counted, number, rate, share
from cloud_tasks.summary import Summary

TASKS_SHOWN_MAX = 4
_BAR_WIDTH_MIN = 10
_BAR_WIDTH_MAX = 40
_TASK_BAR_WIDTH = 20
_TASK_ID_WIDTH_MAX = 30
_STYLES = {Level.DEBUG: "dim", Level.INFO: "", Level.WARNING: "bold yellow", Level.ERROR: "bold red"}


class RichPainter:
    """Draws for a terminal.

    Args:
        output: The terminal; only its width is read here.
        environ: Environment variables: `NO_COLOR`, `TERM`, `COLORTERM`.
    """

    def __init__(self, output: Output, environ: Mapping[str, str]) -> None:
        self._output = output
        self._environ = environ
        self._labels: dict[tuple[Level, str], str] = {}

    def line(self, line: Line) -> str:
        """See `Painter`. Long ones are left to the terminal to wrap, so that they can be copied."""
        return self._label(line.level, line.label) + line.text + "\n"

    def report(self, summary: Summary) -> str:
        """See `Painter`."""
        drawn = [self._draw(_table(section)) for section in sections(summary)]
        told = [Text(remark, "red") for remark in remarks(summary)]
        told.append(Text(closing_sentence(summary), "bold green" if summary.exit_status == 0 else "bold red"))
        return "\n" + "\n".join(drawn) + "\n" + "".join(self._draw(text, soft_wrap=True) for text in told)

    def closing_line(self, summary: Summary) -> str:
        """See `Painter`."""
        return self._draw(Text(closing_sentence(summary), "bold"), soft_wrap=True)

    def frame(self, board: Board, per_s: float) -> str:
        """The bar, and below it how far some tasks are; "" while there is nothing to show."""
        # The last column stays free: some terminals wrap as soon as it is written to.
        width = self._output.width - 1
        if (checking := board.checking) is not None:
            return self._draw(_checking_row(checking, width), width=width)
        if not board.is_open:
            return ""
        told = [(task_id, told) for task_id, told in list(board.running.items()) if told is not None]
        rows: list[RenderableType] = [_main_row(board, per_s, width)]
        rows.extend(_task_row(task_id, *progress) for task_id, progress in told[:TASKS_SHOWN_MAX])
        return "".join(self._draw(row, width=width) for row in rows)

    def _label(self, level: Level, label: str) -> str:
        if not label:
            return ""
        key = (level, label)
        if key not in self._labels:
            self._labels[key] = self._draw(Text(f"{label}: ", _STYLES[level])).rstrip("\n")
        return self._labels[key]

    def _draw(self, renderable: RenderableType, *, soft_wrap: bool = False, width: int | None = None) -> str:
        console = self._console(width or self._output.width)
        console.print(renderable, soft_wrap=soft_wrap)
        return console.file.getvalue() if isinstance(console.file, io.StringIO) else ""

    def _console(self, width: int) -> Console:
        return Console(
            file=io.StringIO(),
            force_terminal=True,
            width=width,
            no_color=bool(self._environ.get("NO_COLOR")),
            markup=False,
            emoji=False,
            highlight=False,
            legacy_windows=False,
            _environ=self._environ,
        )


def _row(*cells: RenderableType) -> Table:
    row = Table.grid(padding=(0, 1))
    for _ in cells:
        row.add_column(no_wrap=True, overflow="ellipsis")
    row.add_row(*cells)
    return row


def _bar(done: float, total: float | None, width: int) -> RenderableType:
    return ProgressBar(total=total, completed=done, width=width, pulse=total is None)


def _bar_before(text: Text, done: float, total: float | None, width: int) -> Table:
    room = width - text.cell_len - 1
    bar = _bar(done, total, max(_BAR_WIDTH_MIN, min(_BAR_WIDTH_MAX, room)))
    return _row(bar, text)


def _checking_row(checking: Checking, width: int) -> Table:
    done, total = checking.done_bytes, checking.total_bytes
    parts = ["checking the task file", share(done, total or 0), counted(checking.tasks, "task")]
    return _bar_before(Text("  ".join(part for part in parts if part)), done, total, width)


def _main_row(board: Board, per_s: float, width: int) -> Table:
    text = Text(f"{board.done:,}" if board.total is None else f"{board.done:,}/{board.total:,}")
    text.append("  " + share(board.done, board.total) if board.total else "")
    text.append(f"  {board.failed:,} failed", style="bold red" if board.failed else "dim")
    text.append(f"  {len(board.running):,} running")
    text.append(f"  {rate(per_s)}" if per_s > 0 else "")
    left = time_left(board, per_s)
    text.append(f"  {left} left" if left else "", style="cyan")
    return _bar_before(text, board.done, board.total, width)


def _task_row(task_id: str, done: float, total: float | None) -> Table:
    shown = clean(task_id)
    if len(shown) > _TASK_ID_WIDTH_MAX:
        shown = shown[: _TASK_ID_WIDTH_MAX - 1] + "\u2026"
    text = number(done) if total is None else f"{number(done)}/{number(total)}"
    return _row(Text(f"  {shown}"), _bar(done, total, _TASK_BAR_WIDTH), Text(text, "dim"))


def _table(section: Section) -> RenderableType:
    drawn = Table(
        title=section.title,
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=None,
        padding=(0, 0, 0, 2),
        pad_edge=True,
    )
    for head in section.columns:
        drawn.add_column(Text(head.removeprefix(">")), justify="right" if head.startswith(">") else "left")
    for row in section.rows:
        drawn.add_row(*map(Text, row))
    return drawn
