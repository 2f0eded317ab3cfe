"""From what was typed to a run: a seed, a seed of a scenario, or the file of a case."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from msgspec import structs

from cloud_tasks.errors import ConfigurationError, Problem
from simulation.backends import on_backend
from simulation.backends.plans import BACKENDS, BackendName
from simulation.case_file import load_case
from simulation.cases import Case
from simulation.draws import SWARM, PlanDraw
from simulation.faults import FaultClass
from simulation.mutants.catalogue import mutant_of
from simulation.mutants.hunting import mutated
from simulation.run import run
from simulation.scenario import Scenario
from simulation.vacuity import NOT_PLAYED

SUFFIXES = (".yaml", ".yml")
Policy = Literal["random", "pct"]
POLICIES: tuple[Policy, ...] = ("random", "pct")


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


def scenario_of(draw: PlanDraw) -> Scenario | None:
    """The scenario of a draw; None for the swarm.

    Raises:
        ConfigurationError: There is none, or the backend cannot play it.
    """
    scenario = draw.told()
    if scenario is not None:
        whose = f"the scenario {scenario.name}"
        _check_playable(whose, "producer" in scenario.dials, scenario.classes, draw.backend)
    return scenario


def _check_playable(
    whose: str,
    produces: bool,  # noqa: FBT001 - a fact, passed through
    kinds: Iterable[FaultClass],
    backend: BackendName,
) -> None:
    """Refuse what a backend would leave out without a word.

    Raises:
        ConfigurationError: It would leave out something.
    """
    helps = ("leave `--backend` out",)
    if produces and backend != "model":
        told = f"{whose} has a producer, and producers are played on the model alone"
        raise ConfigurationError(Problem(told, helps=helps))
    never = sorted(kind.value for kind in NOT_PLAYED[backend].intersection(kinds))
    if never:
        told = f"{whose} has faults that never strike on {backend}: {', '.join(never)}"
        raise ConfigurationError(Problem(told, helps=helps))


def add_variants(parser: argparse.ArgumentParser) -> None:
    """The options that say what of a seed, or of a case, is not as it is drawn there."""
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        help="what stands behind the queue (default: model; of a case: its own)",
    )
    parser.add_argument(
        "--policy", choices=POLICIES, help="how the schedule is drawn (default: as the seed or the case says)"
    )


def varied(case: Case, backend: BackendName | None, policy: Policy | None) -> Case:
    """The case with another backend or another kind of schedule; None: as it is.

    Of a seed of the swarm, what a backend does not play is left out, as `run` does it.

    Raises:
        ConfigurationError: The backend cannot play what the scenario, or the file, is about.
    """
    plan = case.plan if policy is None else structs.replace(case.plan, policy=policy)
    drawn = not case.invariant
    if backend is not None and not (drawn and plan.scenario == SWARM):
        whose = f"the scenario {plan.scenario}" if drawn else "the case"
        kinds = plan.classes if drawn else [fault.kind for fault in plan.faults]
        _check_playable(whose, plan.producer is not None, kinds, backend)
    return structs.replace(case, plan=plan if backend is None else on_backend(plan, backend))


@contextmanager
def as_found(case: Case) -> Iterator[None]:
    """The worker in which a case was found: as it is, or with the mutant of the case.

    Raises:
        ConfigurationError: There is no such mutant.
    """
    if not case.mutant:
        yield
        return
    try:
        mutant = mutant_of(case.mutant)
    except KeyError:
        told = f"the case is of the mutant {case.mutant!r}, and there is none of that name"
        raise ConfigurationError(Problem(told, helps=("`mutants` tells of all",))) from None
    with mutated(mutant):
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
