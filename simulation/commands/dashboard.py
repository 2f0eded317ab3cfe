"""How far many runs are, on as much of a terminal as there is: some of everything, the least seen first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from simulation.judges.panel import INVARIANTS
from simulation.sometimes import POINTS
from simulation.tally import Tally

Row: TypeAlias = tuple[str, tuple[int, ...]]
"""A name and its numbers; by the last of them it is seen much or little."""
_AROUND = 3
"""Lines of a block that are no rows: its heading, the heads of its columns, and how many more there are."""
_GAP = 1
_THOUSAND = 1_000
_SHORT_FROM = 10_000


def dashboard(tally: Tally, head: Text, console: Console) -> RenderableType:
    """What is shown while runs go on: a head, and three blocks side by side below it.

    Args:
        tally: The sums up to now.
        head: How fast it goes, which is there in any case.
        console: Where it is shown; not one line more than that has room for.
    """
    head_lines = len(head.wrap(console, console.width))
    rows = console.height - head_lines - _AROUND - 1  # the last line is for the cursor
    if rows < 1:
        return head
    blocks = Table.grid(padding=(0, _GAP))
    blocks.add_row(_faults(tally, rows), _invariants(tally, rows), _situations(tally, rows))
    return Group(head, blocks)


def _faults(tally: Tally, rows: int) -> RenderableType:
    names = sorted({*tally.on, *tally.injected})
    reached = sum(1 for name in names if tally.effective[name])
    heading = f"Faults: {reached} of {len(names)} had an effect"
    found = [(name, (tally.injected[name], tally.effective[name])) for name in names]
    return _block(heading, ("", "struck", "effect"), found, rows)


def _invariants(tally: Tally, rows: int) -> RenderableType:
    broken = {violation.invariant for failure in tally.failures for violation in failure.violations[:1]}
    found = [(name, (tally.checks[name],)) for name in INVARIANTS if tally.checks[name]]
    return _block(f"{len(broken)} broken", ("", "checks"), found, rows, first=broken.__contains__)


def _situations(tally: Tally, rows: int) -> RenderableType:
    found = [(name, (tally.sometimes[name],)) for name in POINTS]
    reached = sum(1 for name in POINTS if tally.sometimes[name])
    return _block(f"Situations: {reached} of {len(POINTS)} reached", ("", "times"), found, rows)


def _block(
    heading: str,
    heads: Sequence[str],
    found: Sequence[Row],
    rows: int,
    first: Callable[[str], bool] = lambda _: False,
) -> RenderableType:
    """A heading and a table; where there is no room for all, those that are seen least."""
    more = len(found) - rows
    if more > 0:
        found = sorted(found, key=lambda row: (not first(row[0]), row[1][-1]))
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left", no_wrap=True, overflow="ellipsis")
    for name, numbers in found[:rows]:
        table.add_row(name, *map(short, numbers), style="red" if first(name) else None)
    foot = f"and {more} more" if more > 0 else ""
    return Group(_line(heading), table, *([_line(foot)] if foot else []))


def _line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")


def short(number: int) -> str:
    """A number in five places."""
    if number < _SHORT_FROM:
        return str(number)
    size = float(number)
    for unit in "kMG":
        size /= _THOUSAND
        if size < _THOUSAND:
            return f"{size:.0f}{unit}"
    return f"{size:.0f}G"
