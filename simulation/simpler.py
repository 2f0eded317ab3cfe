"""Plans that are a little simpler than a plan: what shrinking tries, in the order in which it tries it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from msgspec import Struct, structs

from simulation.faults import Fault
from simulation.link import TICK_S
from simulation.plan import BackendPlan, RunPlan
from simulation.verdict import Violation

Simplify: TypeAlias = Callable[[RunPlan, Violation], Iterator[RunPlan]]
"""From a plan, and what it breaks, to plans that may break it too, the simplest first."""

_TASK = re.compile(r"task-(\d+)")
_WORKER = re.compile(r"worker-(\d+)")
_COUNTS = ("tasks", "malformed", "workers", "num_simultaneous_tasks")
_SOONER = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
"""Shares of their times at which faults are tried when few tasks are left."""
_DIGITS = (1, 2, 3)
"""Significant digits that times are rounded to, the coarsest first."""


def without_job(plan: RunPlan, _: Violation) -> Iterator[RunPlan]:
    """Nobody who reads events, nobody who loads tasks."""
    if plan.monitor is not None and plan.producer is not None:
        yield structs.replace(plan, monitor=None, producer=None)
    if plan.monitor is not None:
        yield structs.replace(plan, monitor=None)
    if plan.producer is not None:
        yield structs.replace(plan, producer=None)


def without_classes(plan: RunPlan, _: Violation) -> Iterator[RunPlan]:
    """Each class of faults left out."""
    for kind in dict.fromkeys([*plan.odds, *(fault.kind for fault in plan.faults)]):
        yield structs.replace(
            plan,
            odds={other: odds for other, odds in plan.odds.items() if other is not kind},
            faults=tuple(fault for fault in plan.faults if fault.kind is not kind),
        )


def without_faults(plan: RunPlan, _: Violation) -> Iterator[RunPlan]:
    """Faults left out: half of them, a quarter, and so on, down to single ones."""
    faults, size = plan.faults, len(plan.faults)
    while size:
        for first in range(0, len(faults), size):
            yield structs.replace(plan, faults=faults[:first] + faults[first + size :])
        size //= 2


def fewer_tasks(plan: RunPlan, violation: Violation) -> Iterator[RunPlan]:
    """Only those that something is said about, under the first names; or simply fewer."""
    workload = plan.workload
    for names in _spoken_of(_TASK, plan, violation.task_id):
        fewer = structs.replace(workload, tasks=max(1, len(names)))
        alone = structs.replace(plan, workload=fewer, faults=_renamed(plan.faults, _TASK, names))
        yield alone
        yield from _sooner(alone)
    for malformed in range(workload.malformed):
        yield structs.replace(plan, workload=structs.replace(workload, malformed=malformed))
    for tasks in _less(workload.tasks):
        yield structs.replace(plan, workload=structs.replace(workload, tasks=tasks))


def _sooner(plan: RunPlan) -> Iterator[RunPlan]:
    """Faults earlier, and other chances: without the other tasks, a task has its turn much sooner."""
    if not any(fault.at_s > 0 for fault in plan.faults):
        return
    at_once = structs.replace(plan.workload, over_s=0.0)
    for seed, share in itertools.product((plan.seed, 0, 1), _SOONER):
        faults = tuple(structs.replace(fault, at_s=_at(fault.at_s * share)) for fault in plan.faults)
        yield structs.replace(plan, workload=at_once, faults=faults, seed=seed)


def _at(at_s: float) -> float:
    """A moment that is no later; the first moment of all, rather than ever closer to it."""
    return at_s if at_s >= TICK_S else 0.0


def fewer_workers(plan: RunPlan, violation: Violation) -> Iterator[RunPlan]:
    """Only those that something is said about, under the first names; or simply fewer, with fewer slots."""
    worker = plan.worker
    for names in _spoken_of(_WORKER, plan, violation.worker):
        fewer = structs.replace(worker, workers=max(1, len(names)))
        yield structs.replace(plan, worker=fewer, faults=_renamed(plan.faults, _WORKER, names))
    for workers in _less(worker.workers):
        yield structs.replace(plan, worker=structs.replace(worker, workers=workers))
    for number in _less(worker.max_num_tasks or 1):
        yield structs.replace(plan, worker=structs.replace(worker, max_num_tasks=number))
    for slots in _less(worker.num_simultaneous_tasks):
        yield structs.replace(plan, worker=structs.replace(worker, num_simultaneous_tasks=slots))


def plainer_backend(plan: RunPlan, _: Violation) -> Iterator[RunPlan]:
    """The model itself, if that will do; or the service that is quicker, and the queue that promises less."""
    backend = plan.backend
    if backend != BackendPlan():
        yield structs.replace(plan, backend=BackendPlan())
    if backend.name == "sqs" and backend.server == "moto":
        yield structs.replace(plan, backend=structs.replace(backend, server="fakes"))
    if backend.exactly_once:
        yield structs.replace(plan, backend=structs.replace(backend, exactly_once=False))


def plainer_schedule(plan: RunPlan, _: Violation) -> Iterator[RunPlan]:
    """First come, first served; and the plainest seed."""
    yield structs.replace(plan, policy="turn")
    yield structs.replace(plan, seed=0)


def earlier_occasions(plan: RunPlan, _: Violation) -> Iterator[RunPlan]:
    """A fault on an earlier occasion of its kind."""
    for index, fault in enumerate(plan.faults):
        for which in _less(fault.which):
            yield _with_fault(plan, index, structs.replace(fault, which=which))


def more_defaults(plan: RunPlan, _: Violation) -> Iterator[RunPlan]:
    """Each setting as it is where nothing is said, but for what was made less than that."""
    for part, name, value, usual in _settings(plan):
        if name not in _COUNTS or value > usual:
            changed = _with(getattr(plan, part), name, usual)
            if changed is not None:
                yield structs.replace(plan, **{part: changed})


def rounder_times(plan: RunPlan, violation: Violation) -> Iterator[RunPlan]:
    """Times and sizes with fewer digits."""
    for faults_s in (_rounded(violation.at_s, 1) * 2, *_rounder(plan.faults_s)):
        if 0 < faults_s < plan.faults_s:
            yield structs.replace(plan, faults_s=faults_s)
    for part, name, value, _ in _settings(plan):
        for rounded in _rounder(value):
            changed = _with(getattr(plan, part), name, rounded)
            if changed is not None:
                yield structs.replace(plan, **{part: changed})
    for index, fault in enumerate(plan.faults):
        for simpler in _rounder_faults(fault):
            yield _with_fault(plan, index, simpler)


def _settings(plan: RunPlan) -> Iterator[tuple[str, str, Any, Any]]:
    """Each setting that is not as usual: part of the plan, name, value, usual value."""
    usual = RunPlan()
    for part in ("workload", "worker", "queue", "latency", "monitor", "producer"):
        mine, other = getattr(plan, part), getattr(usual, part)
        if mine is not None and other is None:
            other = type(mine)()
        for name in () if mine is None else mine.__struct_fields__:
            if getattr(mine, name) != getattr(other, name):
                yield part, name, getattr(mine, name), getattr(other, name)


def _with_fault(plan: RunPlan, index: int, fault: Fault) -> RunPlan:
    return structs.replace(plan, faults=(*plan.faults[:index], fault, *plan.faults[index + 1 :]))


def _rounder_faults(fault: Fault) -> Iterator[Fault]:
    for at_s in _rounder(fault.at_s):
        yield structs.replace(fault, at_s=at_s)
    for size in _rounder(fault.size):
        yield structs.replace(fault, size=size)


PASSES: tuple[tuple[str, Simplify], ...] = (
    ("backend", plainer_backend),
    ("monitor and producer", without_job),
    ("fault classes", without_classes),
    ("single faults", without_faults),
    ("tasks", fewer_tasks),
    ("workers", fewer_workers),
    ("schedule", plainer_schedule),
    ("occasions", earlier_occasions),
    ("settings", more_defaults),
    ("times", rounder_times),
)
"""What is simplified, in order."""


def _less(number: int) -> Iterator[int]:
    """Smaller numbers: 1 first, then ever closer to the number itself."""
    gap = number - 1
    while gap > 0:
        yield number - gap
        gap //= 2


def _rounder(value: object) -> list[float]:
    """The number with fewer digits, if it is a time or a size."""
    if not isinstance(value, float) or value == 0.0:
        return []
    rounded = [_rounded(value, digits) for digits in _DIGITS]
    return rounded[: rounded.index(value)] if value in rounded else rounded


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _with(part: Struct, name: str, value: object) -> Struct | None:
    """A part of a plan with another setting; None where that makes no sense."""
    try:
        return structs.replace(part, **{name: value})
    except ValueError:
        return None


def _spoken_of(kind: re.Pattern[str], plan: RunPlan, victim: str) -> Iterator[list[str]]:
    """Names of tasks or workers: that of the victim alone, and with those that faults are about."""
    texts = [victim, *(fault.whom for fault in plan.faults)]
    found = {match[0]: int(match[1]) for text in texts for match in kind.finditer(text)}
    if victim in found:
        yield [victim]
    yield sorted(found, key=lambda name: found[name])


def _renamed(faults: tuple[Fault, ...], kind: re.Pattern[str], names: list[str]) -> tuple[Fault, ...]:
    """Those numbered from 1."""
    new = {old: f"{old.split('-')[0]}-{number}" for number, old in enumerate(names, start=1)}
    return tuple(
        structs.replace(fault, whom=kind.sub(lambda match: new.get(match[0], match[0]), fault.whom))
        for fault in faults
    )
