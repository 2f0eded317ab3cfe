"""What is told, and written, of a run that broke a promise."""

from __future__ import annotations

from pathlib import Path

from simulation.cases import Case, case_of, command_of, pytest_of, write_case
from simulation.commands.telling import say
from simulation.fault_words import words_of
from simulation.shrinking import RUNS_MAX, Shrunk, shrink

DIRECTORY = Path("simulation-failures")


def write_smallest(case: Case, invariant: str, directory: Path, *, runs_max: int = RUNS_MAX) -> Case:
    """Shrink a failure, tell it in words, and write its case and a test that fails.

    Args:
        case: The failure, as it was found.
        invariant: What it breaks.
        directory: Where the files go.
        runs_max: How many runs to spend.
    """
    shrunk = shrink(case.plan, invariant, runs_max=runs_max)
    smallest = case_of(shrunk.plan, shrunk.violation, case.mutant)
    path = directory / f"{invariant.lower()}_seed_{case.plan.seed}.yaml"
    directory.mkdir(parents=True, exist_ok=True)
    write_case(smallest, path)
    test = path.with_name(f"test_{path.stem}.py")
    test.write_text(pytest_of(smallest, path.name), encoding="utf-8")
    _tell(shrunk, path, test)
    return smallest


def _tell(shrunk: Shrunk, path: Path, test: Path) -> None:
    say(f"The smallest run that breaks it, found in {shrunk.runs} runs: {shrunk.size}.")
    say(*(f"  - {words_of(fault)}" for fault in shrunk.plan.faults))
    say(f"Written to {path}; to see it again:", f"    {command_of(str(path))}", f"A test that fails: {test}")
