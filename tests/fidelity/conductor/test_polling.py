"""Facts about polls, each with its source in the server, conductor-oss/conductor.

[EXEC] core/.../service/ExecutionService.java
[OPS] core/.../core/execution/WorkflowExecutorOps.java
[TASKS] rest/.../rest/controllers/TaskResource.java
[PROPS] core/.../core/config/ConductorProperties.java
"""

from __future__ import annotations

import asyncio

import pytest

from fakes.clock import settle
from fakes.conductor import ConductorError
from fakes.conductor.values import PollData, TaskStatus
from tests.fakes.conductor.worlds import World


def test_a_poll_takes_the_oldest_task_and_says_who_has_it(world: World) -> None:
    """[EXEC] poll: status, worker, count, and the time of the first poll."""
    first, second = world.service.start_tasks("a", [{"i": 1}, {"i": 2}])
    world.clock.advance(2.5)
    task = world.take(worker="me")
    assert (task.task_id, task.input_data, task.status) == (first.task_id, {"i": 1}, TaskStatus.IN_PROGRESS)
    assert (task.worker_id, task.poll_count, task.retry_count) == ("me", 1, 0)
    assert task.start_time == task.update_time == task.scheduled_time + 2500
    assert task.queue_wait_time == 2500
    assert world.take().task_id == second.task_id
    assert not world.can_take()


def test_a_batch_is_no_larger_than_asked_for_and_no_larger_than_there_is(world: World) -> None:
    """[EXEC] poll: it pops at most `count`."""
    world.service.start_tasks("a", [{}] * 5)
    assert [len(world.service.polling.take("a", count=3)) for _ in range(3)] == [3, 2, 0]


def test_types_and_domains_have_queues_of_their_own(world: World) -> None:
    """[EXEC] poll: the queue is that of the type and the domain."""
    world.service.start_task("a", {"where": "none"})
    world.service.start_task("a", {"where": "d"}, domain="d")
    world.service.start_task("b")
    assert world.take("a", domain="d").input_data == {"where": "d"}
    assert world.take("a").input_data == {"where": "none"}
    assert not world.can_take("a", domain="e")
    assert world.take("b").domain is None


async def test_a_poll_waits_until_a_task_comes(world: World) -> None:
    """[EXEC] poll: the time-out is handed to the queue."""
    polls = [
        asyncio.create_task(world.service.batch_poll("a", "w", count=5, timeout_ms=5000)) for _ in range(2)
    ]
    await world.clock.run_for(1.0)
    task = world.service.start_task("a")
    await settle()
    assert [poll.done() for poll in polls] == [True, False]
    assert [each.task_id for each in polls[0].result()] == [task.task_id]
    await world.clock.run_for(3.9)
    assert not polls[1].done()
    await world.clock.run_for(0.1)
    assert polls[1].result() == []


async def test_a_poll_waits_for_a_task_whose_delay_ends(world: World) -> None:
    """[EXEC] As above. The delay is that of a retry, which was scheduled while the poll waited already."""
    world.service.define_task("a", retry_delay_seconds=2, response_timeout_seconds=1)
    world.service.start_task("a")
    lost = world.take()
    poll = asyncio.create_task(world.service.batch_poll("a", "w", timeout_ms=5000))
    await world.clock.run_for(2.9)
    assert not poll.done()
    await world.clock.run_for(0.1)
    (task,) = poll.result()
    assert task.retried_task_id == lost.task_id


async def test_a_poll_waits_for_a_task_that_is_put_back_in_the_meantime(world: World) -> None:
    """[EXEC] As above."""
    world.service.start_task("a")
    task = world.take()
    poll = asyncio.create_task(world.service.batch_poll("a", "w", timeout_ms=5000))
    await settle()
    world.say(task, "IN_PROGRESS", callback_after_seconds=2)
    await world.clock.run_for(2.0)
    assert poll.result() == [task]


async def test_a_single_poll_waits_a_moment(world: World) -> None:
    """[EXEC] getLastPollTask: POLLING_TIMEOUT_IN_MS is 100."""
    poll = asyncio.create_task(world.service.poll("a", "w"))
    await world.clock.run_for(0.05)
    assert not poll.done()
    await world.clock.run_for(0.05)
    assert poll.result() is None


async def test_a_poll_that_is_given_up_takes_no_task(world: World) -> None:
    """[EXEC] What was not popped stays."""
    poll = asyncio.create_task(world.service.batch_poll("a", "w", timeout_ms=5000))
    await settle()
    poll.cancel()
    await settle()
    world.service.start_task("a")
    assert world.can_take()


async def test_a_poll_may_not_wait_longer_than_five_seconds(world: World) -> None:
    """[EXEC] poll: MAX_POLL_TIMEOUT_MS is 5000."""
    with pytest.raises(ConductorError, match="cannot be more than 5 seconds") as caught:
        await world.service.batch_poll("a", "w", timeout_ms=5001)
    assert caught.value.status == 400


async def test_whoever_waits_is_sent_home_at_the_end(world: World) -> None:
    """Not the server's: the stand-in must be able to end."""
    poll = asyncio.create_task(world.service.batch_poll("a", "w", timeout_ms=5000))
    await settle()
    world.service.close()
    await settle()
    assert poll.result() == []


def test_no_more_tasks_are_in_progress_than_the_definition_allows(world: World) -> None:
    """[EXEC] poll: exceedsInProgressLimit; [PROPS] taskExecutionPostponeDuration is 60 s."""
    world.service.define_task("a", concurrent_exec_limit=1)
    world.service.start_tasks("a", [{}] * 2)
    first = world.take()
    assert world.service.polling.take("a") == []
    world.say(first)
    assert not world.can_take(), "it was put back for a minute"
    world.clock.advance(60.0)
    world.take()


def test_sizes_count_what_cannot_be_polled_yet(world: World) -> None:
    """[OPS] updateTask: a task that is called back stays in its queue, postponed."""
    world.service.start_tasks("a", [{}] * 3)
    world.service.start_task("a", domain="d")
    task = world.take()
    assert world.service.queue_size("a") == 2
    world.say(task, "IN_PROGRESS", callback_after_seconds=60)
    assert world.service.queue_size("a") == 3
    assert world.service.queue_sizes() == {"a": 3, "d:a": 1}
    assert world.service.queue_size("none") == 0


def test_the_last_poll_of_each_domain_is_known(world: World) -> None:
    """[EXEC] poll: updateTaskLastPoll, also when there was nothing."""
    world.service.polling.take("a", "w1")
    world.clock.advance(1.0)
    world.service.polling.take("a", "w2", "d")
    world.service.polling.take("b", "w3")
    at = 1_767_225_600_000
    assert world.service.poll_data("a") == [
        PollData("a", None, "w1", at),
        PollData("a", "d", "w2", at + 1000),
    ]
    assert [each.queue_name for each in world.service.poll_data()] == ["a", "a", "b"]
