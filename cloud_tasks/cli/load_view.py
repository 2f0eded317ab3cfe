"""How far a load is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from cloud_tasks.loading import LoadProgress
from cloud_tasks.task_file import CheckProgress

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LINE_EVERY_S = 10.0


class LoadView:
    """Shows progress on standard error, as a context. Its calls may come from any thread.

    Args:
        quiet: Whether nothing is shown.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: Progress | None = None
        self._steps: dict[str, TaskID] = {}
        self._line_at = time.monotonic() + LINE_EVERY_S

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb":
            self._bar = _bar()
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def checked(self, progress: CheckProgress) -> None:
        """The check of the file went on."""
        self._show("checking", progress.done_bytes, progress.total_bytes, "bytes")

    def loaded(self, progress: LoadProgress, total: int) -> None:
        """The load went on; `total` tasks are to be stored."""
        if progress.stored < total:
            self._show("storing", progress.stored, total, "tasks")
        else:
            self._show("sending", progress.sent, progress.total, "tasks")

    def _show(self, what: str, done: int, total: int, unit: str) -> None:
        if self._quiet:
            return
        if self._bar is not None:
            if what not in self._steps:
                self._steps[what] = self._bar.add_task(what, total=total)
            self._bar.update(self._steps[what], completed=done, total=total)
        elif time.monotonic() >= self._line_at:
            self._line_at = time.monotonic() + LINE_EVERY_S
            sys.stderr.write(f"{what}: {done:,} of {total:,} {unit}\n")


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description:>8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
