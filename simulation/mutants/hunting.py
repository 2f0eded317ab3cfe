"""Looking for mutants with the generic swarm: nothing is drawn for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

from msgspec import Struct

from simulation.mutants.catalogue import mutant_of
from simulation.mutants.mutant import Mutant
from simulation.plan import RunPlan
from simulation.run import run
from simulation.shrinking import HAPPENINGS_MAX
from simulation.swarm import draw_plan
from simulation.verdict import Violation


@contextmanager
def mutated(mutant: Mutant | str) -> Generator[Mutant, None, None]:
    """A worker with a bug, in this process, for as long as the context lasts.

    Args:
        mutant: Which; or its name or number.

    Raises:
        KeyError: There is none of that name.
    """
    chosen = mutant_of(mutant) if isinstance(mutant, str) else mutant
    with chosen.patch():
        yield chosen


class SmallCase(Struct, frozen=True, kw_only=True):
    """What is left of the run that found a mutant.

    Attributes:
        size: How large it is, for people; "" where it did not even break the same for a second time.
        replays: Whether it breaks the same when it is read from its file.
    """

    size: str
    replays: bool


class MutantResult(Struct, frozen=True, kw_only=True):
    """What came of looking for a mutant.

    Attributes:
        mutant: Its name.
        expected: The invariants of which one was expected to find it.
        seeds: How many were run.
        cpu_s: Processor time that this took.
        found: The invariant that found it, an expected one if there was one; "" where none did.
        violation: What was seen; None where nothing was.
        plan: Of the run that found it; None where none did.
        small: What is left of that run; None for as long as nobody has shrunk it.
    """

    mutant: str
    expected: tuple[str, ...]
    seeds: int
    cpu_s: float
    found: str = ""
    violation: Violation | None = None
    plan: RunPlan | None = None
    small: SmallCase | None = None

    @property
    def as_expected(self) -> bool:
        """Whether an expected invariant found it, and does so again, or nothing what cannot be found."""
        if self.small is not None and not self.small.replays:
            return False
        return self.found in self.expected if self.expected else not self.found


def hunt(
    mutant: Mutant, seeds: Iterable[int], budget_s: float, draw: Callable[[int], RunPlan] = draw_plan
) -> MutantResult:
    """Run seeds until an expected invariant is broken, or seeds or time are over.

    What breaks another invariant is remembered, and told where no expected one is broken.

    Args:
        mutant: Which.
        seeds: In this order.
        budget_s: Processor time at most; a run that has begun is finished.
        draw: Makes the plan of a seed.
    """
    best = MutantResult(mutant=mutant.name, expected=mutant.breaks, seeds=0, cpu_s=0.0)
    began, count = time.process_time(), 0
    with mutated(mutant):
        for seed in seeds:
            if time.process_time() - began >= budget_s:
                break
            count += 1
            plan = draw(seed)
            violation = _look(mutant, plan)
            if violation is None:
                continue
            if not best.found or violation.invariant in mutant.breaks:
                best = MutantResult(
                    mutant=mutant.name,
                    expected=mutant.breaks,
                    seeds=count,
                    cpu_s=time.process_time() - began,
                    found=violation.invariant,
                    violation=violation,
                    plan=plan,
                )
            if violation.invariant in mutant.breaks:
                return best
    if best.found:
        return best
    return MutantResult(
        mutant=mutant.name, expected=mutant.breaks, seeds=count, cpu_s=time.process_time() - began
    )


def _look(mutant: Mutant, plan: RunPlan) -> Violation | None:
    """What a plan shows of a mutant: something expected if there is, else whatever comes first."""
    breaks = mutant.breaks
    # Some mutants spin: what would be too long to shrink is cut short.
    report = run(plan, until=lambda violation: violation.invariant in breaks, happenings_max=HAPPENINGS_MAX)
    expected = [one for one in report.violations if one.invariant in breaks]
    return next(iter([*expected, *report.violations]), None)
