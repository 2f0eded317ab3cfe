"""Workers that end by themselves: after a number of tasks, or because the queue is empty."""

from __future__ import annotations

import pytest
from msgspec import structs

from fakes.history import FactKind
from simulation.faults import FaultClass
from simulation.plan import RunPlan, WorkerPlan
from tests.simulation.judges.story import (
    EXITED,
    PLAN,
    SETTINGS,
    TASK,
    A,
    B,
    Story,
    dead,
    exited,
)

NONE: set[str] = set()


def numbered(tasks_max: int) -> Story:
    return Story(PLAN, structs.replace(SETTINGS, max_num_tasks=tasks_max)).worker()


def patient(idle_s: float) -> Story:
    return Story(PLAN, structs.replace(SETTINGS, idle_exit_s=idle_s)).worker()


# --- A number of tasks


def test_a_worker_ends_after_its_number() -> None:
    story = numbered(2).send().send("task-2").hold().complete()
    assert story.hold("task-2").complete("task-2").exit(reason="max_num_tasks").end() == NONE


def test_a_start_that_is_tried_again_is_the_same_task() -> None:
    story = numbered(1).send().deliver().request().not_started().wait(0.2).run().complete()
    assert story.exit(reason="max_num_tasks").end() == NONE


def test_a_worker_may_not_end_before_its_number_was_there() -> None:
    assert numbered(2).send().hold().complete().exit(reason="max_num_tasks").end() == {"L3"}


def test_a_worker_without_a_number_may_not_end_for_it() -> None:
    assert Story().worker().send().hold().complete().exit(reason="max_num_tasks").end() == {"L3"}


def test_a_worker_may_not_ask_for_more_than_its_number() -> None:
    story = numbered(2).send().hold().look(tasks_max=1, after_s=20.0)
    assert story.broken == NONE
    assert story.look(tasks_max=2).broken == {"S13"}


def test_what_is_put_with_the_dead_letters_unrun_is_none_of_its_number() -> None:
    story = numbered(1).send()
    story.malformed.add("1")
    story.deliver().record(dead(attempt=1, reason="no task")).bury()
    assert story.exit(reason="max_num_tasks").end() == {"L3"}


def test_a_worker_that_has_had_its_number_has_to_end() -> None:
    assert numbered(1).send().hold().complete().wait(300.0).hear().exit().end() == {"L3"}


def test_a_worker_with_its_number_may_wait_for_what_is_under_way() -> None:
    story = numbered(1).send().hold()
    for _ in range(20):
        story.wait(15.0).extend()
    assert "L3" not in story.hear().broken


def test_a_worker_may_not_start_more_than_its_number() -> None:
    story = numbered(1).send().send("task-2").issue("receive", "", tasks_max=1)
    story.fact(FactKind.DELIVERED, TASK, A).fact(FactKind.DELIVERED, "task-2", A)
    story.answer("receive", "", leases=(story.lease(), story.lease("task-2")))
    assert story.run().run("task-2").broken == {"S13"}


# --- An empty queue


def test_a_worker_ends_when_it_has_been_idle_for_so_long() -> None:
    story = patient(30.0).send().hold().complete().look(after_s=20.0).look(after_s=10.0)
    assert story.exit(reason="idle").end() == NONE


def test_a_worker_may_end_at_once_when_it_is_told_to() -> None:
    assert patient(0.0).look(after_s=1.0).exit(reason="idle").end() == NONE


def test_a_worker_may_not_end_before_it_has_asked() -> None:
    assert patient(0.0).wait(60.0).exit(reason="idle").end() == {"L3"}


def test_a_worker_may_not_end_too_soon() -> None:
    assert patient(30.0).look(after_s=20.0).wait(9.0).exit(reason="idle").end() == {"L3"}


def test_the_end_of_a_task_is_where_idleness_begins() -> None:
    story = patient(30.0).look(after_s=20.0).send().hold().complete().look(after_s=20.0)
    assert story.exit(reason="idle").end() == {"L3"}


def test_a_receive_that_fails_says_nothing_of_the_queue() -> None:
    story = patient(30.0).look(after_s=29.0).issue("receive", "", tasks_max=1)
    assert story.wait(2.0).answer("receive", "", error="QueueUnavailableError").exit(reason="idle").end() == {
        "L3"
    }


@pytest.mark.parametrize(("after_s", "broken"), [(0.0, {"L3"}), (14.9, {"L3"}), (15.0, NONE)])
def test_what_waits_to_be_tried_again_is_not_nothing(after_s: float, broken: set[str]) -> None:
    plan = RunPlan(worker=WorkerPlan(retry_delay_s=20.0))
    backoff = structs.replace(SETTINGS.retry.backoff, base_s=20.0, cap_s=20.0)
    retry = structs.replace(SETTINGS.retry, backoff=backoff)
    story = Story(plan, structs.replace(SETTINGS, idle_exit_s=5.0, retry=retry)).worker().send().hold()
    story.wait(1.0).finish(end=EXITED).record(exited()).nack(delay_s=20.0).look(after_s=10.0)
    if after_s:
        story.look(after_s=after_s)
    assert story.exit(reason="idle").broken == broken


def test_a_worker_that_is_idle_has_to_end() -> None:
    story = patient(30.0)
    for _ in range(20):
        story.look(after_s=20.0)
    assert story.hear().exit().end() == {"L3"}


def test_a_worker_is_not_idle_before_it_is_told_that_a_lease_is_lost() -> None:
    """Its run was over, and its event could not be stored: an attempt is under way until it is forgotten."""
    story = patient(30.0).send().hold().wait(1.0).finish()
    for _ in range(20):
        story.look(after_s=10.0).fail_store().extend()
    story.expire(reason="duplicate").deliver(worker=B).issue("extend", worker=A, receipt="1#1", seconds=30.0)
    story.answer("extend", worker=A, error="LeaseLostError")
    assert "L3" not in story.wait(5.0).hear().broken


def test_a_worker_that_was_stopped_may_be_idle_for_longer() -> None:
    story = patient(30.0).look(after_s=20.0).halt().wait(600.0).go_on()
    assert story.hear().exit().end() == NONE


def test_a_clock_that_is_fast_makes_a_worker_leave_early() -> None:
    settings = structs.replace(SETTINGS, idle_exit_s=3_600.0)
    for odds, broken in (({}, {"L3"}), ({FaultClass.CLOCK_DRIFT: 1.0}, NONE)):
        story = Story(structs.replace(PLAN, odds=odds), settings).worker().look(after_s=3_598.3)
        assert story.exit(reason="idle").broken == broken


def test_a_worker_that_is_told_nothing_of_the_kind_waits_for_ever() -> None:
    story = Story().worker()
    for _ in range(20):
        story.look(after_s=20.0)
    assert story.hear().exit().end() == NONE


@pytest.mark.parametrize("reason", ["shutdown", "spot_termination", "exhausted", "idle"])
def test_a_worker_that_nobody_asked_may_not_end(reason: str) -> None:
    assert Story().worker().look(after_s=20.0).exit(reason=reason).end() == {"L3"}


def test_of_two_workers_each_has_its_own_time() -> None:
    story = patient(5.0).worker(B).look(A, after_s=5.0)
    assert story.exit(A, reason="idle").broken == NONE
    assert story.look(B, after_s=1.0).exit(B, reason="idle").broken == {"L3"}
