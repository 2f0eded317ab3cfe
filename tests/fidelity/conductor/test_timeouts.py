"""Facts about time-outs, each with its source in the server, conductor-oss/conductor.

[DECIDER] core/.../core/execution/DeciderService.java
[OPS] core/.../core/execution/WorkflowExecutorOps.java
[DEF] common/.../common/metadata/tasks/TaskDef.java
"""

from __future__ import annotations

import pytest

from fakes.conductor.definitions import TaskDef
from fakes.conductor.values import Task, TaskResult, TaskStatus
from tests.fakes.conductor.worlds import World, step


def extend(world: World, task: Task) -> None:
    assert world.service.update_task(TaskResult(task_id=task.task_id, extend_lease=True)) is None


def test_a_silent_worker_loses_its_task(world: World) -> None:
    """[DECIDER] isResponseTimedOut, timeoutTask."""
    world.service.define_task("a", response_timeout_seconds=30, retry_delay_seconds=5)
    world.service.start_task("a")
    lost = world.take()
    world.clock.advance(29.9)
    assert world.service.task(lost.task_id) is lost
    assert world.tries(lost) == [TaskStatus.IN_PROGRESS]
    world.clock.advance(0.1)
    assert not world.can_take()
    assert world.tries(lost) == [TaskStatus.TIMED_OUT, TaskStatus.SCHEDULED]
    assert lost.reason_for_incompletion == (
        f"responseTimeout: 30 exceeded for the taskId: {lost.task_id} with Task Definition: a"
    )
    world.clock.advance(5.0)
    assert world.take().retried_task_id == lost.task_id


def test_what_was_due_long_ago_is_done_as_of_then(world: World) -> None:
    """Not the server's, which looks every 30 s: here each time-out counts from when it was due."""
    world.service.define_task("a", response_timeout_seconds=30, retry_delay_seconds=5)
    world.service.start_task("a")
    lost = world.take()
    world.clock.advance(3600.0)
    again = world.take()
    assert lost.end_time == lost.start_time + 30_000
    assert again.scheduled_time == lost.end_time


def test_a_task_that_is_lost_too_often_ends_its_workflow(world: World) -> None:
    """[DECIDER] retry: the status of the workflow is TIMED_OUT."""
    world.service.define_task("a", response_timeout_seconds=1, retry_delay_seconds=0, retry_count=1)
    world.service.start_task("a")
    world.take()
    world.clock.advance(1.0)
    task = world.take()
    world.clock.advance(1.0)
    assert world.status_of(task) == "TIMED_OUT"
    assert world.tries(task) == [TaskStatus.TIMED_OUT] * 2


def test_an_extended_lease_counts_from_then(world: World) -> None:
    """[OPS] extendLease: it moves updateTime and nothing else."""
    world.service.define_task("a", response_timeout_seconds=10)
    world.service.start_task("a")
    task = world.take()
    for _ in range(5):
        world.clock.advance(9.9)
        extend(world, task)
    assert (task.status, task.poll_count) == (TaskStatus.IN_PROGRESS, 1)
    assert task.update_time == task.start_time + 49_500
    world.clock.advance(10.0)
    world.can_take()
    assert task.status is TaskStatus.TIMED_OUT


def test_to_extend_the_lease_of_an_ended_task_does_nothing(world: World) -> None:
    """[OPS] extendLease: unless the status is terminal."""
    world.service.start_task("a")
    task = world.take()
    world.say(task)
    at = task.update_time
    world.clock.advance(1.0)
    extend(world, task)
    assert (task.status, task.update_time) == (TaskStatus.COMPLETED, at)


def test_nobody_need_answer_while_a_task_waits_for_its_callback(world: World) -> None:
    """[DECIDER] isResponseTimedOut: only of tasks IN_PROGRESS."""
    world.service.define_task("a", response_timeout_seconds=10)
    world.service.start_task("a")
    task = world.take()
    world.say(task, "IN_PROGRESS", callback_after_seconds=1000)
    world.clock.advance(500.0)
    assert world.tries(task) == [TaskStatus.SCHEDULED]
    world.clock.advance(500.0)
    assert world.take() is task
    world.clock.advance(10.0)
    assert world.tries(task)[0] is TaskStatus.TIMED_OUT


