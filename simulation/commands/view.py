"""What a run of many seeds looks like: a table that is brought up to date, or a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Iterable

from rich.console import RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from simulation.commands.dashboard import dashboard
from simulation.commands.telling import PlainConsole
from simulation.tally import Tally

LINE_EVERY_S = 5.0
_DAY_S = 86_400


class SwarmView:
    """Shows how far it is, on standard error.

    Args:
        jobs: How many processes work.
    """

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._console = PlainConsole(stderr=True)
        self._began = time.monotonic()
        self._told = self._began

    def follow(self, tallies: Iterable[Tally]) -> Generator[Tally, None, None]:
        """Add them up; yields the sum after each."""
        tally = Tally()
        if not self._console.is_terminal:
            for part in tallies:
                tally.add(part)
                self._tell_now_and_then(tally)
                yield tally
            return
        live = Live(
            self._drawn(tally),
            console=self._console,
            refresh_per_second=4,
            transient=True,
            vertical_overflow="crop",
            redirect_stdout=sys.stdout.isatty(),  # what is told in a file is no part of the picture
        )
        try:
            live.start(refresh=True)
            for part in tallies:
                tally.add(part)
                live.update(self._drawn(tally))
                yield tally
        finally:
            live.stop()

    @property
    def elapsed_s(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def _drawn(self, tally: Tally) -> RenderableType:
        return dashboard(tally, speed(tally, self.elapsed_s, self._jobs), self._console)

    def _tell_now_and_then(self, tally: Tally) -> None:
        now = time.monotonic()
        if now - self._told >= LINE_EVERY_S:
            self._told = now
            self._console.print(speed(tally, self.elapsed_s, self._jobs), highlight=False)


def speed(tally: Tally, elapsed_s: float, jobs: int) -> Text:
    """How fast it goes, in a line."""
    real_s = max(elapsed_s, 1e-9)
    attempts_per_s = tally.attempts / max(tally.cpu_s, 1e-9)
    return Text(
        f"{tally.total:,} seeds in {elapsed_s:,.1f} s ({tally.total / real_s:,.1f}/s), "
        f"{tally.attempts:,} attempts ({attempts_per_s:,.0f} a second and core, {jobs} jobs), "
        f"{tally.virtual_s / _DAY_S:,.1f} virtual days ({tally.virtual_s / real_s:,.0f} times real time), "
        f"{len(tally.failures)} failed"
    )


def tables(tally: Tally) -> list[RenderableType]:
    """Fault classes, invariants and situations."""
    return [_faults(tally), _invariants(tally), _situations(tally)]


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table


def _faults(tally: Tally) -> Table:
    table = _table("Faults", "class", "injected", "had an effect")
    for name in sorted(tally.injected):
        table.add_row(name, f"{tally.injected[name]:,}", f"{tally.effective[name]:,}")
    return table


def _invariants(tally: Tally) -> Table:
    table = _table("Invariants", "name", "checks", "broken in runs")
    broken = [violation.invariant for failure in tally.failures for violation in failure.violations[:1]]
    for name in sorted(tally.checks, key=lambda name: (name[0] != "S", name[0], int(name[1:]))):
        table.add_row(name, f"{tally.checks[name]:,}", str(broken.count(name) or ""))
    return table


def _situations(tally: Tally) -> Table:
    table = _table("Situations", "sometimes", "times")
    for name in sorted(tally.sometimes):
        table.add_row(name, f"{tally.sometimes[name]:,}")
    return table
