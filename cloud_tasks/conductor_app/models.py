"""Tasks and their results, with the names of the published clients; JSON as the server has it.

Task processes import this: it needs nothing but the interpreter.
"""

from __future__ import annotations

import enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Self


class TaskResultStatus(enum.StrEnum):
    """What a worker says of a task."""

    COMPLETED = "COMPLETED"
    """It is done."""
    FAILED = "FAILED"
    """It failed; the server tries it again as the task's definition says."""
    FAILED_WITH_TERMINAL_ERROR = "FAILED_WITH_TERMINAL_ERROR"
    """It failed, and would only do so again."""
    IN_PROGRESS = "IN_PROGRESS"
    """It goes on: the task is back in its queue after `callback_after_seconds`."""


def camel(name: str) -> str:
    """The name of a field in JSON."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class Task:
    """A task, as the server hands it out.

    Every field that the server tells is an attribute, in the snake case of the published clients; what it
    does not tell is None. `input_data` and `output_data` are always mappings.

    Attributes:
        task_id: The server's name for this attempt; a retry has another.
        workflow_instance_id: The workflow that it belongs to.
        task_def_name: Its type, the name of its definition.
        reference_task_name: Its name within the workflow.
        input_data: What it is to work on.
        output_data: What earlier polls of it have said IN_PROGRESS with.
        retry_count: How many attempts there were before this one.
        poll_count: How often this attempt has been handed out, this time included.
        response_timeout_seconds: How long the server waits for news of it, in seconds.
        callback_after_seconds: How long it was put back for, in seconds.
        domain: Its domain; None: none.
    """

    task_id: str
    workflow_instance_id: str
    input_data: dict[str, Any]
    output_data: dict[str, Any]
    task_type: str | None = None
    status: str | None = None
    reference_task_name: str | None = None
    retry_count: int | None = None
    seq: int | None = None
    correlation_id: str | None = None
    poll_count: int | None = None
    task_def_name: str | None = None
    scheduled_time: int | None = None
    start_time: int | None = None
    end_time: int | None = None
    update_time: int | None = None
    start_delay_in_seconds: int | None = None
    retried_task_id: str | None = None
    retried: bool | None = None
    executed: bool | None = None
    callback_from_worker: bool | None = None
    response_timeout_seconds: int | None = None
    workflow_type: str | None = None
    reason_for_incompletion: str | None = None
    callback_after_seconds: int | None = None
    worker_id: str | None = None
    workflow_task: dict[str, Any] | None = None
    domain: str | None = None
    rate_limit_per_frequency: int | None = None
    rate_limit_frequency_in_seconds: int | None = None
    external_input_payload_storage_path: str | None = None
    external_output_payload_storage_path: str | None = None
    workflow_priority: int | None = None
    execution_name_space: str | None = None
    isolation_group_id: str | None = None
    iteration: int | None = None
    sub_workflow_id: str | None = None
    subworkflow_changed: bool | None = None
    loop_over_task: bool | None = None
    task_definition: dict[str, Any] | None = None
    queue_wait_time: int | None = None
    parent_task_id: str | None = None
    first_start_time: int | None = None

    def __init__(self, task_id: str = "", workflow_instance_id: str = "", **fields: object) -> None:
        """A task with these fields.

        Raises:
            TypeError: There is no such field.
        """
        self.task_id = task_id
        self.workflow_instance_id = workflow_instance_id
        self.input_data = {}
        self.output_data = {}
        for name, value in fields.items():
            if name not in _TASK_FIELDS:
                raise TypeError(f"a task has no field {name!r}")
            setattr(self, name, value)

    @classmethod
    def from_json(cls, told: Mapping[str, object]) -> Self:
        """The task that the server tells of; fields that nobody knows are left out."""
        task = cls()
        for key, value in told.items():
            name = _TASK_NAMES.get(key)
            if name is not None and value is not None:
                setattr(task, name, value)
        return task

    def to_dict(self) -> dict[str, object]:
        """All fields, by the names of the attributes."""
        return {name: getattr(self, name) for name in _TASK_FIELDS}

    def to_json(self) -> dict[str, object]:
        """The fields that are known, by the server's names."""
        return {camel(name): value for name, value in self.to_dict().items() if value is not None}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Task) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment] # it can be changed

    def __repr__(self) -> str:
        return f"Task(task_id={self.task_id!r}, task_def_name={self.task_def_name!r})"


