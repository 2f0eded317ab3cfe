"""How a job goes: a live table on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from cloud_tasks.cli.output import write
from cloud_tasks.console.wording import clean, whole_seconds
from cloud_tasks.interfaces import Clock
from cloud_tasks.monitor.wording import apart, progress_line, rate_and_rest
from cloud_tasks.task_db import Applied, Machine, Snapshot

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live
    from rich.table import Table

LINE_EVERY_S = 10.0
RATE_OVER_S = 60.0
MACHINES_SHOWN_MAX = 10
_NOT_PRINTED = ("keep_alive", "no_event")


class LiveView:
    """A `MonitorView` on standard error, as a context; events go to standard output if asked for.

    Args:
        clock: What time of day it is.
        print_events: Whether each event is printed, as a line of JSON; keep-alives are not.
        quiet: Whether progress is not shown.
    """

    def __init__(self, clock: Clock, *, print_events: bool, quiet: bool) -> None:
        self._clock = clock
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
            self._live.update(_tables(snapshot, per_s, self._clock.utc_now()))
            return
        line = progress_line(snapshot, per_s)
        if now_s >= self._line_at and line != self._line:
            self._line_at, self._line = now_s + LINE_EVERY_S, line
            self.say(line)

    def event(self, applied: Applied) -> None:
        """See `MonitorView`."""
        if self._print_events and applied.effect not in _NOT_PRINTED:
            # Everything but ASCII is escaped, so that it is JSON still, and steers no terminal.
            write(sys.stdout, json.dumps(applied.event))

    def say(self, text: str) -> None:
        """See `MonitorView`."""
        write(sys.stderr, text)

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

    # Redirected, what is printed would go to standard error.
    return Live(
        console=Console(stderr=True),
        refresh_per_second=4,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
    )


def _tables(snapshot: Snapshot, per_s: float | None, now: datetime) -> Group:
    from rich.console import Group

    tables = [_tasks(snapshot, per_s)]
    if snapshot.machines:
        tables.append(_machines(snapshot.machines, now))
    return Group(*tables)


def _tasks(snapshot: Snapshot, per_s: float | None) -> Table:
    from rich.table import Table

    table = Table("status", "tasks", title=f"{snapshot.finished:,} of {snapshot.total:,} finished")
    table.columns[1].justify = "right"
    for status, count in snapshot.statuses.items():
        table.add_row(clean(status), f"{count:,}")
    told = [rate_and_rest(snapshot, per_s)] if per_s else []
    table.caption = ", ".join([*told, *apart(snapshot)]) or None
    return table


def _machines(machines: tuple[Machine, ...], now: datetime) -> Table:
    from rich.table import Table

    table = Table("machine", "instance", "last heard of", "termination notice")
    for machine in sorted(machines, key=lambda it: it.last_heard, reverse=True)[:MACHINES_SHOWN_MAX]:
        table.add_row(
            clean(machine.hostname),
            clean(machine.instance_id),
            _ago(machine.last_heard, now),
            _ago(machine.terminated_at, now),
        )
    if len(machines) > MACHINES_SHOWN_MAX:
        table.caption = f"and {len(machines) - MACHINES_SHOWN_MAX:,} more"
    return table


def _ago(moment: str | None, now: datetime) -> str:
    if not moment:
        return ""
    return f"{whole_seconds(max(0, round((now - datetime.fromisoformat(moment)).total_seconds())))} ago"
