"""New tasks, and copies of those that are tried again."""

from __future__ import annotations

import msgspec

from fakes.conductor.definitions import TaskDef
from fakes.conductor.execution import Execution
from fakes.conductor.flow import SIMPLE, Step
from fakes.conductor.values import Json, Task, TaskStatus


def new_task(execution: Execution, step: Step, definition: TaskDef, filled: Json, delay_s: int) -> Task:
    """A task for a step of a workflow; it has no id, and belongs to nobody yet."""
    task = step.task
    return Task(
        task_type=task.name if task.type == SIMPLE else task.type,
        status=TaskStatus.SCHEDULED,
        input_data=filled,
        reference_task_name=task.task_reference_name,
        retry_count=0,
        seq=0,
        correlation_id=execution.correlation_id,
        poll_count=0,
        task_def_name=task.name,
        scheduled_time=0,
        start_time=0,
        end_time=0,
        update_time=0,
        start_delay_in_seconds=delay_s,
        retried=False,
        executed=False,
        callback_from_worker=True,
        response_timeout_seconds=definition.response_timeout_seconds,
        workflow_instance_id=execution.workflow_id,
        workflow_type=execution.flow.definition.name,
        task_id="",
        callback_after_seconds=delay_s,
        output_data={},
        workflow_task=step.shown(definition),
        rate_limit_per_frequency=definition.rate_limit_per_frequency,
        rate_limit_frequency_in_seconds=definition.rate_limit_frequency_in_seconds,
        workflow_priority=execution.priority,
        iteration=0,
        subworkflow_changed=False,
        loop_over_task=False,
        queue_wait_time=0,
    )


def retry_of(task: Task, delay_s: int) -> Task:
    """The task that a task is followed by when it is tried again; it has no id yet."""
    return msgspec.structs.replace(
        task,
        status=TaskStatus.SCHEDULED,
        start_delay_in_seconds=delay_s,
        callback_after_seconds=delay_s,
        retry_count=task.retry_count + 1,
        retried_task_id=task.task_id,
        retried=False,
        executed=False,
        poll_count=0,
        start_time=0,
        end_time=0,
        queue_wait_time=0,
        output_data={},
        reason_for_incompletion=None,
        worker_id=None,
        sub_workflow_id=None,
    )
