"""Tasks for a worker's `execute`: the whole of what the server tells, and the whole of a result."""

from __future__ import annotations

from cloud_tasks.core.task import MalformedTask, Outcome, OutcomeKind, Task
from cloud_tasks.queues.conductor.forms import ServerTask, Update, failure_of, result_of


class WholeForm:
    """The worker gets the task as it is, and its `TaskResult` goes to the server as it is."""

    def task_of(self, told: ServerTask) -> Task | MalformedTask:
        """The task with all its fields."""
        return Task(str(told["taskId"]), told)

    def update_of(self, outcome: Outcome) -> Update:
        """The result that `execute` returned; FAILED for what did not return."""
        result = result_of(outcome) if outcome.kind is OutcomeKind.COMPLETED else None
        return dict(result) if isinstance(result, dict) else failure_of(outcome)
