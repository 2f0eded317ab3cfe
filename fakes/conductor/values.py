"""What goes over the wire: tasks and what workers say about them."""

from __future__ import annotations

import enum
from typing import Annotated, Final, TypeAlias

from msgspec import Meta, Raw, Struct

Json: TypeAlias = dict[str, object]
"""A JSON object."""


class TaskStatus(enum.Enum):
    """Where a task is."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS"
    """It failed, and the workflow can do without."""
    FAILED = "FAILED"
    FAILED_WITH_TERMINAL_ERROR = "FAILED_WITH_TERMINAL_ERROR"
    TIMED_OUT = "TIMED_OUT"
    CANCELED = "CANCELED"
    """The workflow ended before it did."""


ENDED: Final = frozenset(TaskStatus) - {TaskStatus.SCHEDULED, TaskStatus.IN_PROGRESS}


class ResultStatus(enum.Enum):
    """What a worker may say about a task."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    FAILED_WITH_TERMINAL_ERROR = "FAILED_WITH_TERMINAL_ERROR"


class TaskLog(Struct, rename="camel", omit_defaults=True):
    """A line that a worker wrote about a task.

    Attributes:
        log: The line.
        task_id: The task.
        created_time: When, in ms since 1970, as whoever wrote it says.
    """

    log: str
    task_id: str = ""
    created_time: int | None = None


class TaskResult(Struct, rename="camel", omit_defaults=True):
    """What a worker says about a task.

    Attributes:
        workflow_instance_id: The workflow that the task belongs to.
        task_id: The task.
        status: What has become of it; None only with `extend_lease`.
        reason_for_incompletion: Why it is not done.
        callback_after_seconds: With IN_PROGRESS: when it is to be handed out again, from now.
        worker_id: Who says so.
        output_data: What came of it.
        logs: Lines to be kept.
        external_output_payload_storage_path: Where the output is instead.
        sub_workflow_id: Of a workflow that it started.
        extend_lease: Only move the end of the time to answer.
    """

    workflow_instance_id: str | None = None
    task_id: str | None = None
    status: ResultStatus | None = None
    reason_for_incompletion: str | None = None
    callback_after_seconds: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    worker_id: str | None = None
    output_data: Json | None = None
    logs: list[TaskLog] | None = None
    external_output_payload_storage_path: str | None = None
    sub_workflow_id: str | None = None
    extend_lease: bool = False


class Task(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """A task, as it is handed out. Times are in ms since 1970, 0 for not yet."""

    task_type: str
    status: TaskStatus
    input_data: Json
    reference_task_name: str
    retry_count: int
    seq: int
    correlation_id: str | None = None
    poll_count: int
    task_def_name: str
    scheduled_time: int
    start_time: int
    end_time: int
    update_time: int
    start_delay_in_seconds: int
    retried_task_id: str | None = None
    retried: bool
    executed: bool
    callback_from_worker: bool
    response_timeout_seconds: int
    workflow_instance_id: str
    workflow_type: str
    task_id: str
    reason_for_incompletion: str | None = None
    callback_after_seconds: int
    worker_id: str | None = None
    output_data: Json
    workflow_task: Raw
    domain: str | None = None
    rate_limit_per_frequency: int
    rate_limit_frequency_in_seconds: int
    external_output_payload_storage_path: str | None = None
    workflow_priority: int
    iteration: int
    sub_workflow_id: str | None = None
    subworkflow_changed: bool
    loop_over_task: bool
    queue_wait_time: int


class PollData(Struct, rename="camel", omit_defaults=True):
    """Who asked last for a type of task.

    Attributes:
        queue_name: The type.
        domain: Of the worker; None for none.
        worker_id: The worker.
        last_poll_time: When, in ms since 1970.
    """

    queue_name: str
    domain: str | None = None
    worker_id: str | None = None
    last_poll_time: int = 0
