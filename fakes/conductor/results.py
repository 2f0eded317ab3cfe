"""What workers say about tasks."""

from __future__ import annotations

from typing import Final

from fakes.conductor.errors import Violation, invalid_input, no_task, no_workflow, violated
from fakes.conductor.executions import Executions
from fakes.conductor.live import Live
from fakes.conductor.queues import TaskQueues
from fakes.conductor.values import ResultStatus, Task, TaskLog, TaskResult, TaskStatus
from fakes.history import FactKind

_ENDS: Final = {
    ResultStatus.COMPLETED: TaskStatus.COMPLETED,
    ResultStatus.FAILED: TaskStatus.FAILED,
    ResultStatus.FAILED_WITH_TERMINAL_ERROR: TaskStatus.FAILED_WITH_TERMINAL_ERROR,
}


class Results:
    """Takes results.

    Args:
        executions: The workflows that they are about.
        queues: Where tasks wait.

    Attributes:
        logs: The lines about each task.
    """

    def __init__(self, executions: Executions, queues: TaskQueues) -> None:
        self.logs: dict[str, list[TaskLog]] = {}
        self._executions = executions
        self._tasks = executions.tasks
        self._queues = queues

    def take(self, result: TaskResult) -> Task | None:
        """Take a result; returns its task, None where only the lease was extended.

        Raises:
            ConductorError: It is about nothing that there is, or says nothing.
        """
        live = self.check(result)
        if result.extend_lease:
            self._extend(live)
            return None
        if not live.has_ended and result.status is not None:
            self._apply(live, result, result.status)
        return live.shown

    def check(self, result: TaskResult) -> Live:
        """The task that a result is about.

        Raises:
            ConductorError: As for `take`.
        """
        if result.extend_lease:
            return self._known(result)
        self._refuse_gaps(result)
        if result.workflow_instance_id not in self._executions.workflows:
            raise no_workflow(result.workflow_instance_id or "")
        live = self._known(result)
        if result.status is None and not live.has_ended:
            raise invalid_input("the result has no status")
        return live

    def _known(self, result: TaskResult) -> Live:
        live = self._tasks.by_id.get(result.task_id or "")
        if live is None:
            raise no_task(result.task_id or "")
        return live

    def _extend(self, live: Live) -> None:
        if not live.has_ended:
            self._tasks.touch(live)
            self._tasks.arm(live)
            self._tasks.tell(FactKind.EXTENDED, live, until=live.response_due_at())

    @staticmethod
    def _refuse_gaps(result: TaskResult) -> None:
        empty = [
            Violation(f"updateTask.taskResult.{path}", f"{what} cannot be null or empty", value)
            for path, what, value in (
                ("workflowInstanceId", "Workflow Id", result.workflow_instance_id),
                ("taskId", "Task ID", result.task_id),
            )
            if not value
        ]
        if empty:
            raise violated(*empty)

    def _apply(self, live: Live, result: TaskResult, status: ResultStatus) -> None:
        shown = live.shown
        shown.output_data = result.output_data or {}
        shown.worker_id = result.worker_id
        shown.callback_after_seconds = max(0, result.callback_after_seconds or 0)
        shown.sub_workflow_id = result.sub_workflow_id
        shown.external_output_payload_storage_path = result.external_output_payload_storage_path
        for line in result.logs or ():
            self.keep(shown.task_id, line)
        live.workflow.update_time = self._tasks.timeline.now_ms
        if status is ResultStatus.IN_PROGRESS:
            self._call_back(live, result)
        else:
            self._executions.end_task(live, _ENDS[status], result.reason_for_incompletion)

    def _call_back(self, live: Live, result: TaskResult) -> None:
        """Put a task back into its queue for a while."""
        live.shown.reason_for_incompletion = result.reason_for_incompletion
        self._queues.remove(live)
        self._tasks.set_status(live, TaskStatus.SCHEDULED)
        self._tasks.enqueue(live, live.shown.callback_after_seconds)
        self._tasks.tell(FactKind.NACKED, live, until=live.visible_at, reason="callback")

    def keep(self, task_id: str, line: TaskLog) -> None:
        """Keep a line about a task."""
        line.task_id = task_id
        if line.created_time is None:
            line.created_time = self._tasks.timeline.now_ms
        self.logs.setdefault(task_id, []).append(line)
