"""What the function of each task does in each of its runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from zlib import crc32

from cloud_tasks.core.task import EndKind, RunEnd
from cloud_tasks.interfaces import RunSpec
from fakes.runner import Script
from simulation.fault_source import FaultSource
from simulation.faults import Fault, FaultClass
from simulation.plan import RunPlan
from simulation.shares import share_of, shares_of

_OOM = RunEnd(kind=EndKind.EXITED, exit_code=-9, signal="SIGKILL", oom_killed=True)
_AT_MOST = 0.8
"""Of `max_runtime`: what is meant to end by itself ends before that."""
TICK_S = 0.001
FOR_EVER_S = 1e9
SLOW_START_S_MAX = 400.0
"""Longer than a worker waits for a start."""


def _returned(which: str) -> RunEnd:
    return RunEnd(kind=EndKind.RETURNED, result=f"result of {which}")


def _raised(which: str) -> RunEnd:
    return RunEnd(kind=EndKind.RAISED, exception=f"RuntimeError: as planned for {which}")


def _asked_again(which: str) -> RunEnd:
    return RunEnd(kind=EndKind.RETURNED, retry=True, result=f"so far, of {which}")


def _returned_wrong(which: str) -> RunEnd:
    return RunEnd(kind=EndKind.WRONG_RETURN, exception=f"it returned {which!r}")


def _result_unfit(which: str) -> RunEnd:
    return RunEnd(kind=EndKind.NOT_SERIALIZABLE, exception=f"JSON cannot hold the set of {which}")


def _hit_limit(which: str) -> RunEnd:
    return RunEnd(kind=EndKind.MEMORY_LIMIT, exception=f"MemoryError: as planned for {which}")


def _exited(which: str) -> RunEnd:
    return RunEnd(kind=EndKind.EXITED, exit_code=1 + crc32(which.encode()) % 250)


def _out_of_memory(_: str) -> RunEnd:
    return _OOM


_OF_RUNS = frozenset(kind for kind in FaultClass if kind.value.startswith("child_"))
_ENDS: dict[FaultClass, Callable[[str], RunEnd]] = {
    FaultClass.CHILD_RAISES: _raised,
    FaultClass.CHILD_EXITS: _exited,
    FaultClass.CHILD_KILLED: _out_of_memory,
    FaultClass.CHILD_ASKS_AGAIN: _asked_again,
    FaultClass.CHILD_RETURNS_WRONG: _returned_wrong,
    FaultClass.CHILD_RESULT_UNFIT: _result_unfit,
    FaultClass.CHILD_HITS_LIMIT: _hit_limit,
}
"""What each failure looks like; no two runs come to the same, so that none can be told for another."""


class Scripts:
    """Draws a script for each run, from the plan and the name of the run alone.

    Args:
        plan: Of the run of the world.
        faults: What goes wrong.
    """

    def __init__(self, plan: RunPlan, faults: FaultSource) -> None:
        self._seed = plan.seed
        self._workload = plan.workload
        self._max_runtime_s = plan.worker.max_runtime_s
        self._lease_s = plan.queue.lease_s
        self._faults = faults
        self._runs: dict[str, int] = {}

    def is_poison(self, task_id: str) -> bool:
        """Whether every run of a task fails."""
        poison = self._workload.poison
        return poison > 0 and share_of(self._seed, "poison", task_id) < poison

    def script(self, spec: RunSpec, worker: str) -> Script:
        """The script of the next run of a task."""
        task_id = spec.task.task_id
        which = self._runs[task_id] = self._runs.get(task_id, 0) + 1
        duration_s = self._duration_s(task_id, which)
        end: Callable[[str], RunEnd] = _raised if self.is_poison(task_id) else _returned
        name = f"{task_id}, attempt {spec.attempt}, run {which}"
        if self._faults.on.isdisjoint(_OF_RUNS):
            return Script(duration_s=duration_s, end=end(name))
        if self._strikes(FaultClass.CHILD_CANNOT_START, task_id, which):
            return Script(start_failure="cannot fork: resource temporarily unavailable")
        for kind, failure in _ENDS.items():
            if self._strikes(kind, task_id, which):
                end = failure
        if self._strikes(FaultClass.CHILD_HANGS, task_id, which):
            duration_s = FOR_EVER_S
        edge = self._faults.strikes(FaultClass.CHILD_ENDS_AT_DEADLINE, task_id, which, lambda share: share)
        if edge is not None:
            self._faults.had_effect(edge.kind)
            duration_s = self._edge_s(edge)
        lingers = self._faults.strikes(
            FaultClass.CHILD_LINGERS, task_id, which, lambda share: 0.1 + self._lease_s * share
        )
        if lingers is not None:
            self._faults.had_effect(lingers.kind)
        slow = self._faults.strikes(
            FaultClass.CHILD_SLOW_START, task_id, which, lambda share: SLOW_START_S_MAX * share**3
        )
        if slow is not None:
            self._faults.had_effect(slow.kind)
        return Script(
            starts_in_s=0.0 if slow is None else slow.size,
            duration_s=duration_s,
            end=end(name),
            ignores_stop=self._strikes(FaultClass.CHILD_IGNORES_STOP, task_id, which),
            lingers_s=0.0 if lingers is None else lingers.size,
        )

    def _strikes(self, kind: FaultClass, task_id: str, which: int) -> bool:
        if self._faults.strikes(kind, task_id, which) is None:
            return False
        self._faults.had_effect(kind)
        return True

    def _duration_s(self, task_id: str, which: int) -> float:
        """Log-normal, by way of two even shares (Box and Muller)."""
        workload = self._workload
        first, second = shares_of(self._faults.seed, f"duration|{task_id}|{which}", "|angle")
        first = max(first, 1e-12)
        normal = math.sqrt(-2.0 * math.log(first)) * math.cos(2.0 * math.pi * second)
        return min(workload.duration_s * math.exp(workload.spread * normal), _AT_MOST * self._max_runtime_s)

    def _edge_s(self, fault: Fault) -> float:
        """A duration that ends within a tick of a moment that means something to the worker."""
        moments = (
            self._max_runtime_s,
            self._lease_s,
            self._lease_s / 2,
            self._lease_s * 0.9,
            self._max_runtime_s + 2.0,
        )
        place = fault.size * len(moments)
        nearest = moments[min(int(place), len(moments) - 1)]
        return max(0.0, nearest + TICK_S * round(2 * (place % 1.0) - 1.0))
