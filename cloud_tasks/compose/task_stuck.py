"""What is done about functions that were to end, do not return, and hold every slot of a worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cloud_tasks.compose.running import nobody
from cloud_tasks.core.task import Task
from cloud_tasks.runners.stuck import StuckWatch

_NAMES_MAX = 10


class StuckReport:
    """Says in words what holds the slots.

    Args:
        name_of: What the function of a task is called.
        patience_s: How long they must have held all slots.

    Attributes:
        receiver: Told; the worker ends then, so that its supervisor starts another.
    """

    def __init__(self, name_of: Callable[[Task], str], patience_s: float) -> None:
        self.receiver: Callable[[str], None] = nobody
        self._name_of = name_of
        self._patience_s = patience_s

    def watch(self, slots: int) -> StuckWatch:
        """A watch over so many slots."""
        return StuckWatch(slots, self._patience_s, self._tell)

    def _tell(self, tasks: Sequence[Task]) -> None:
        names = sorted({self._name_of(task) for task in tasks})
        more = f" and {len(names) - _NAMES_MAX} more" if len(names) > _NAMES_MAX else ""
        self.receiver(
            f"nothing can run any more: all {len(tasks)} slots are held by what was to end and does not "
            f"return ({', '.join(names[:_NAMES_MAX])}{more}); the worker ends, so that another can begin"
        )
