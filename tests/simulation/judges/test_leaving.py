"""Workers that end by themselves: after a number of tasks, or because the queue is empty."""

from __future__ import annotations

import pytest
from msgspec import structs

from fakes.history import FactKind
from simulation.plan import RunPlan, WorkerPlan
from tests.simulation.judges.story import (
    EXITED,
    PLAN,
    RAISED,
    SETTINGS,
    TASK,
    A,
    B,
    Story,
    completed,
    exited,
    raised,
)

NONE: set[str] = set()


def numbered(tasks_max: int) -> Story:
    return Story(PLAN, structs.replace(SETTINGS, max_num_tasks=tasks_max)).worker()


def patient(idle_s: float) -> Story:
    return Story(PLAN, structs.replace(SETTINGS, idle_exit_s=idle_s)).worker()


def keeping() -> Story:
    retry = structs.replace(SETTINGS.retry, keep_failed=True)
    plan = RunPlan(worker=WorkerPlan(max_attempts=3, keep_failed=True))
    return Story(plan, structs.replace(SETTINGS, retry=retry)).worker().send()


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
    assert numbered(2).send().hold().look(tasks_max=1).look(tasks_max=2, after_s=2.0).broken == {"S13", "S18"}


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


def test_what_waits_to_be_tried_again_is_not_nothing() -> None:
    plan = RunPlan(worker=WorkerPlan(retry_delay_s=20.0))
    backoff = structs.replace(SETTINGS.retry.backoff, base_s=20.0, cap_s=20.0)
    retry = structs.replace(SETTINGS.retry, backoff=backoff)
    story = Story(plan, structs.replace(SETTINGS, idle_exit_s=5.0, retry=retry)).worker().send().hold()
    story.wait(1.0).finish(end=EXITED).record(exited()).nack(delay_s=20.0).look(after_s=10.0)
    assert story.exit(reason="idle").broken == {"L3"}


def test_a_worker_that_is_idle_has_to_end() -> None:
    story = patient(30.0)
    for _ in range(20):
        story.look(after_s=20.0)
    assert story.hear().exit().end() == {"L3"}


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


# --- Failures that are kept


def test_a_failure_is_kept_where_it_is_to_be() -> None:
    story = keeping().hold().wait(1.0).finish(end=RAISED).record(raised()).bury()
    assert story.end() == NONE


def test_a_success_is_not() -> None:
    assert "S9" in keeping().hold().wait(1.0).finish().record(completed()).bury().end()


def test_what_is_tried_again_is_not() -> None:
    assert "S9" in keeping().hold().wait(1.0).finish(end=EXITED).record(exited()).bury().end()


def test_a_failure_that_is_to_be_kept_is_not_settled() -> None:
    story = keeping().hold().wait(1.0).finish(end=RAISED).record(raised()).settle_as("exception")
    assert "S9" in story.end()


# --- A worker that has given up


def test_a_settlement_is_tried_again_for_as_long_as_its_worker_stays() -> None:
    story = Story().worker().send().hold().wait(1.0).finish().record(completed()).hear(within_s=10.0)
    pauses = (0.5, 1.0, 2.0, 4.0, 2.0)
    for pause_s in pauses:
        story.ack_lost().wait(pause_s)
    assert story.wait(30.0 - 1.0 - sum(pauses)).expire().broken == NONE


def test_a_settlement_is_not_tried_again_by_a_worker_that_is_stopped() -> None:
    story = Story().worker().send().hold().wait(14.0).finish().record(completed()).ack_lost()
    assert story.halt().wait(1.4).go_on().wait(14.6).expire().broken == NONE
