"""How a job goes: a live table on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import os
import sys
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from cloud_tasks.console.wording import clean, duration
from cloud_tasks.monitor.wording import progress_line
from cloud_tasks.task_db import Snapshot

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live

LINE_EVERY_S = 10.0
RATE_OVER_S = 60.0
MACHINES_SHOWN_MAX = 10


class LiveView:
    """A `MonitorView` on standard error, as a context; events go to standard output if asked for.

    Args:
        print_events: Whether each event is printed.
        quiet: Whether progress is not shown.
    """

    def __init__(self, *, print_events: bool, quiet: bool) -> None:
        self._print_events = print_events
        self._quiet = quiet
        self._live: Live | None = None
        self._line_at = float("-inf")
        self._line = ""
        self._rates: deque[tuple[float, int]] = deque()

    def __enter__(self) -> Self:
        is_terminal = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        if not self._quiet and is_terminal:
            self._live = _live()
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, snapshot: Snapshot, now_s: float) -> None:
        """See `MonitorView`."""
        if self._quiet:
            return
        per_s = self._rate(snapshot.finished, now_s)
        if self._live is not None:
            self._live.update(_table(snapshot, per_s))
            return
        line = progress_line(snapshot, per_s)
        if now_s >= self._line_at and line != self._line:
            self._line_at, self._line = now_s + LINE_EVERY_S, line
            self.say(line)

    def event(self, body: bytes, event: dict[str, Any] | None) -> None:
        """See `MonitorView`."""
        if self._print_events:
            sys.stdout.write(clean(body.decode(errors="backslashreplace")) + "\n")
            sys.stdout.flush()

    def say(self, text: str) -> None:
        """See `MonitorView`."""
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def _rate(self, finished: int, now_s: float) -> float | None:
        """Tasks a second in the last minute."""
        rates = self._rates
        rates.append((now_s, finished))
        while len(rates) > 1 and rates[0][0] < now_s - RATE_OVER_S:
            rates.popleft()
        then_s, before = rates[0]
        return (finished - before) / (now_s - then_s) if now_s > then_s and finished > before else None


def _live() -> Live:
    from rich.console import Console
    from rich.live import Live

    return Live(console=Console(stderr=True), refresh_per_second=4, transient=True)


def _table(snapshot: Snapshot, per_s: float | None) -> Group:
    from rich.console import Group
    from rich.table import Table

    table = Table("status", "tasks", title=f"{snapshot.finished:,} of {snapshot.total:,} finished")
    table.columns[1].justify = "right"
    for status, count in snapshot.statuses.items():
        table.add_row(status, f"{count:,}")
    if per_s:
        left = duration((snapshot.total - snapshot.finished) / per_s)
        table.caption = f"{per_s:,.1f}/s, about {left} left"
    machines = Table("machine", "last heard of", "")
    heard = sorted(snapshot.machines, key=lambda machine: machine.last_heard, reverse=True)
    for machine in heard[:MACHINES_SHOWN_MAX]:
        note = "about to be taken away" if machine.terminated else ""
        machines.add_row(clean(machine.hostname), machine.last_heard, note)
    if len(heard) > MACHINES_SHOWN_MAX:
        machines.caption = f"and {len(heard) - MACHINES_SHOWN_MAX:,} more"
    return Group(table, machines) if heard else Group(table)
