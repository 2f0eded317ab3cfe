"""The tasks of a rehearsal, drawn from its seed."""

from __future__ import annotations

from cloud_tasks.core.task import Task
from simulation.shares import share_of

_SHARES = {
    "works": 0.68,
    "fails": 0.06,
    "exits": 0.05,
    "aborts": 0.04,
    "hangs": 0.02,
    "ignores": 0.02,
    "devours": 0.03,
    "leaves": 0.05,
    "returns_much": 0.02,
    "comes_again": 0.03,
}
SHORT_S, LONG_S = 0.3, 1.5
_LONG_SHARE = 0.3


def draw_task(seed: int, number: int) -> Task:
    """The n-th task."""
    share = share_of(seed, "kind", number)
    kind = "works"
    for kind, weight in _SHARES.items():  # noqa: B007 - the one at which it stops
        share -= weight
        if share < 0:
            break
    long = share_of(seed, "long", number) < _LONG_SHARE
    seconds = share_of(seed, "seconds", number) * (LONG_S if long else SHORT_S)
    return Task(f"{number:06d}-{kind}", {"kind": kind, "seconds": round(seconds, 3)})
