"""A run and its report."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

from msgspec import Struct

from simulation.backends import legal
from simulation.faults import Fault, FaultClass
from simulation.happenings import Happening, RunBegan
from simulation.judges import all_judges
from simulation.judges.judge import Bench
from simulation.plan import RunPlan
from simulation.sometimes import Sometimes
from simulation.tracing import full_text
from simulation.verdict import Violation
from simulation.world import World


class RunReport(Struct, frozen=True, kw_only=True):
    """What came of a run.

    Attributes:
        plan: What it followed from.
        violations: Promises that were not kept, in the order in which that was seen.
        checks: How often each invariant was looked at.
        injected: Faults that struck, in order.
        effective: How many of each class made a difference.
        sometimes: How often each situation was reached that is known by name.
        attempts: How many runs of tasks there were.
        virtual_s: How much time went by in the world.
        steps: How many callbacks ran.
        happenings: How much could be seen.
        trace: Hash of all that could be seen; "" where it was not asked for.
    """

    plan: RunPlan
    violations: tuple[Violation, ...]
    checks: dict[str, int]
    injected: tuple[Fault, ...]
    effective: dict[FaultClass, int]
    sometimes: dict[str, int]
    attempts: int
    virtual_s: float
    steps: int
    happenings: int
    trace: str = ""


def run(
    plan: RunPlan,
    *,
    trace: bool = False,
    watch: Callable[[Happening], None] | None = None,
    until: Callable[[Violation], bool] | None = None,
    happenings_max: int | None = None,
) -> RunReport:
    """Live through a plan, with every judge on.

    Args:
        plan: What the run follows from.
        trace: Whether to hash everything that can be seen, which takes its time.
        watch: Told everything that can be seen, after the judges.
        until: Ends the run at a violation, where it says so.
        happenings_max: A run that sees so much is cut short; nothing is said about its end. None: no limit.
    """
    plan = legal(plan)
    world = World(plan)
    bench = Bench(plan, world.loop.time)
    judges = all_judges(bench, world)
    sometimes = Sometimes(plan)
    attempts = _Counter()
    world.history.on(RunBegan, attempts)
    hasher = hashlib.sha256()
    for judge in judges:
        judge.listen(world.history)
    sometimes.listen(world.history)
    if trace:
        world.history.on_all(lambda happening: hasher.update(full_text(happening).encode()))
    if watch is not None:
        world.history.on_all(watch)
    if until is not None or happenings_max is not None:
        world.history.on_all(_Cutter(world, bench, until, happenings_max))
    try:
        world.run()
        if world.standstill is not None:
            bench.check("L3", False, "{}", world.standstill, worker=world.standstill.host)  # noqa: FBT003 - not kept
        if not world.cut:
            for judge in judges:
                judge.finish()
    finally:
        world.close()
    return RunReport(
        plan=plan,
        violations=tuple(bench.violations),
        checks=dict(sorted(bench.checks.items())),
        injected=tuple(world.faults.injected),
        effective=dict(sorted(world.faults.effective.items(), key=lambda item: item[0].value)),
        sometimes=dict(sorted(sometimes.counts.items())),
        attempts=attempts.count,
        virtual_s=world.loop.now,
        steps=world.loop.steps,
        happenings=world.history.count,
        trace=hasher.hexdigest() if trace else "",
    )


class _Cutter:
    """Cuts a run short."""

    def __init__(
        self,
        world: World,
        bench: Bench,
        until: Callable[[Violation], bool] | None,
        happenings_max: int | None,
    ) -> None:
        self._world = world
        self._violations = bench.violations
        self._until = until
        self._most = math.inf if happenings_max is None else happenings_max
        self._seen = 0

    def __call__(self, _: Happening) -> None:
        if self._world.history.count >= self._most:
            self._world.cut_short()
        if len(self._violations) > self._seen:
            fresh, self._seen = self._violations[self._seen :], len(self._violations)
            if self._until is not None and any(self._until(violation) for violation in fresh):
                self._world.cut_short()


class _Counter:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _: Happening) -> None:
        self.count += 1
