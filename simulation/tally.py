"""`Tally`: what many runs came to, small enough to be sent from process to process."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct, field

from simulation.run import RunReport
from simulation.verdict import Violation


class Failure(Struct, frozen=True):
    """A run that broke a promise.

    Attributes:
        scenario: What its plan was drawn from.
        seed: Of the plan.
        violations: What was broken, the first first.
    """

    scenario: str
    seed: int
    violations: tuple[Violation, ...]


class Tally(Struct):
    """Sums over runs.

    Attributes:
        runs: How many, of each scenario.
        attempts: Runs of tasks.
        virtual_s: Time that went by in the worlds.
        cpu_s: Processor time that it took.
        steps: Callbacks that ran.
        checks: How often each invariant was looked at.
        on: In how many plans each class of faults was on.
        injected: How many faults of each class struck.
        effective: How many of those made a difference.
        sometimes: How often each situation was reached.
        rows: How often each row of the attempt's table fired; empty where that was not watched.
        failures: Runs that broke a promise.
    """

    runs: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    virtual_s: float = 0.0
    cpu_s: float = 0.0
    steps: int = 0
    checks: Counter[str] = field(default_factory=Counter)
    on: Counter[str] = field(default_factory=Counter)
    injected: Counter[str] = field(default_factory=Counter)
    effective: Counter[str] = field(default_factory=Counter)
    sometimes: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    def add_run(self, report: RunReport, cpu_s: float) -> None:
        """Take in one run."""
        plan = report.plan
        self.runs[plan.scenario] += 1
        self.attempts += report.attempts
        self.virtual_s += report.virtual_s
        self.cpu_s += cpu_s
        self.steps += report.steps
        self.checks.update(report.checks)
        self.on.update(kind.value for kind in plan.classes)
        self.injected.update(fault.kind.value for fault in report.injected)
        self.effective.update({kind.value: count for kind, count in report.effective.items()})
        self.sometimes.update(report.sometimes)
        if report.violations:
            self.failures.append(Failure(plan.scenario, plan.seed, report.violations))

    def add(self, other: Tally) -> None:
        """Take in the sums of other runs."""
        self.runs.update(other.runs)
        self.attempts += other.attempts
        self.virtual_s += other.virtual_s
        self.cpu_s += other.cpu_s
        self.steps += other.steps
        self.checks.update(other.checks)
        self.on.update(other.on)
        self.injected.update(other.injected)
        self.effective.update(other.effective)
        self.sometimes.update(other.sometimes)
        self.rows.update(other.rows)
        self.failures.extend(other.failures)

    @property
    def total(self) -> int:
        """How many runs."""
        return sum(self.runs.values())
