"""When a failure became inevitable: the share of redraws that fail, by when they begin."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct

from simulation.broken import surely_broken_in
from simulation.explain_redraws import Point, point_at
from simulation.happenings import Happening
from simulation.plan import RunPlan
from simulation.run import run
from simulation.verdict import Violation
from simulation.wording import line_of

REDRAWS = 50
GRID = 6
"""How many moments are looked at before the search for the steepest rise begins."""
HAPPENINGS_MAX = 150_000
"""What is drawn anew and sees more is not looked at to its end, unless the run itself is as long."""
AROUND = 5
"""How many happenings are told before the moment, and after it."""
Progress: TypeAlias = Callable[[Point], None]


class Explanation(Struct, frozen=True, kw_only=True):
    """How a failure came about.

    Attributes:
        violation: What was broken.
        points: Shares of redraws that fail, in order of time.
        before: The moment before the steepest rise.
        after: The moment after it.
        decided_by: What happened in between, the first of it; "" where it was bound to fail anyway.
        around: Happenings around that, in order; none, then.
        summary: All this in two sentences.
    """

    violation: Violation
    points: tuple[Point, ...]
    before: Point
    after: Point
    decided_by: str
    around: tuple[str, ...]
    summary: str


def explain(
    plan: RunPlan, invariant: str, *, redraws: int = REDRAWS, progress: Progress | None = None
) -> Explanation:
    """Find the moment at which a failure was decided. The same plan always gives the same one.

    Args:
        plan: What fails.
        invariant: What it breaks.
        redraws: How often the rest is drawn anew at each moment.
        progress: Told of each moment that was looked at.

    Raises:
        BreaksNothingError: The plan does not break it.
    """
    violation, seen = _live(plan, invariant)
    search = _Search(plan, invariant, redraws, seen, progress)
    before, after = search.steepest()
    points = search.points()
    if points[0].failed == redraws:
        return Explanation(
            violation=violation,
            points=points,
            before=points[0],
            after=points[0],
            decided_by="",
            around=(),
            summary=_inevitable(violation, redraws),
        )
    index = next(number for number, one in enumerate(seen) if one.at >= before.at_s)
    decided_by = line_of(seen[index]).strip()
    return Explanation(
        violation=violation,
        points=points,
        before=before,
        after=after,
        decided_by=decided_by,
        around=tuple(line_of(one) for one in seen[max(0, index - AROUND) : index + AROUND + 1]),
        summary=_summary(violation, points[0], before, after, decided_by),
    )


def _live(plan: RunPlan, invariant: str) -> tuple[Violation, list[Happening]]:
    """How a plan breaks an invariant, and everything that could be seen up to then."""
    seen: list[Happening] = []
    report = run(plan, watch=seen.append, until=lambda one: one.invariant == invariant)
    violation = surely_broken_in(report, invariant)
    return violation, [one for one in seen if one.at <= violation.at_s]


class _Search:
    """Looks at moments, each once."""

    def __init__(
        self,
        plan: RunPlan,
        invariant: str,
        redraws: int,
        seen: list[Happening],
        progress: Progress | None,
    ) -> None:
        self._plan = plan
        self._invariant = invariant
        self._redraws = redraws
        self._moments = sorted({one.at for one in seen})
        self._happenings_max = max(HAPPENINGS_MAX, 2 * len(seen))
        self._progress = progress
        self._points: dict[int, Point] = {}

    def points(self) -> tuple[Point, ...]:
        """All that were looked at, in order of time."""
        return tuple(point for _, point in sorted(self._points.items()))

    def steepest(self) -> tuple[Point, Point]:
        """Two neighbouring moments between which the share rises most, found by halving."""
        last = len(self._moments)  # after the last moment nothing is left to be drawn
        grid = sorted({last * number // GRID for number in range(GRID + 1)})
        low, high = self._steeper(list(itertools.pairwise(grid)))
        while high - low > 1:
            middle = (low + high) // 2
            low, high = self._steeper([(low, middle), (middle, high)])
        return self._at(low), self._at(high)

    def _steeper(self, spans: list[tuple[int, int]]) -> tuple[int, int]:
        return max(spans, key=lambda span: self._at(span[1]).share - self._at(span[0]).share)

    def _at(self, index: int) -> Point:
        point = self._points.get(index)
        if point is None:
            point = self._points[index] = self._look(index)
            if self._progress is not None:
                self._progress(point)
        return point

    def _look(self, index: int) -> Point:
        if index == len(self._moments):
            return Point(self._moments[-1], self._redraws, self._redraws)
        at_s = self._moments[index]
        return point_at(self._plan, self._invariant, at_s, self._redraws, self._happenings_max)


def _inevitable(violation: Violation, redraws: int) -> str:
    return (
        f"All {redraws} runs that are drawn anew from the beginning break {violation.invariant}: with this "
        "workload and these options it was inevitable from the beginning, and no later moment has decided it."
    )


def _summary(violation: Violation, first: Point, before: Point, after: Point, decided_by: str) -> str:
    what = " ".join(decided_by.split()[2:])  # without the time
    return (
        f"Of {first.redraws} runs that are drawn anew from the beginning, {first.failed} break "
        f"{violation.invariant}; of those that are drawn anew from {after.at_s:.3f} s on, {after.failed} do. "
        f"The steepest rise, from {before.share:.0%} to {after.share:.0%}, comes with what happened at "
        f"{before.at_s:.3f} s: {what}."
    )
