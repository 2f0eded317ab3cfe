"""Percentiles of any number of durations in bounded memory."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterator

from cloud_tasks.summary.values import RunTimes

EXACT_MAX = 4096
"""Up to how many durations the percentiles are exact."""
_STEPS_PER_OCTAVE = 512
_SHORTEST_S = 1e-9
_PERCENTILES = (0.5, 0.9, 0.95, 0.99)


class RunTimesBuilder:
    """Takes durations in seconds, tells their distribution (percentiles by nearest rank).

    Beyond some thousands, durations are counted in steps of at most 0.2 % of their size: a million tasks
    take no more memory than ten thousand, and no pause for sorting at the end.
    """

    def __init__(self) -> None:
        self._recent = array("d")
        self._steps: Counter[int] = Counter()
        self._count = 0
        self._sum_s = 0.0
        self._min_s = math.inf
        self._max_s = 0.0

    def add(self, elapsed_s: float) -> None:
        """Take one more."""
        self._recent.append(elapsed_s)
        if len(self._recent) >= EXACT_MAX:
            self._fold()

    def build(self) -> RunTimes | None:
        """The distribution of all that was added so far; None if there was nothing."""
        exact = not self._count
        ascending = [(value, 1) for value in sorted(self._recent)] if exact else []
        self._fold()
        if not self._count:
            return None
        median_s, p90_s, p95_s, p99_s = self._percentiles(iter(ascending) if exact else self._ascending())
        return RunTimes(
            min_s=self._min_s,
            mean_s=self._sum_s / self._count,
            median_s=median_s,
            p90_s=p90_s,
            p95_s=p95_s,
            p99_s=p99_s,
            max_s=self._max_s,
        )

    def _fold(self) -> None:
        recent = self._recent
        if recent:
            self._count += len(recent)
            self._sum_s += math.fsum(recent)
            self._min_s = min(self._min_s, *recent)
            self._max_s = max(self._max_s, *recent)
            self._steps.update(map(_step, recent))
            del recent[:]

    def _ascending(self) -> Iterator[tuple[float, int]]:
        for step in sorted(self._steps):
            yield min(max(_middle(step), self._min_s), self._max_s), self._steps[step]

    def _percentiles(self, ascending: Iterator[tuple[float, int]]) -> list[float]:
        found: list[float] = []
        ranks = [math.ceil(share * self._count) for share in _PERCENTILES]
        seen = 0
        for value, count in ascending:
            seen += count
            while len(found) < len(ranks) and seen >= ranks[len(found)]:
                found.append(value)
        return found


def _step(elapsed_s: float) -> int:
    mantissa, exponent = math.frexp(max(elapsed_s, _SHORTEST_S))
    return exponent * _STEPS_PER_OCTAVE + int(mantissa * 2 * _STEPS_PER_OCTAVE) - _STEPS_PER_OCTAVE


def _middle(step: int) -> float:
    exponent, within = divmod(step, _STEPS_PER_OCTAVE)
    return math.ldexp((_STEPS_PER_OCTAVE + within + 0.5) / (2 * _STEPS_PER_OCTAVE), exponent)
