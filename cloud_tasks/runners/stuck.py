"""Notices that nothing can run any more, because what was given up does not return."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from cloud_tasks.core.task import Task
from cloud_tasks.runners.inline_run import InlineRun


class StuckWatch:
    """Tells when runs that were given up have held every slot for a while. On the event loop.

    Args:
        slots: How many runs there can be at a time.
        patience_s: How long they must have held them all.
        tell: Told their tasks.
    """

    def __init__(self, slots: int, patience_s: float, tell: Callable[[Sequence[Task]], None]) -> None:
        self._slots = slots
        self._patience_s = patience_s
        self._tell = tell
        self._held: dict[InlineRun, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def abandoned(self, run: InlineRun) -> None:
        """A run was given up, and goes on."""
        self._held[run] = None
        if len(self._held) >= self._slots:
            self._timer = asyncio.get_running_loop().call_later(self._patience_s, self._lose_patience)

    def over(self, run: InlineRun) -> None:
        """A run has returned; no effect if it was not given up."""
        if run in self._held:
            del self._held[run]
            self.close()

    def close(self) -> None:
        """Say nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _lose_patience(self) -> None:
        self._tell([run.spec.task for run in self._held])