@pytest.mark.parametrize(
    ("policy", "task_status", "workflow_status"),
    [
        ("RETRY", TaskStatus.TIMED_OUT, "RUNNING"),
        ("TIME_OUT_WF", TaskStatus.TIMED_OUT, "TIMED_OUT"),
        ("ALERT_ONLY", TaskStatus.IN_PROGRESS, "RUNNING"),
    ],
)
def test_a_task_that_takes_too_long_in_all(
    world: World, policy: str, task_status: TaskStatus, workflow_status: str
) -> None:
    """[DECIDER] checkTaskTimeout, timeoutTaskWithTimeoutPolicy. Extending its lease does not help."""
    world.service.define_task("a", timeout_seconds=10, response_timeout_seconds=6, timeout_policy=policy)
    world.service.start_task("a")
    task = world.take()
    world.clock.advance(5.0)
    extend(world, task)
    world.clock.advance(5.0)
    assert (world.status_of(task), task.status) == (workflow_status, task_status)


def test_the_delay_of_a_retry_is_no_part_of_its_time(world: World) -> None:
    """[DECIDER] checkTaskTimeout: startDelayInSeconds is added, although the first poll came after it."""
    world.service.define_task("a", timeout_seconds=10, response_timeout_seconds=9, retry_delay_seconds=3)
    world.service.start_task("a")
    world.say(world.take(), "FAILED")
    world.clock.advance(3.0)
    task = world.take()
    world.clock.advance(8.0)
    extend(world, task)
    world.clock.advance(4.9)
    assert world.status_of(task) == "RUNNING"
    world.clock.advance(0.1)
    assert world.status_of(task) == "TIMED_OUT"


def test_a_task_takes_too_long_although_it_waits_in_its_queue(world: World) -> None:
    """[DECIDER] checkTaskTimeout: of any task that was started and has not ended."""
    world.service.define_task("a", timeout_seconds=10, response_timeout_seconds=9)
    world.service.start_task("a")
    task = world.take()
    world.say(task, "IN_PROGRESS", callback_after_seconds=5)
    world.clock.advance(5.0)
    assert world.can_take()
    world.clock.advance(5.0)
    assert (world.status_of(task), world.can_take()) == ("TIMED_OUT", False)


def test_a_task_that_was_polled_has_waited_long_enough(world: World) -> None:
    """[DECIDER] checkTaskPollTimeout: only of tasks SCHEDULED."""
    world.service.define_task("a", poll_timeout_seconds=10)
    world.service.start_task("a")
    task = world.take()
    world.clock.advance(60.0)
    assert (world.status_of(task), task.status) == ("RUNNING", TaskStatus.IN_PROGRESS)


@pytest.mark.parametrize(("policy", "status"), [("RETRY", "RUNNING"), ("TIME_OUT_WF", "TIMED_OUT")])
def test_a_task_that_nobody_polls(world: World, policy: str, status: str) -> None:
    """[DECIDER] checkTaskPollTimeout."""
    world.service.define_task("a", poll_timeout_seconds=10, timeout_policy=policy)
    task = world.service.start_task("a")
    world.clock.advance(9.9)
    assert world.can_take()
    world.clock.advance(0.1)
    assert not world.can_take()
    assert (task.status, world.status_of(task)) == (TaskStatus.TIMED_OUT, status)


def test_a_step_may_bring_a_definition_that_lets_workers_be_silent_for_ever(world: World) -> None:
    """[DECIDER] isResponseTimedOut: unless responseTimeoutSeconds is 0."""
    world.start(step("a", task_definition=TaskDef("a", response_timeout_seconds=0)))
    task = world.take()
    world.clock.advance(1e9)
    world.can_take()
    assert task.status is TaskStatus.IN_PROGRESS
