"""Whether a run breaks what it is said to break."""

from __future__ import annotations

from cloud_tasks.errors import ConfigurationError, Problem
from simulation.run import RunReport
from simulation.verdict import Violation


class BreaksNothingError(ConfigurationError):
    """What was to be shrunk or explained is no failure in this code."""


def broken_in(report: RunReport, invariant: str) -> Violation | None:
    """How a run broke an invariant first; None if it kept it."""
    return next((one for one in report.violations if one.invariant == invariant), None)


def surely_broken_in(report: RunReport, invariant: str) -> Violation:
    """The same, where it is known to be broken.

    Raises:
        BreaksNothingError: It is kept.
    """
    violation = broken_in(report, invariant)
    if violation is None:
        plan = report.plan
        told = (
            f"seed {plan.seed} of {plan.scenario} does not break {invariant}: in this code it is no failure"
        )
        raise BreaksNothingError(Problem(told, helps=("`replay` shows what comes of it now",)))
    return violation
