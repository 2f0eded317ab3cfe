"""Handing out tasks."""

from __future__ import annotations

from cloud_tasks.interfaces import Clock
from fakes.conductor.live import Live
from fakes.conductor.queues import TaskQueues, queue_name
from fakes.conductor.tasks import Tasks
from fakes.conductor.values import Task, TaskStatus
from fakes.history import FactKind

_POSTPONED_S = 60
"""How long a task is put back that may not start, as too many of its type are in progress."""


class Polling:
    """Hands out tasks to workers.

    Args:
        clock: Waiting ends on its monotonic side.
        queues: Where tasks wait.
        tasks: The tasks.
    """

    def __init__(self, clock: Clock, queues: TaskQueues, tasks: Tasks) -> None:
        self._clock = clock
        self._queues = queues
        self._tasks = tasks

    async def wait_and_take(
        self, task_type: str, worker: str | None, domain: str | None, count: int, wait_s: float
    ) -> list[Task]:
        """Take up to `count` tasks; wait for the first if there is none."""
        until_s = self._clock.monotonic() + wait_s
        queue = queue_name(task_type, domain)
        timeline = self._tasks.timeline
        while True:
            taken = self.take(task_type, worker, domain, count)
            if taken or self._clock.monotonic() >= until_s:
                return taken
            if not await self._queues.wait(queue, min(until_s, timeline.next_moment())):
                return taken

    def take(
        self, task_type: str, worker: str | None = None, domain: str | None = None, count: int = 1
    ) -> list[Task]:
        """Take up to `count` tasks that can be polled now."""
        tasks = self._tasks
        tasks.timeline.catch_up()
        queue = queue_name(task_type, domain)
        taken: list[Task] = []
        while len(taken) < count and (live := self._queues.pop(queue)) is not None:
            if self._may_start(live):
                self._hand_out(live, worker)
                taken.append(live.shown)
            else:
                tasks.enqueue(live, _POSTPONED_S)
        tasks.polls.note(task_type, domain, worker, tasks.timeline.now_ms)
        return taken

    def ready_count(self, task_type: str, domain: str | None = None) -> int:
        """How many tasks can be polled now."""
        self._tasks.timeline.catch_up()
        return self._queues.ready_count(queue_name(task_type, domain))

    def skip(self, task_type: str, domain: str | None, places: int) -> None:
        """Let the first tasks become the last."""
        self._queues.skip(queue_name(task_type, domain), places)

    def give_again(self, task_id: str) -> None:
        """Let a task that was handed out be handed out once more, to somebody else."""
        self._queues.push(self._tasks.by_id[task_id])

    def _may_start(self, live: Live) -> bool:
        limit = live.definition.concurrent_exec_limit
        return not limit or self._tasks.in_progress[live.shown.task_def_name] < limit

    def _hand_out(self, live: Live, worker: str | None) -> None:
        shown, tasks = live.shown, self._tasks
        tasks.set_status(live, TaskStatus.IN_PROGRESS)
        if live.started_at is None:
            live.started_at = live.updated_at
            shown.start_time = shown.update_time
            shown.queue_wait_time = shown.start_time - shown.scheduled_time
        shown.callback_after_seconds = 0
        shown.worker_id = worker
        shown.poll_count += 1
        live.delivery_count += 1
        tasks.arm(live)
        tasks.tell(FactKind.DELIVERED, live, until=live.response_due_at())
