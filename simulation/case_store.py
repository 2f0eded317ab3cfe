"""Keeps cases in a directory: under names that tell, and none is written over by another."""

from __future__ import annotations

import itertools
import re
from contextlib import suppress
from pathlib import Path

from msgspec import structs

from cloud_tasks.errors import ConfigurationError
from simulation.case_file import load_case
from simulation.cases import Case, pytest_of, write_case
from simulation.draws import SWARM

_NO_WORD = re.compile(r"\W+")


def case_name(case: Case, policy: str | None = None) -> str:
    """What to call a case: its invariant, its seed, and in between what is not as usual.

    Args:
        case: As it was found, before it was made smaller.
        policy: How its schedule was drawn, where somebody has chosen that.
    """
    plan = case.plan
    scenario = "" if plan.scenario == SWARM else plan.scenario
    backend = "" if plan.backend.name == "model" else plan.backend.name
    parts = (case.invariant, scenario, backend, policy or "", case.mutant, f"seed_{plan.seed}")
    return "_".join(_NO_WORD.sub("_", part.lower()) for part in parts if part)


def keep_case(case: Case, directory: Path, name: str) -> Path:
    """Write the file of a case, and beside it a test that fails; returns where it is.

    The same case, found again, has the file that it had. Where another one is, a number is added.

    Args:
        case: It.
        directory: Where; it is made where there is none.
        name: What to call it.

    Raises:
        OSError: It cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path, fresh = _place_of(case, directory, name)
    try:
        write_case(case, path)
        path.with_name(f"test_{path.stem}.py").write_text(pytest_of(case, path.name), encoding="utf-8")
    except OSError:
        if fresh:
            with suppress(OSError):
                path.unlink()
        raise
    return path


def _place_of(case: Case, directory: Path, name: str) -> tuple[Path, bool]:
    """Where a case goes, and whether nothing was there."""
    numbers = itertools.count(2)
    path = directory / f"{name}.yaml"
    while not (fresh := _taken(path)) and not _holds(path, case):
        path = directory / f"{name}_{next(numbers)}.yaml"
    return path, fresh


def _taken(path: Path) -> bool:
    """Whether nobody had the name, who has it now."""
    try:
        path.open("x").close()
    except FileExistsError:
        return False
    return True


def _holds(path: Path, case: Case) -> bool:
    """Whether a file holds that case, from whatever code."""
    try:
        found = load_case(str(path))
    except ConfigurationError:
        return False
    return structs.replace(found, code=case.code, what=case.what) == case
