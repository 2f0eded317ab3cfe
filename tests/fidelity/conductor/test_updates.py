"""Facts about results, each with its source in the server, conductor-oss/conductor.

[OPS] core/.../core/execution/WorkflowExecutorOps.java
[DECIDER] core/.../core/execution/DeciderService.java
[TASKS] rest/.../rest/controllers/TaskResource.java
[DEF] common/.../common/metadata/tasks/TaskDef.java
[ERRORS] rest/.../rest/controllers/ApplicationExceptionMapper.java, ValidationExceptionMapper.java
"""

from __future__ import annotations

import asyncio

import pytest

from fakes.conductor import ConductorError
from fakes.conductor.values import TaskLog, TaskResult, TaskStatus
from tests.fakes.conductor.worlds import World, result_of


def test_a_completed_task_completes_its_workflow(world: World) -> None:
    """[OPS] updateTask; [DECIDER] updateWorkflowOutput: that of the last task."""
    world.service.start_task("a")
    task = world.take()
    world.clock.advance(3.0)
    world.say(task, output_data={"x": 1})
    assert (task.status, task.output_data, task.worker_id) == (TaskStatus.COMPLETED, {"x": 1}, "w")
    assert task.end_time == task.update_time == task.start_time + 3000
    execution = world.service.workflow(task.workflow_instance_id)
    assert (execution.status, execution.output, execution.end_time) == ("COMPLETED", {"x": 1}, task.end_time)


def test_a_failed_task_is_tried_again_as_another_task(world: World) -> None:
    """[DECIDER] retry: a copy with an id of its own."""
    world.service.define_task("a", retry_count=1, retry_delay_seconds=5)
    world.service.start_task("a", {"i": 1})
    first = world.take()
    world.say(first, "FAILED", reason_for_incompletion="no luck")
    assert (first.status, first.retried, first.reason_for_incompletion) == (
        TaskStatus.FAILED,
        True,
        "no luck",
    )
    world.clock.advance(4.9)
    assert not world.can_take()
    world.clock.advance(0.1)
    second = world.take()
    assert second.task_id != first.task_id
    assert (second.retried_task_id, second.retry_count, second.seq) == (first.task_id, 1, 2)
    assert (second.input_data, second.poll_count, second.reason_for_incompletion) == ({"i": 1}, 1, None)
    world.say(second)
    assert world.status_of(second) == "COMPLETED"


def test_a_task_that_fails_too_often_fails_its_workflow(world: World) -> None:
    """[DECIDER] retry: no more than the definition's retryCount."""
    world.service.define_task("a", retry_count=2, retry_delay_seconds=0)
    world.service.start_task("a")
    for _ in range(2):
        world.say(world.take(), "FAILED")
    task = world.take()
    world.say(task, "FAILED", reason_for_incompletion="why")
    execution = world.service.workflow(task.workflow_instance_id)
    assert (execution.status, execution.failed_reference_task_names) == ("FAILED", ["a"])
    assert execution.reason_for_incompletion == (
        f"Task {task.task_id} failed with status: FAILED and reason: 'why'"
    )
    assert world.service.queue_size("a") == 0


@pytest.mark.parametrize(
    ("logic", "delays_s"),
    [
        ("FIXED", [2, 2, 2]),
        ("LINEAR_BACKOFF", [6, 12, 18]),
        ("EXPONENTIAL_BACKOFF", [2, 4, 8]),
    ],
)
def test_the_wait_before_a_retry_grows_by_definition(world: World, logic: str, delays_s: list[int]) -> None:
    """[DECIDER] retry: startDelay by RetryLogic."""
    world.service.define_task("a", retry_delay_seconds=2, backoff_scale_factor=3, retry_logic=logic)
    world.service.start_task("a")
    for delay_s in delays_s:
        world.say(world.take(), "FAILED")
        world.clock.advance(delay_s - 0.1)
        assert not world.can_take()
        world.clock.advance(0.1)


def test_a_terminal_error_fails_the_workflow_at_once(world: World) -> None:
    """[DECIDER] retry: the status is not retriable."""
    world.service.define_task("a", retry_delay_seconds=0)
    world.service.start_task("a")
    task = world.take()
    world.say(task, "FAILED_WITH_TERMINAL_ERROR")
    assert (task.status, task.retried) == (TaskStatus.FAILED_WITH_TERMINAL_ERROR, False)
    assert world.status_of(task) == "FAILED"


def test_a_type_that_nobody_has_defined_is_not_tried_again(world: World) -> None:
    """[DECIDER] retry: without a definition the expected count is 0; [DEF] an hour to answer."""
    world.service.start_task("a")
    task = world.take()
    world.say(task, "FAILED")
    assert (world.status_of(task), task.response_timeout_seconds) == ("FAILED", 3600)


