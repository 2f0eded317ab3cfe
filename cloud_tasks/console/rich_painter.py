"""Colours, bars and tables, drawn by rich. It is imported when there is something to draw."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cloud_tasks.console.board import Board, Checking
from cloud_tasks.console.output import Output
from cloud_tasks.console.plain import time_left
from cloud_tasks.console.protocol import Level
from cloud_tasks.console.report import Section, closing_sentence, remarks, sections
from cloud_tasks.console.telling import Line
from cloud_tasks.console.wording import clean, counted, number, rate, share
from cloud_tasks.summary import Summary

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

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

    def line(self, line: Line) -> str:
        """See `Painter`. Long ones are left to the terminal to wrap, so that they can be copied."""
        text = _text("")
        if line.label:
            text.append(f"{line.label}: ", style=_STYLES[line.level])
        text.append(line.text)
        return self._draw(text, soft_wrap=True)

    def report(self, summary: Summary) -> str:
        """See `Painter`."""
        drawn = [self._draw(_table(section)) for section in sections(summary)]
        told = [_text(remark, "red") for remark in remarks(summary)]
        told.append(
            _text(closing_sentence(summary), "bold green" if summary.exit_status == 0 else "bold red")
        )
        return "\n" + "\n".join(drawn) + "\n" + "".join(self._draw(text, soft_wrap=True) for text in told)

    def closing_line(self, summary: Summary) -> str:
        """See `Painter`."""
        return self._draw(_text(closing_sentence(summary), "bold"), soft_wrap=True)

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

    def _draw(self, renderable: RenderableType, *, soft_wrap: bool = False, width: int | None = None) -> str:
        console = self._console(width or self._output.width)
        console.print(renderable, soft_wrap=soft_wrap)
        return console.file.getvalue() if isinstance(console.file, io.StringIO) else ""

    def _console(self, width: int) -> Console:
        from rich.console import Console

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


def _text(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(text, style=style)


def _row(*cells: RenderableType) -> Table:
    from rich.table import Table

    row = Table.grid(padding=(0, 1))
    for _ in cells:
        row.add_column(no_wrap=True, overflow="ellipsis")
    row.add_row(*cells)
    return row


def _bar(done: float, total: float | None, width: int) -> RenderableType:
    from rich.progress_bar import ProgressBar

    return ProgressBar(total=total, completed=done, width=width, pulse=total is None)


def _bar_before(text: Text, done: float, total: float | None, width: int) -> Table:
    room = width - text.cell_len - 1
    bar = _bar(done, total, max(_BAR_WIDTH_MIN, min(_BAR_WIDTH_MAX, room)))
    return _row(bar, text)


def _checking_row(checking: Checking, width: int) -> Table:
    done, total = checking.done_bytes, checking.total_bytes
    parts = ["checking the task file", share(done, total or 0), counted(checking.tasks, "task")]
    return _bar_before(_text("  ".join(part for part in parts if part)), done, total, width)


def _main_row(board: Board, per_s: float, width: int) -> Table:
    text = _text(f"{board.done:,}" if board.total is None else f"{board.done:,}/{board.total:,}")
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
    return _row(_text(f"  {shown}"), _bar(done, total, _TASK_BAR_WIDTH), _text(text, "dim"))


def _table(section: Section) -> RenderableType:
    from rich.table import Table

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
        drawn.add_column(_text(head.removeprefix(">")), justify="right" if head.startswith(">") else "left")
    for row in section.rows:
        drawn.add_row(*map(_text, row))
    return drawn
