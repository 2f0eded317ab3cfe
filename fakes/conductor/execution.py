"""Workflows that have been started, as the model has them."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from fakes.conductor.flow import Flow
from fakes.conductor.live import Live
from fakes.conductor.values import Json

RUNNING: Final = "RUNNING"
COMPLETED: Final = "COMPLETED"
FAILED: Final = "FAILED"
TIMED_OUT: Final = "TIMED_OUT"
TERMINATED: Final = "TERMINATED"


class Execution(Struct, kw_only=True):
    """A workflow that has been started.

    Attributes:
        workflow_id: Its id.
        flow: What it does.
        status: RUNNING, COMPLETED, FAILED, TIMED_OUT or TERMINATED.
        input: What it was started with.
        output: What came of it.
        tasks: Every task that it had, retries too, in the order in which they were scheduled.
        latest: The newest task of each step.
        open: Those that have not ended.
        create_time: When it was started, in ms since 1970.
        update_time: When something last happened, likewise.
        end_time: When it ended, likewise; 0 for not yet.
        correlation_id: What whoever started it calls it.
        priority: Kept, and not looked at.
        task_to_domain: In which domain tasks of a type go; `*` for all types.
        reason_for_incompletion: Why it did not complete.
        failed_reference_task_names: Because of which steps.
    """

    workflow_id: str
    flow: Flow
    input: Json
    create_time: int
    update_time: int
    status: str = RUNNING
    output: Json = {}
    tasks: list[Live] = []
    latest: dict[str, Live] = {}
    open: dict[str, Live] = {}
    end_time: int = 0
    correlation_id: str | None = None
    priority: int = 0
    task_to_domain: dict[str, str] = {}
    reason_for_incompletion: str | None = None
    failed_reference_task_names: list[str] = []

    def look_up(self, name: str) -> object:
        """What the first name of an expression stands for: the workflow, or a step of it."""
        if name == "workflow":
            return {
                "input": self.input,
                "output": self.output,
                "workflowId": self.workflow_id,
                "workflowType": self.flow.definition.name,
                "version": self.flow.definition.version,
                "correlationId": self.correlation_id,
                "status": self.status,
            }
        live = self.latest.get(name)
        if live is None:
            return None
        shown = live.shown
        return {
            "input": shown.input_data,
            "output": shown.output_data,
            "status": shown.status.value,
            "taskId": shown.task_id,
            "retryCount": shown.retry_count,
        }
