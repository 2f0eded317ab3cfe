"""Which rows of the attempt's table of transitions a worker goes through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from functools import partial

from cloud_tasks.core import machine
from cloud_tasks.core.attempt import TRANSITIONS, Signal, State
from simulation.mutants.patching import rewired


def row_name(state: State, signal: Signal) -> str:
    """A row, for people."""
    return f"{state.name.lower()}: {signal.name.lower()}"


ROWS: tuple[str, ...] = tuple(row_name(row.state, row.signal) for row in TRANSITIONS)
"""All rows, in the order of the table."""


@contextmanager
def watched_rows() -> Generator[Counter[str], None, None]:
    """Count each row that fires, in every worker of this process; costs nothing when it is off.

    Counting is one more action in front of those of each row, so what is watched is the worker as it is.
    """
    fired: Counter[str] = Counter()
    with ExitStack() as stack:
        for signal, cells in machine._TABLE.items():  # noqa: SLF001 - as compiled, a mutant's rows included
            for state, (next_state, does) in list(cells.items()):
                note = partial(_note, fired, row_name(state, signal))
                stack.enter_context(rewired(state, signal, next_state, note, *does))
        yield fired


def _note(fired: Counter[str], name: str, *_: object) -> None:
    fired[name] += 1