_TASK_FIELDS = tuple(Task.__annotations__)
_TASK_NAMES = {camel(name): name for name in _TASK_FIELDS}


class TaskExecLog:
    """A line of a task's log.

    Attributes:
        log: What it says.
        task_id: The task; None: that of the result that carries it.
        created_time: When it was written, in milliseconds since 1970, UTC; None: when the result is sent.
    """

    def __init__(self, log: str, task_id: str | None = None, created_time: int | None = None) -> None:
        self.log = log
        self.task_id = task_id
        self.created_time = created_time

    def to_json(self) -> dict[str, object]:
        """As the server wants it."""
        return _without_none({"log": self.log, "taskId": self.task_id, "createdTime": self.created_time})


class TaskResult:
    """What a worker tells the server of a task. The arguments stand in the order of the published clients.

    Attributes:
        status: One of `TaskResultStatus`; its name will do.
        output_data: The output.
        reason_for_incompletion: Why it failed.
        callback_after_seconds: When an IN_PROGRESS task is handed out again, in seconds.
        logs: Lines for the task's log; text will do.
    """

    def __init__(  # noqa: PLR0917 - in the places that the published clients have them
        self,
        workflow_instance_id: str | None = None,
        task_id: str | None = None,
        reason_for_incompletion: str | None = None,
        callback_after_seconds: int | None = None,
        worker_id: str | None = None,
        status: TaskResultStatus | str | None = None,
        output_data: dict[str, Any] | None = None,
        logs: list[TaskExecLog | str] | None = None,
        external_output_payload_storage_path: str | None = None,
        sub_workflow_id: str | None = None,
    ) -> None:
        self._status: TaskResultStatus | None = None
        self.workflow_instance_id = workflow_instance_id
        self.task_id = task_id
        self.reason_for_incompletion = reason_for_incompletion
        self.callback_after_seconds = callback_after_seconds
        self.worker_id = worker_id
        self.status = status
        self.output_data = output_data
        self.logs = logs
        self.external_output_payload_storage_path = external_output_payload_storage_path
        self.sub_workflow_id = sub_workflow_id

    @property
    def status(self) -> TaskResultStatus | None:
        """What is said of the task; None while nothing is."""
        return self._status

    @status.setter
    def status(self, value: TaskResultStatus | str | None) -> None:
        allowed = [one.value for one in TaskResultStatus]
        if value is not None and value not in allowed:
            raise ValueError(f"Invalid value for `status` ({value}), must be one of {allowed}")
        self._status = None if value is None else TaskResultStatus(value)

    def add_output_data(self, key: str, value: object) -> Self:
        """Put one value into the output."""
        if self.output_data is None:
            self.output_data = {}
        self.output_data[key] = value
        return self

    def log(self, text: str) -> Self:
        """Add a line to the task's log."""
        if self.logs is None:
            self.logs = []
        self.logs.append(TaskExecLog(text))
        return self

    def to_json(self) -> dict[str, object]:
        """What the server is told; who has the task is added on the way."""
        logs = [one if isinstance(one, TaskExecLog) else TaskExecLog(str(one)) for one in self.logs or ()]
        return _without_none(
            {
                "status": None if self._status is None else self._status.value,
                "reasonForIncompletion": self.reason_for_incompletion,
                "callbackAfterSeconds": self.callback_after_seconds,
                "outputData": self.output_data,
                "logs": [one.to_json() for one in logs] or None,
                "externalOutputPayloadStoragePath": self.external_output_payload_storage_path,
                "subWorkflowId": self.sub_workflow_id,
            }
        )

    def __repr__(self) -> str:
        return f"TaskResult(task_id={self.task_id!r}, status={self._status!s})"


class NonRetryableError(Exception):
    """Raised by a worker: the task failed, and would only do so again (FAILED_WITH_TERMINAL_ERROR)."""


def _without_none(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
