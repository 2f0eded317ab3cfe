"""Definitions of tasks and of workflows."""

from __future__ import annotations

import enum

import msgspec
from msgspec import Struct

from fakes.conductor.errors import ConductorError, Violation, not_found, violated
from fakes.conductor.values import Json


class RetryLogic(enum.Enum):
    """How the wait before a retry grows."""

    FIXED = "FIXED"
    LINEAR_BACKOFF = "LINEAR_BACKOFF"
    EXPONENTIAL_BACKOFF = "EXPONENTIAL_BACKOFF"


class TimeoutPolicy(enum.Enum):
    """What happens to a task that takes too long."""

    RETRY = "RETRY"
    TIME_OUT_WF = "TIME_OUT_WF"
    ALERT_ONLY = "ALERT_ONLY"


class TaskDef(Struct, rename="camel"):
    """How tasks of a type are handled.

    Attributes:
        name: The type.
        retry_count: How often a task that failed is tried again.
        retry_logic: How the wait before that grows.
        retry_delay_seconds: The wait, or what it grows from.
        backoff_scale_factor: By what it grows; for LINEAR_BACKOFF alone.
        response_timeout_seconds: How long a worker may be silent; 0: for ever.
        timeout_seconds: How long a task may take from its first poll; 0: for ever.
        poll_timeout_seconds: How long it may wait to be polled; None: for ever.
        timeout_policy: What happens after the two above.
        concurrent_exec_limit: How many may be in progress at a time; None: any number.
        input_template: Input that the workflow does not give.
        rate_limit_per_frequency: Kept, and not looked at.
        rate_limit_frequency_in_seconds: Likewise.
        description: Likewise.
        owner_email: Likewise.
        input_keys: Likewise.
        output_keys: Likewise.
    """

    name: str
    retry_count: int = 3
    retry_logic: RetryLogic = RetryLogic.FIXED
    retry_delay_seconds: int = 60
    backoff_scale_factor: int = 1
    response_timeout_seconds: int = 3600
    timeout_seconds: int = 0
    poll_timeout_seconds: int | None = None
    timeout_policy: TimeoutPolicy = TimeoutPolicy.TIME_OUT_WF
    concurrent_exec_limit: int | None = None
    input_template: Json = {}
    rate_limit_per_frequency: int = 0
    rate_limit_frequency_in_seconds: int = 1
    description: str | None = None
    owner_email: str | None = None
    input_keys: list[str] = []
    output_keys: list[str] = []

    def retry_delay_s(self, retries: int) -> int:
        """How long to wait before a retry, when there have been so many already."""
        if self.retry_logic is RetryLogic.LINEAR_BACKOFF:
            return self.retry_delay_seconds * self.backoff_scale_factor * (retries + 1)
        if self.retry_logic is RetryLogic.EXPONENTIAL_BACKOFF:
            return self.retry_delay_seconds * (1 << retries)
        return self.retry_delay_seconds


class WorkflowTask(Struct, rename="camel"):
    """A step of a workflow.

    Attributes:
        name: The type of task.
        task_reference_name: What it is called in the workflow.
        type: SIMPLE, FORK_JOIN or JOIN.
        input_parameters: Its input; `${...}` stands for what is there when it starts.
        optional: Whether the workflow can do without.
        start_delay: How long to wait before it, in s.
        retry_count: In place of the definition's; None: that one's.
        fork_tasks: The branches of a FORK_JOIN.
        join_on: What a JOIN waits for.
        task_definition: The definition, where the workflow brings its own.
    """

    name: str
    task_reference_name: str
    type: str = "SIMPLE"
    input_parameters: Json = {}
    optional: bool = False
    start_delay: int = 0
    retry_count: int | None = None
    fork_tasks: list[list[WorkflowTask]] = []
    join_on: list[str] = []
    task_definition: TaskDef | None = None


class WorkflowDef(Struct, rename="camel"):
    """A workflow.

    Attributes:
        name: What it is called.
        version: Which of several of that name.
        tasks: Its steps, one after the other.
        output_parameters: Its output; {}: that of its last task.
        input_template: Input that whoever starts it does not give.
        schema_version: Kept, and not looked at.
        description: Likewise.
        owner_email: Likewise.
        timeout_seconds: Likewise.
        timeout_policy: Likewise.
        restartable: Likewise.
    """

    name: str
    version: int = 1
    tasks: list[WorkflowTask] = []
    output_parameters: Json = {}
    input_template: Json = {}
    schema_version: int = 2
    description: str | None = None
    owner_email: str | None = None
    timeout_seconds: int = 0
    timeout_policy: str | None = None
    restartable: bool = True


def plain(definition: TaskDef | WorkflowTask | WorkflowDef) -> Json:
    """A definition as Conductor shows it: defaults included, nulls left out."""
    return _without_nulls(msgspec.to_builtins(definition))


def _without_nulls(found: Json) -> Json:
    return {name: _shown(value) for name, value in found.items() if value is not None}


def _shown(value: object) -> object:
    if isinstance(value, dict):
        return _without_nulls(value)
    return [_shown(each) for each in value] if isinstance(value, list) else value


def check_task_def(definition: TaskDef) -> None:
    """Refuse what Conductor refuses.

    Raises:
        ConductorError: It breaks a rule.
    """
    broken = [
        Violation(path, f"TaskDef {path}: {rule}", str(value))
        for ok, path, rule, value in (
            (bool(definition.name), "name", "cannot be null or empty", definition.name),
            (definition.retry_count >= 0, "retryCount", "must be >= 0", definition.retry_count),
            (
                definition.response_timeout_seconds >= 1,
                "responseTimeoutSeconds",
                "should be minimum 1 second",
                definition.response_timeout_seconds,
            ),
            (
                not 0 < definition.timeout_seconds < definition.response_timeout_seconds,
                "responseTimeoutSeconds",
                f"must be less than timeoutSeconds: {definition.timeout_seconds}",
                definition.response_timeout_seconds,
            ),
        )
        if not ok
    ]
    if broken:
        raise violated(*broken)


def no_task_def(name: str) -> ConductorError:
    """There is no such definition."""
    return not_found(f"No such taskType found by name: {name}")


def no_workflow_def(name: str, version: int | None) -> ConductorError:
    """There is no such definition."""
    return not_found(f"No such workflow found by name: {name}, version: {version}")
