"""`mutants`: deliberate bugs of the worker, one after the other: who finds each, how soon, and how small."""

from __future__ import annotations

import argparse
import os

from msgspec import structs
from rich.table import Table

from cloud_tasks.diagnostics import near
from simulation.commands.at_work import at_work
from simulation.commands.telling import Commands, say, show
from simulation.commands.values import count
from simulation.many import pool
from simulation.mutants.catalogue import MUTANTS, mutant_of
from simulation.mutants.hunting import MutantResult, SmallCase, hunt
from simulation.mutants.shrinking import small_case
from simulation.statuses import Status

SEEDS_MAX = 5_000
CPU_S_MAX = 60.0
_WIDTH = 200
"""Of the table: a mutant is a line, and a terminal that is narrower breaks it."""


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Tell its options."""
    parser = commands.add_parser("mutants", help=__doc__, description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", type=_name, help="which (default: all)")
    parser.add_argument("--seeds", type=count, default=SEEDS_MAX, help="at most (default: %(default)s)")
    parser.add_argument("--jobs", type=count, default=os.cpu_count() or 1, help="processes")
    parser.set_defaults(command=mutants)
    return parser


def _name(text: str) -> str:
    """The name of a mutant."""
    names = [one.name for one in MUTANTS]
    if text in names:
        return text
    like = near(text, names)
    more = f"did you mean {like}?" if like else f"choose from {', '.join(names)}"
    raise argparse.ArgumentTypeError(f"there is no mutant {text!r}: {more}")


def mutants(arguments: argparse.Namespace) -> Status:
    """Hunt for each, and tell of all in a table."""
    names = arguments.names or [one.name for one in MUTANTS]
    with at_work(), pool(arguments.jobs) as processes:
        futures = [processes.submit(_hunt, name, arguments.seeds) for name in names]
        results = [future.result() for future in futures]
    show(_table(results), width=_WIDTH)
    unexpected = [result.mutant for result in results if not result.as_expected]
    if unexpected:
        say(f"not as expected: {', '.join(unexpected)}")
        return Status.SURVIVED
    killed = sum(1 for result in results if result.found)
    say(f"{killed} found out, {len(results) - killed} that changes nothing survived, as it must")
    return Status.CLEAN


def _hunt(name: str, seeds: int) -> MutantResult:
    result = hunt(mutant_of(name), range(seeds), CPU_S_MAX)
    return structs.replace(result, small=small_case(result)) if result.found else result


def _table(results: list[MutantResult]) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in ("mutant", "seeds", "CPU s", "expected", "found", "seed", "smallest", "what it does"):
        table.add_column(head, justify="right" if head in ("seeds", "CPU s", "seed") else "left")
    for result in results:
        table.add_row(
            result.mutant,
            f"{result.seeds:,}",
            f"{result.cpu_s:.1f}",
            ", ".join(result.expected) or "survives",
            result.found or "-",
            "" if result.plan is None else str(result.plan.seed),
            _smallest(result.small),
            mutant_of(result.mutant).what,
        )
    return table


def _smallest(small: SmallCase | None) -> str:
    if small is None:
        return ""
    return small.size if small.replays else "shows it no more"
