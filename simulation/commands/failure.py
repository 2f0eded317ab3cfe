"""What is told, and written, of a run that broke a promise."""

from __future__ import annotations

import platform
import shlex
from pathlib import Path

from msgspec import structs

from cloud_tasks.errors import ConfigurationError, Problem
from simulation.broken import BreaksNothingError
from simulation.case_store import case_name, keep_case
from simulation.cases import Case, case_of, command_of
from simulation.commands.replay import told
from simulation.commands.telling import complain, say
from simulation.draws import SWARM, PlanDraw
from simulation.fault_words import words_of
from simulation.plan_words import options_of
from simulation.shrinking import RUNS_MAX, Shrunk, shrink
from simulation.source_hash import source_hash
from simulation.statuses import Status, of_invariant
from simulation.tally import Failure

DIRECTORY = Path("simulation-failures")
_PYTHON = ".".join(platform.python_version_tuple()[:2])
"""What a seed means depends on it, too: asyncio takes other steps in another version."""


def told_failure(failure: Failure, draw: PlanDraw) -> list[str]:
    """What failed, and how to see it again."""
    seed = str(failure.seed) if draw.scenario == SWARM else shlex.quote(f"{draw.scenario}:{failure.seed}")
    policy = f" --policy {draw.policy}" if draw.policy else ""
    backend = "" if draw.backend == "model" else f" --backend {draw.backend}"
    invariant = failure.violations[0].invariant
    belongs_to = f"code {source_hash()}, Python {_PYTHON}"
    return [
        *told(failure.violations[:3]),
        *options_of(draw(failure.seed)),
        f"seed {failure.seed} of {failure.scenario}, {belongs_to}; to see it again:",
        f"    python -m simulation replay {seed}{policy}{backend} --break {invariant}",
    ]


def concluded(failure: Failure, draw: PlanDraw, directory: Path = DIRECTORY) -> Status:
    """Shrink what failed in another process, and write it; returns what its end says.

    What cannot be written has failed all the same.
    """
    invariant = failure.violations[0].invariant
    try:
        case = Case(plan=draw(failure.seed), invariant=invariant)
        write_smallest(case, invariant, directory, policy=draw.policy)
    except BreaksNothingError:
        say(
            f"seed {failure.seed} broke {invariant} in one process, and keeps it in another: "
            "the same plan gave two different runs; `selfcheck` compares more of them"
        )
        return Status.NOT_DETERMINISTIC
    except ConfigurationError as error:
        complain(error.problems)
    return of_invariant(invariant)


def write_smallest(
    case: Case, invariant: str, directory: Path, *, policy: str | None = None, runs_max: int = RUNS_MAX
) -> Case:
    """Shrink a failure, tell it in words, and write its case and a test that fails.

    Args:
        case: The failure, as it was found.
        invariant: What it breaks.
        directory: Where the files go.
        policy: How its schedule was drawn, where somebody has chosen that.
        runs_max: How many runs to spend.

    Raises:
        BreaksNothingError: It breaks nothing.
        ConfigurationError: The files cannot be written.
    """
    shrunk = shrink(case.plan, invariant, runs_max=runs_max)
    _tell(shrunk)
    smallest = case_of(shrunk.plan, shrunk.violation, case.mutant)
    name = case_name(structs.replace(case, invariant=invariant), policy)
    try:
        path = keep_case(smallest, directory, name)
    except OSError as error:
        raise ConfigurationError(Problem(f"cannot write to `{directory}`: {error.strerror}")) from None
    test = path.with_name(f"test_{path.stem}.py")
    say(f"Written to {path}; to see it again:", f"    {command_of(str(path))}", f"A test that fails: {test}")
    return smallest


def _tell(shrunk: Shrunk) -> None:
    say(f"The smallest run that breaks it, found in {shrunk.runs} runs: {shrunk.size}.")
    say(*(f"  - {words_of(fault)}" for fault in shrunk.plan.faults), *told([shrunk.violation]))
    say(*options_of(shrunk.plan))
