"""Numbers of a case from which no run could follow: a mistake of who wrote them, not of the worker."""

from __future__ import annotations

import math
from collections.abc import Iterator

from msgspec import Struct

from cloud_tasks.config.table import COUNT_MAX, DURATION_S_MAX
from simulation.faults import Fault
from simulation.plan import RunPlan
from simulation.sizes import SIZES

SPREAD_MAX = 3.0
_ABOVE_ZERO = frozenset({"faults_s", "worker.max_runtime_s", "monitor.lease_s", "monitor.wait_s"})
"""Times that may not be 0."""
_MAY_BE_NONE = frozenset({"workload.tasks", "workload.malformed"})
"""Counts that may be 0."""


def impossible(plan: RunPlan, faults: tuple[Fault, ...]) -> Iterator[tuple[str, str]]:
    """What is wrong with a plan and its faults: where, and what was expected there.

    Args:
        plan: All but its faults.
        faults: Those.
    """
    for path, number in _numbers(plan):
        if told := _wrong(path, number):
            yield f"plan.{path}", told
    for kind, odds in plan.odds.items():
        if not 0 <= odds <= 1:
            yield f"plan.odds.{kind.value}", f"expected a probability from 0 to 1, got {odds}"
    for index, fault in enumerate(faults):
        if told := _wrong_time("at_s", fault.at_s):
            yield f"faults[{index}].at_s", told
        if told := _wrong_size(fault):
            yield f"faults[{index}].size", told


def _numbers(part: Struct, before: str = "") -> Iterator[tuple[str, float]]:
    """Every number in a plan, by where it stands."""
    for name in part.__struct_fields__:
        value, path = getattr(part, name), f"{before}{name}"
        if isinstance(value, Struct):
            yield from _numbers(value, f"{path}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield path, value


def _wrong(path: str, number: float) -> str:
    if path.endswith("seed"):
        return ""
    if path == "workload.spread" and not 0 <= number <= SPREAD_MAX:
        return f"expected a number from 0 to {SPREAD_MAX:g}, got {number}"
    if path == "workload.poison" and not 0 <= number <= 1:
        return f"expected a share from 0 to 1, got {number}"
    if path.endswith(("_s", "_s_max")):
        return _wrong_time(path, number)
    if isinstance(number, int):
        return _wrong_count(number, 0 if path in _MAY_BE_NONE else 1)
    return ""


def _wrong_time(path: str, time_s: float) -> str:
    above = path in _ABOVE_ZERO
    if not math.isfinite(time_s) or time_s < 0 or (above and not time_s):
        return f"expected seconds, {'more than 0' if above else '0 or more'}, got {time_s}"
    return f"expected {DURATION_S_MAX} seconds at most, got {time_s}" if time_s > DURATION_S_MAX else ""


def _wrong_count(count: int, least: int) -> str:
    if count < least:
        return f"expected at least {least}, got {count}"
    return f"expected {COUNT_MAX} at most, got {count}" if count > COUNT_MAX else ""


def _wrong_size(fault: Fault) -> str:
    """A size of 0 is that of a fault which does nothing: shrinking may come to it."""
    size = SIZES.get(fault.kind)
    if size is None:
        return "" if math.isfinite(fault.size) else f"expected a number, got {fault.size}"
    return "" if size.holds(fault.size) else f"expected {size.expected}, got {fault.size}"
