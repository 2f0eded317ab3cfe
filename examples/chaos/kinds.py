"""The register of misdeeds: each kind of task has a name, a function, and what must come of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeAlias

from cloud_tasks.worker import WorkerData

Answer: TypeAlias = Any
"""What a task function returns; most of these functions return something that they should not."""
TaskFunction: TypeAlias = "Callable[[WorkerData], Answer]"

COMPLETED = "task_completed"
EXCEPTION = "task_exception"
TIMED_OUT = "task_timed_out"
EXITED = "task_exited"
GROUPS = ("good", "rubbish", "raising", "dying", "hanging", "processes", "surroundings")


@dataclasses.dataclass(frozen=True)
class Expectation:
    """What the one event of a task must look like. What is None or empty may be anything.

    Attributes:
        events: Event types that will do.
        exit_code: Exit status.
        signals: Names of signals, one of which must have ended the process.
        exception_kinds: Values of `exception_kind`, one of which it must have.
        told: Words that must be in the traceback or in the last lines of stderr.
        result_chars: Length of the result, a string.
    """

    events: tuple[str, ...] = (COMPLETED,)
    exit_code: int | None = None
    signals: tuple[str, ...] = ()
    exception_kinds: tuple[str, ...] = ()
    told: str = ""
    result_chars: int | None = None


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of task.

    Attributes:
        name: Its name, for `--kinds`.
        group: What it belongs to; `--kinds` takes groups too.
        run: What it does.
        expectation: What must come of it.
        weight: How often it is drawn, against 1 for the ordinary kind.
    """

    name: str
    group: str
    run: TaskFunction
    expectation: Expectation
    weight: float


KINDS: dict[str, Kind] = {}


def kind(
    group: str, expectation: Expectation | None = None, weight: float = 1.0
) -> Callable[[TaskFunction], TaskFunction]:
    """Enter a function into the register under its own name; without an expectation it must complete."""

    def register(function: TaskFunction) -> TaskFunction:
        name = function.__name__
        KINDS[name] = Kind(name, group, function, expectation or Expectation(), weight)
        return function

    return register
