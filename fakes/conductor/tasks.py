"""Tasks as they go from one state to another."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from fakes.conductor.domains import Polls
from fakes.conductor.flow import SIMPLE
from fakes.conductor.live import Live
from fakes.conductor.queues import TaskQueues, queue_name
from fakes.conductor.timeline import Timeline
from fakes.conductor.values import TaskStatus
from fakes.history import Fact, FactKind


class Tasks:
    """Every task, and what changes about it.

    Args:
        timeline: What time it is.
        queues: Where tasks wait.
        seed: Of the ids.
        observe: Told what happens to every task of a worker.

    Attributes:
        by_id: Every task, by its id.
        in_progress: How many tasks of a type are worked on.
        polls: Who polled.
        timeline: What time it is.
    """

    def __init__(
        self,
        timeline: Timeline,
        queues: TaskQueues,
        seed: int,
        observe: Callable[[Fact], None] | None,
    ) -> None:
        self.by_id: dict[str, Live] = {}
        self.in_progress: Counter[str] = Counter()
        self.polls = Polls()
        self.timeline = timeline
        self._queues = queues
        self._observe = observe
        prefix = random.Random(seed).getrandbits(64)  # noqa: S311 - ids, not secrets
        self._id_prefix = f"{prefix >> 32:08x}-{prefix >> 16 & 0xFFFF:04x}-4{prefix & 0xFFF:03x}-8000-"
        self._ids = 0

    def new_id(self) -> str:
        """An id of its own for a task or a workflow."""
        self._ids += 1
        return f"{self._id_prefix}{self._ids:012x}"

    def add(self, live: Live) -> None:
        """Let a new task belong to its workflow."""
        execution, shown = live.workflow, live.shown
        shown.task_id = self.new_id()
        shown.seq = len(execution.tasks) + 1
        shown.scheduled_time = shown.update_time = self.timeline.now_ms
        live.scheduled_at = live.updated_at = self.timeline.now
        if execution.task_to_domain:
            shown.domain = self.polls.domain_for(
                shown.task_type, execution.task_to_domain, shown.scheduled_time
            )
        live.queue = queue_name(shown.task_type, shown.domain)
        execution.tasks.append(live)
        execution.latest[shown.reference_task_name] = live
        execution.open[shown.task_id] = self.by_id[shown.task_id] = live

    def remove(self, live: Live, status: TaskStatus) -> None:
        """A task has ended: nobody can poll it any more, and nothing becomes due."""
        self._queues.remove(live)
        self.set_status(live, status)
        live.shown.end_time = self.timeline.now_ms
        self.arm(live)

    def arm(self, live: Live) -> None:
        """Something has changed about when something is to be done about a task."""
        self._queues.something_due(self.timeline.arm(live))

    def set_status(self, live: Live, status: TaskStatus) -> None:
        """Let a task be in another state, and know when."""
        shown = live.shown
        if shown.status is TaskStatus.IN_PROGRESS:
            self.in_progress[shown.task_def_name] -= 1
        if status is TaskStatus.IN_PROGRESS:
            self.in_progress[shown.task_def_name] += 1
        shown.status = status
        self.touch(live)

    def touch(self, live: Live) -> None:
        """A task was heard of."""
        live.updated_at = self.timeline.now
        live.shown.update_time = self.timeline.now_ms

    def enqueue(self, live: Live, delay_s: float) -> None:
        """Let a task be polled after a while."""
        if delay_s > 0:
            live.visible_at = self.timeline.now + delay_s
            self._queues.expect(live)
        else:
            self._queues.push(live)
        self.arm(live)

    def tell(self, kind: FactKind, live: Live, *, until: float | None = None, reason: str = "") -> None:
        """Tell whoever observes what has happened to a task."""
        if self._observe is None or live.step.task.type != SIMPLE:
            return
        shown = live.shown
        key = f"{shown.workflow_instance_id}/{shown.reference_task_name}"
        now, count = self.timeline.now, live.delivery_count
        self._observe(Fact(kind, now, key, shown.task_id if count else "", count, until, reason))
