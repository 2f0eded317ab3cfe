"""What a display shows, as plain counters: written by the worker, read by the thread that draws."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from cloud_tasks.core.events import TaskCompleted, TaskEvent, TaskInterrupted

RATE_WINDOW_S = 30.0


class Checking(NamedTuple):
    """How far the check of the task file is."""

    done_bytes: int
    total_bytes: int | None
    tasks: int


class Board:
    """The state of a run, as far as a display needs it. Every update is one assignment or two.

    Attributes:
        checking: The check of the task file, while it goes on.
        is_open: Whether the work has begun and not ended.
        total: Number of tasks, if known.
        completed: Tasks that completed.
        failed: Tasks that failed for good.
        retried: Attempts after which a task went back.
        running: The tasks that are running, and how far each says it is.
    """

    def __init__(self) -> None:
        self.checking: Checking | None = None
        self.is_open = False
        self.total: int | None = None
        self.completed = 0
        self.failed = 0
        self.retried = 0
        self.running: dict[str, tuple[float, float | None] | None] = {}

    @property
    def done(self) -> int:
        """Tasks that need no more work."""
        return self.completed + self.failed

    def end_task(self, event: TaskEvent) -> None:
        """An attempt ended."""
        self.running.pop(event.task_id, None)
        if isinstance(event, TaskInterrupted):
            return
        if event.retry:
            self.retried += 1
        elif isinstance(event, TaskCompleted):
            self.completed += 1
        else:
            self.failed += 1


class Rate:
    """Tasks per second over the last half minute of the work."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def sample(self, now: float, board: Board) -> float:
        """Take a sample at `now` (monotonic, seconds); returns the rate."""
        if not board.is_open:
            return 0.0
        samples = self._samples
        samples.append((now, board.done))
        while len(samples) > 2 and now - samples[1][0] > RATE_WINDOW_S:  # noqa: PLR2004 - one at each end
            samples.popleft()
        first_at, first_done = samples[0]
        return (board.done - first_done) / (now - first_at) if now > first_at else 0.0
