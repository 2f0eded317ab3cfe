"""L1, L6: once the faults have stopped, every task is settled, and every worker ends when asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulation.history import History
from simulation.judges.judge import Bench

if TYPE_CHECKING:
    from simulation.world import World


class LivenessJudge:
    """Looks at the world when all is over.

    Args:
        bench: Where verdicts go.
        world: What came of it.
    """

    def __init__(self, bench: Bench, world: World) -> None:
        self._bench = bench
        self._world = world

    def listen(self, history: History) -> None:
        """Nothing is needed."""

    def finish(self) -> None:
        """See `Judge`."""
        world = self._world
        self._bench.check("L1", world.settled, "tasks are left although the faults have stopped")
        self._bench.check("L6", world.ended, "a worker that was asked to end has not")