def test_a_task_in_progress_comes_back_after_a_while(world: World) -> None:
    """[OPS] updateTask: IN_PROGRESS makes it SCHEDULED, and postpones it in its queue."""
    world.service.start_task("a")
    task = world.take(worker="w1")
    started = task.start_time
    world.say(task, "IN_PROGRESS", callback_after_seconds=10, output_data={"half": True})
    assert (task.status, task.callback_after_seconds) == (TaskStatus.SCHEDULED, 10)
    world.clock.advance(9.9)
    assert not world.can_take()
    world.clock.advance(0.1)
    again = world.take(worker="w2")
    assert (again.task_id, again.poll_count, again.worker_id) == (task.task_id, 2, "w2")
    assert (again.start_time, again.callback_after_seconds) == (started, 0)
    assert (again.retry_count, again.output_data) == (0, {"half": True})


def test_a_task_in_progress_without_a_callback_comes_back_at_once(world: World) -> None:
    """[OPS] As above, by 0."""
    world.service.start_task("a")
    task = world.take()
    world.say(task, "IN_PROGRESS")
    assert world.take().task_id == task.task_id


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED", "IN_PROGRESS"])
def test_a_late_result_looks_accepted(world: World, status: str) -> None:
    """[OPS] updateTask: the task has already finished."""
    world.service.define_task("a", response_timeout_seconds=1, retry_delay_seconds=0)
    world.service.start_task("a")
    late = world.take()
    world.clock.advance(1.0)
    again = world.take()
    world.say(late, status, output_data={"late": True})
    assert (late.status, late.output_data) == (TaskStatus.TIMED_OUT, {})
    assert (again.status, world.status_of(again)) == (TaskStatus.IN_PROGRESS, "RUNNING")


def test_a_result_for_an_ended_workflow_looks_accepted(world: World) -> None:
    """[OPS] updateTask: the workflow has already finished."""
    world.service.start_task("a")
    task = world.take()
    world.service.terminate_workflow(task.workflow_instance_id, "enough")
    world.say(task)
    assert task.status is TaskStatus.CANCELED
    assert world.status_of(task) == "TERMINATED"


def test_a_task_can_be_completed_by_whoever_knows_its_id(world: World) -> None:
    """[OPS] updateTask: it need not have been polled; a person at a console does so."""
    task = world.service.start_task("a")
    world.say(task, "IN_PROGRESS", callback_after_seconds=60)
    world.say(task)
    assert (world.status_of(task), task.callback_after_seconds) == ("COMPLETED", 0)
    assert world.service.queue_size("a") == 0
    assert not world.can_take()


def test_what_is_unknown_or_missing_is_refused(world: World) -> None:
    """[OPS] NotFoundException; [ERRORS] constraints."""
    world.service.start_task("a")
    task = world.take()
    for wrong, status in (
        (TaskResult(task.workflow_instance_id, "nobody", None), 404),
        (TaskResult("nowhere", task.task_id, None), 404),
        (TaskResult(task_id="nobody", extend_lease=True), 404),
        (TaskResult(task.workflow_instance_id, task.task_id), 400),
        (TaskResult(), 400),
    ):
        with pytest.raises(ConductorError) as caught:
            world.service.update_task(wrong)
        assert caught.value.status == status
    with pytest.raises(ConductorError) as empty:
        world.service.update_task(TaskResult())
    assert [each.message for each in empty.value.violations] == [
        "Workflow Id cannot be null or empty",
        "Task ID cannot be null or empty",
    ]


def test_an_update_may_answer_with_the_next_task_of_the_same_queue(world: World) -> None:
    """[TASKS] updateTaskV2."""
    world.service.start_tasks("a", [{}] * 2, domain="d")
    world.service.start_task("a")
    first = world.take(domain="d")
    second = asyncio.run(world.service.update_task_v2(result_of(first)))
    assert second is not None
    assert (second.domain, second.worker_id, second.status) == ("d", "w", TaskStatus.IN_PROGRESS)


async def test_an_update_with_no_next_task_waits_a_moment(world: World) -> None:
    """[TASKS] updateTaskV2: it polls as anybody does."""
    world.service.start_task("a")
    update = asyncio.create_task(world.service.update_task_v2(result_of(world.take())))
    await world.clock.run_for(0.1)
    assert update.result() is None


def test_logs_come_with_results_and_alone(world: World) -> None:
    """[OPS] updateTask: the task's id is put into each line; [TASKS] log."""
    world.service.start_task("a")
    task = world.take()
    world.service.add_log(task.task_id, "one")
    world.clock.advance(1.0)
    world.say(task, logs=[TaskLog("two", "another", 5), TaskLog("three")])
    at = 1_767_225_600_000
    assert world.service.logs(task.task_id) == [
        TaskLog("one", task.task_id, at),
        TaskLog("two", task.task_id, 5),
        TaskLog("three", task.task_id, at + 1000),
    ]
    assert world.service.logs("nobody") == []
