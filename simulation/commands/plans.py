"""From what was typed to a run: a seed, a seed of a scenario, or the file of a case."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import structs

from cloud_tasks.errors import ConfigurationError, Problem
from simulation.backends import on_backend
from simulation.backends.plans import BACKENDS, BackendName
from simulation.case_file import load_case
from simulation.cases import Case
from simulation.draws import SWARM, PlanDraw
from simulation.mutants.hunting import mutated
from simulation.run import run

SUFFIXES = (".yaml", ".yml")


def case_of_text(text: str) -> Case:
    """The case of a file, or that of a seed, of which it is not known what it breaks.

    Raises:
        argparse.ArgumentTypeError: It is neither.
        ConfigurationError: The file is none, or there is no such scenario.
    """
    if Path(text).suffix in SUFFIXES:
        return load_case(text)
    scenario, colon, seed = text.rpartition(":")
    if not seed.isascii() or not seed.isdecimal() or (colon and not scenario):
        raise argparse.ArgumentTypeError(
            f"expected a seed such as 4711 or spot_storm:4711, or the file of a case, got {text!r}"
        )
    return Case(plan=PlanDraw(scenario or SWARM)(int(seed)), invariant="")


def add_backend(parser: argparse.ArgumentParser) -> None:
    """The option that says what stands behind the queue of a seed, or of a case where it is not its own."""
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        help="what stands behind the queue (default: model; of a case: its own)",
    )


def behind(case: Case, backend: BackendName | None) -> Case:
    """The case with another backend; None: as it is."""
    return case if backend is None else structs.replace(case, plan=on_backend(case.plan, backend))


@contextmanager
def as_found(case: Case) -> Iterator[None]:
    """The worker in which a case was found: as it is, or with the mutant of the case."""
    if not case.mutant:
        yield
        return
    with mutated(case.mutant):
        yield


def broken_by(case: Case) -> str:
    """The invariant that a case breaks.

    Raises:
        ConfigurationError: It breaks none.
    """
    if case.invariant:
        return case.invariant
    violations = run(case.plan).violations
    if not violations:
        raise ConfigurationError(
            Problem(f"seed {case.plan.seed} of {case.plan.scenario} breaks nothing: there is no failure")
        )
    return violations[0].invariant
