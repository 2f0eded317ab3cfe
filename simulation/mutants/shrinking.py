"""The smallest case of a mutant, and whether it shows the bug again."""

from __future__ import annotations

from cloud_tasks.errors import ConfigurationError
from simulation.broken import BreaksNothingError
from simulation.case_file import parse_case
from simulation.cases import case_of, case_text
from simulation.mutants.hunting import MutantResult, SmallCase, mutated
from simulation.run import run
from simulation.shrinking import HAPPENINGS_MAX, Shrunk, shrink
from simulation.verdict import Violation


def small_case(result: MutantResult) -> SmallCase:
    """Shrink the run that found a mutant, and live through what is left once more.

    Args:
        result: What came of looking for it.

    Raises:
        ValueError: It was not found.
    """
    try:
        shrunk = shrink_found(result)
    except BreaksNothingError:
        return SmallCase(size="", replays=False)
    text = case_text(case_of(shrunk.plan, shrunk.violation, result.mutant), f"{result.mutant}.yaml")
    return SmallCase(size=shrunk.size, replays=replays(text, shrunk.violation))


def replays(text: str, violation: Violation) -> bool:
    """Whether the file of a mutant's case can be read, and shows the same violation."""
    try:
        case = parse_case(text.encode(), "case")
    except ConfigurationError:
        return False
    with mutated(case.mutant):
        report = run(case.plan, until=lambda one: one == violation, happenings_max=HAPPENINGS_MAX)
    return violation in report.violations


def shrink_found(result: MutantResult) -> Shrunk:
    """Shrink the plan that found a mutant, with the mutant on.

    Args:
        result: What came of looking for it.

    Raises:
        ValueError: It was not found.
        BreaksNothingError: The plan does not show it again.
    """
    if result.plan is None:
        raise ValueError(f"{result.mutant} was not found")
    with mutated(result.mutant):
        return shrink(result.plan, result.found)
