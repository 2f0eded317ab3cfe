"""Histories that keep every promise, each with something that a careless judge would object to."""

from __future__ import annotations

from msgspec import structs

from cloud_tasks.core.events import WorkerStopped
from cloud_tasks.core.task import Outcome, OutcomeKind
from fakes.history import FactKind
from fakes.queue_options import QueueOptions
from simulation.happenings import CallIssued
from simulation.judges import INVARIANTS, excuses
from simulation.judges.records import Holding, Life, MessageRecord, RunRecord
from simulation.plan import BackendPlan
from tests.simulation.judges.story import (
    ASKED_AGAIN,
    EXITED,
    KILLED,
    LEASE_S,
    PLAN,
    RAISED,
    SETTINGS,
    TASK,
    A,
    B,
    Story,
    asked_again,
    completed,
    dead,
    exited,
    interrupted,
    keeping_failures,
    raised,
    timed_out,
)

NONE: set[str] = set()
STOPPED = WorkerStopped(worker_id=A, reason="shutdown", elapsed_time=1.0, counts={"completed": 1})


def held(worker: str = A) -> Story:
    return Story().worker(worker).send().hold(TASK, worker)


def test_a_task_is_run_recorded_and_acked() -> None:
    story = held().complete()
    assert story.end() == NONE
    looked_at = set(story.bench.checks)
    assert looked_at >= {"S1", "S2", "S3", "S4", "S5", "S6", "S7", "S11", "S12", "S13", "S17", "L1", "L2"}
    assert looked_at <= set(INVARIANTS)


def test_an_ack_whose_reply_is_lost_is_repeated_after_a_pause() -> None:
    story = held().wait(1).finish().record(completed()).ack_lost()
    assert story.wait(1).ack().end() == NONE


def test_a_failure_that_is_tried_again_and_then_put_aside() -> None:
    story = Story().worker().send()
    for attempt in (1, 2):
        story.hold(attempt=attempt).wait(1).finish(end=KILLED)
        story.record(exited(attempt=attempt, end=KILLED)).nack()
    story.hold(attempt=3).wait(1).finish(end=EXITED).record(exited(attempt=3, retry=False)).bury()
    assert story.end() == NONE


def test_a_failure_that_is_not_tried_again_is_acked() -> None:
    story = held().wait(1).finish(end=RAISED).record(raised())
    assert story.settle_as("exception").end() == NONE


def test_a_task_whose_attempts_were_used_up_by_crashes_is_put_aside() -> None:
    story = Story()
    for number in (1, 2, 3):
        name = f"worker-{number}"
        story.worker(name)
        if number == 1:
            story.send()
        story.hold(TASK, name, number).crash(name).finish(TASK, name, KILLED).wait(30).expire()
    story.worker("worker-4").deliver(TASK, "worker-4").record(dead(), "worker-4").bury(TASK, "worker-4")
    assert story.end() == NONE
    assert story.bench.excuses[excuses.DEAD] == 3


def test_what_others_have_handed_back_may_count_where_the_queue_counts_every_delivery() -> None:
    """A worker cannot know why a task came before; what it has handed back itself it remembers."""
    story = Story(structs.replace(PLAN, queue=QueueOptions(counts_interruptions=False)))
    for name in ("worker-1", "worker-2"):
        story.worker(name)
        if name == A:
            story.send()
        story.deliver(TASK, name).nack(TASK, name, reason="interrupted")
    story.deliver(TASK, B).nack(TASK, B, reason="interrupted")
    story.hold(TASK, B, 2).wait(1).finish(TASK, B, EXITED).record(exited(attempt=2), B).nack(TASK, B)
    story.hold(TASK, B, 3).wait(1).finish(TASK, B, EXITED).record(exited(attempt=3, retry=False), B)
    assert story.bury(TASK, B).end() == NONE


def test_a_task_that_asks_for_another_attempt_gets_it_until_none_is_left() -> None:
    story = Story().worker().send()
    for attempt in (1, 2):
        story.hold(attempt=attempt).wait(1).finish(end=ASKED_AGAIN)
        story.record(asked_again(attempt=attempt, retry=True)).nack()
    story.hold(attempt=3).wait(1).finish(end=ASKED_AGAIN).record(asked_again(attempt=3, retry=False)).bury()
    assert story.end() == NONE


def test_a_task_that_is_interrupted_too_often_is_put_aside() -> None:
    retry = structs.replace(SETTINGS.retry, interruptions_max=2)
    story = Story(PLAN, structs.replace(SETTINGS, retry=retry)).worker().send().deliver()
    story.nack(reason="interrupted").hold().wait(1).hear().term().finish(end=KILLED)
    story.record(dead(attempt=1, reason="interrupted 2 times, the last time by: shutdown")).bury()
    assert story.exit().end() == NONE


def test_an_interruption_gives_the_attempt_back() -> None:
    story = held().wait(1).hear().term().wait(1).finish(end=KILLED)
    story.record(interrupted()).nack(reason="interrupted").exit()
    story.worker(B).hold(TASK, B, 1).complete(TASK, B)
    assert story.end() == NONE
    assert story.bench.excuses[excuses.ENDING] == 1


def test_a_duplicate_by_the_broker_permits_two_runs_at_a_time() -> None:
    story = held().worker(B).wait(5).expire(reason="duplicate").hold(TASK, B, 2)
    story.wait(5).issue("extend", TASK, A, seconds=30.0, receipt="1#1")
    story.answer("extend", TASK, A, error="LeaseLostError").term(TASK, A).wait(1).finish(TASK, A, KILLED)
    story.record(interrupted(reason="lease_lost"), A).complete(TASK, B, 2)
    assert story.end() == NONE
    assert story.bench.excuses[excuses.DUPLICATE] == 1


def test_a_lease_that_is_lost_at_the_second_attempt_to_extend_it_is_let_go() -> None:
    story = held().wait(8).issue("extend", seconds=30.0).answer("extend", error="QueueUnavailableError")
    story.wait(1).issue("extend", seconds=30.0).wait(16).expire(reason="duplicate")
    story.answer("extend", error="LeaseLostError").term().finish(end=KILLED)
    assert story.record(interrupted(reason="lease_lost")).broken == NONE


def test_a_lease_is_let_go_while_its_run_is_being_stopped_for_another_reason() -> None:
    story = held().wait(14.9).extend().wait(14.9).extend().wait(5.2).extend()
    story.wait(22).issue("extend", seconds=30.0).wait(3).term().wait(1).kill().finish(end=KILLED)
    story.record(interrupted(reason="lease_lost")).fact(FactKind.EXTENDED, TASK, A)
    story.answer("extend", leases=(story.lease(),)).nack(reason="interrupted")
    assert story.broken == NONE
    assert story.bench.excuses[excuses.LET_GO] == 1


def test_what_is_left_of_a_run_whose_task_is_being_settled_is_no_lease_that_was_given_up() -> None:
    story = held().wait(1).issue("extend", seconds=30.0).answer("extend", error="QueueUnavailableError")
    story.over().record(completed()).ack_lost().wait(13).ack_lost().wait(14).hear().kill()
    assert story.broken == NONE


def test_a_run_that_was_slow_to_start_may_begin_after_a_duplicate_has_gone_elsewhere() -> None:
    story = Story().worker().send().deliver().request().worker(B).wait(5).expire(reason="duplicate")
    story.hold(TASK, B, 2).begin().complete(TASK, B, 2).finish(TASK, A).record(completed())
    assert story.ack_refused().end() == NONE


def test_a_run_that_takes_too_long_is_asked_to_end_and_then_killed() -> None:
    story = held()
    for _ in range(4):
        story.wait(14.9).extend()
    story.wait(0.4).term().wait(2).kill().finish(end=KILLED).record(timed_out())
    assert story.settle_as("timed_out").end() == NONE


def test_a_worker_need_not_know_of_a_run_that_began_while_it_was_stopped() -> None:
    story = slow_to_start().halt().wait(5).begin().wait(6).go_on().term().finish(end=KILLED)
    story.record(interrupted()).nack(reason="interrupted").hold(attempt=1).complete()
    assert story.end() == NONE
    assert story.bench.excuses[excuses.LATE_START] == 1


def test_a_worker_that_went_on_since_a_run_began_knows_of_it() -> None:
    story = slow_to_start().halt().wait(5).begin().wait(5).go_on().wait(1).term().finish(end=KILLED)
    story.record(interrupted()).nack(reason="interrupted").hold(attempt=1).complete()
    assert story.end() == {"S7", "S16"}


def slow_to_start() -> Story:
    """A run that has been asked for 290 s ago, of the 300 s that it may take to start."""
    story = Story().worker().send().deliver().request()
    for _ in range(29):
        story.wait(10).extend()
    return story


def test_a_worker_that_was_stopped_is_excused() -> None:
    story = held().wait(5).halt().wait(40).expire().worker(B).hold(TASK, B, 2).go_on()
    story.issue("extend", TASK, A, seconds=30.0, receipt="1#1")
    story.answer("extend", TASK, A, error="LeaseLostError").term(TASK, A).kill(TASK, A).finish(
        TASK, A, KILLED
    )
    story.complete(TASK, B, 2)
    assert story.end() == NONE
    assert story.bench.excuses[excuses.HALTED] == 1


def test_what_comes_when_nobody_waits_any_more_goes_back_untouched() -> None:
    story = Story().worker().send().hear().deliver(heard=False).nack(reason="interrupted").exit()
    story.worker(B).hold(TASK, B).complete(TASK, B)
    assert story.end() == NONE
    assert story.bench.excuses[excuses.UNWANTED] == 1


def test_events_may_be_stored_twice_where_the_first_answer_was_lost() -> None:
    event = completed()
    story = held().wait(1).finish().record(event).fail_store().wait(1).record(event).ack()
    assert story.end() == NONE


def test_a_new_receipt_from_an_extension_is_shown_from_then_on() -> None:
    assert held().wait(15).extend(renews=True).wait(15).complete_after(30).end() == NONE


def test_a_failed_receive_is_repeated_after_a_second() -> None:
    story = Story().worker().issue("receive", "", tasks_max=1)
    story.answer("receive", "", error="QueueUnavailableError").wait(1.0)
    assert story.issue("receive", "", tasks_max=1).end() == NONE


def test_the_judges_hear_of_calls_about_nothing() -> None:
    story = Story()
    story.history.tell(CallIssued(at=0.0, worker="nobody", operation="receive", number=1))
    assert story.end() == NONE


def test_the_table_names_every_judge_and_no_other() -> None:
    named = {judge for row in INVARIANTS.values() for judge in row.judges}
    of_others = {"FollowingJudge", "LoadingJudge", "ResultsJudge"}
    assert named - of_others == {type(judge).__name__ for judge in Story().judges} - {"Books"}
    assert [*INVARIANTS] == [*(f"S{number}" for number in range(1, 22)), *(f"L{n}" for n in range(1, 8))]


def test_a_run_is_for_the_delivery_that_waited_even_if_others_were_shown_it_since() -> None:
    """Three deliveries to one worker: the third is handed back while the run of the second begins."""
    story = held().wait(1).expire(reason="duplicate").deliver()
    story.wait(1).expire(reason="duplicate").deliver()
    story.issue("nack", reason="skipped").finish(end=RAISED).record(raised())
    story.run(attempt=2).fact(FactKind.NACKED, TASK, A, "interrupted").answer("nack")
    assert story.broken == NONE


def test_pubsub_counts_what_came_back_whether_or_not_it_was_delivered_in_between() -> None:
    """An extension that comes too late leases a message once more, and that lease ends, too."""
    plan = structs.replace(PLAN, backend=BackendPlan(name="pubsub"))
    for told_by, broken in ((plan, NONE), (PLAN, {"S4"})):
        story = Story(told_by).worker().send().deliver().crash().wait(LEASE_S).expire()
        story.fact(FactKind.EXTENDED, TASK, A).wait(LEASE_S).expire()
        story.worker(B).hold(worker=B, attempt=3)
        assert story.broken == broken


def test_pubsub_does_not_count_what_it_showed_to_others_by_mistake() -> None:
    """Its count of deliveries is a best effort, so that budgets are, too."""
    plan = structs.replace(PLAN, backend=BackendPlan(name="pubsub"))
    for told_by, broken in ((plan, NONE), (PLAN, {"S8"})):
        story = Story(told_by).worker()
        story.send()
        for attempt in (1, 2, 3):
            story.hold(attempt=attempt).wait(1).finish(end=RAISED).expire(reason="duplicate")
        story.hold(attempt=3)
        assert story.broken == broken


def stopped_while_it_ran() -> Story:
    """A worker that stands still over the deadline of a run, which ends by itself meanwhile."""
    return (
        held().wait(10).extend().wait(10).extend().wait(10).halt().wait(1).finish(end=EXITED).wait(30).go_on()
    )


def test_a_run_may_be_told_as_timed_out_if_its_worker_heard_of_its_end_when_its_time_was_over() -> None:
    assert "S4" not in stopped_while_it_ran().record(timed_out()).end()


def test_a_run_may_be_told_as_it_ended_although_its_worker_heard_of_that_late() -> None:
    assert "S4" not in stopped_while_it_ran().record(exited()).end()


def test_a_run_that_ends_by_itself_as_the_worker_ends_its_runs_may_be_told_as_interrupted() -> None:
    story = held().wait(1).hear().wait(18).finish(end=EXITED).record(interrupted())
    assert story.nack(reason="interrupted").broken == NONE


def test_a_run_that_ended_while_its_worker_was_stopped_may_be_told_as_interrupted() -> None:
    story = held().wait(1).hear().halt().wait(1).finish(end=EXITED).wait(18).go_on().record(interrupted())
    assert story.nack(reason="interrupted").broken == NONE


def test_a_complete_result_counts_although_the_run_was_being_stopped() -> None:
    assert held().wait(1).hear().wait(18).term().wait(1).finish().record(completed()).ack().broken == NONE


def about_to_end(*, wait_s: float) -> Story:
    """A worker that has recorded what became of its task, and has so much of its 20 seconds left."""
    return held().wait(1).hear().wait(20 - wait_s).finish().record(completed())


def test_a_worker_may_end_with_a_settlement_that_failed_until_its_time_was_over() -> None:
    story = about_to_end(wait_s=2).ack_lost().wait(1).ack_lost().wait(1).exit()
    assert "S14" not in story.end()


def test_a_worker_does_not_try_a_settlement_again_while_it_is_stopped() -> None:
    story = held().wait(1).finish().record(completed()).ack_lost().halt().wait(20).go_on()
    assert "S14" not in story.hear(within_s=5.0).wait(5).exit().end()


def test_a_worker_may_end_while_a_settlement_is_under_way() -> None:
    story = about_to_end(wait_s=10).issue("ack", outcome=Outcome(OutcomeKind.COMPLETED, elapsed_s=1.0))
    assert "S14" not in story.wait(1).exit().end()


def test_a_worker_that_was_stopped_over_its_end_need_not_have_handed_back() -> None:
    story = held().wait(1).hear().wait(17).halt().wait(10).finish(end=KILLED).go_on().wait(1.1).exit()
    assert "S14" not in story.end()


def test_a_worker_that_was_stopped_twice_over_its_end_need_not_wait() -> None:
    story = held().wait(1).hear().wait(17).halt().wait(8).go_on().wait(0.5).halt().wait(1).go_on()
    assert "S14" not in story.finish(end=KILLED).exit().end()


def test_a_worker_that_was_stopped_until_its_time_was_over_waits_a_second_for_what_it_killed() -> None:
    story = held().wait(1).hear().wait(1).halt().wait(22).go_on().term().kill()
    assert story.wait(1.1).finish(end=KILLED).exit().broken == NONE


def test_a_worker_of_a_suspended_machine_has_what_was_planned_by_its_own_clock() -> None:
    story = held().wait(1).hear(within_s=3.0).wait(1).halt().wait(6).go_on().wait(1.7).kill()
    assert story.wait(0.1).finish(end=KILLED).wait(0.2).exit().broken == NONE


def test_events_that_could_not_be_stored_are_tried_again_after_pauses_and_at_once_after_a_success() -> None:
    story = Story().worker()
    for pause_s in (0.1, 0.2, 0.4, 0.8):
        story.issue_store().fail_store().wait(pause_s)
    story.issue_store().wait(0.002).issue_store().fail_store().wait(0.1).issue_store()
    assert story.end() == NONE


def test_events_are_tried_again_at_once_when_the_worker_hears_that_it_is_to_end() -> None:
    story = Story().worker()
    for pause_s in (0.2, 0.4, 0.8, 1.6, 3.2):
        story.issue_store().fail_store().wait(pause_s)
    story.issue_store().fail_store().wait(0.01).hear().issue_store().fail_store().wait(0.5).issue_store()
    assert story.end() == NONE


def refused(times: int) -> Story:
    """A worker that has asked for tasks so often in vain, with the longest pauses between."""
    story = Story().worker()
    for number in range(times):
        story.wait(min(2 ** (number - 1), 30) if number else 0)
        story.issue("receive", "", tasks_max=1).answer("receive", "", error="QueueUnavailableError")
    return story


def test_a_worker_asks_again_after_pauses_that_grow_to_half_a_minute() -> None:
    assert refused(times=9).wait(30).issue("receive", "", tasks_max=1).end() == NONE


def test_a_worker_that_was_stopped_asks_again_when_it_goes_on() -> None:
    story = refused(times=1).halt().wait(100).go_on().issue("receive", "", tasks_max=1)
    assert story.end() == NONE


def test_a_worker_that_is_to_end_need_not_ask_again() -> None:
    story = Story().worker().issue("receive", "", tasks_max=1).hear()
    assert story.answer("receive", "", error="QueueUnavailableError").wait(10).exit().end() == NONE


def test_a_worker_that_is_told_to_end_within_its_pause_need_not_have_asked_again() -> None:
    assert refused(times=4).wait(7).hear().wait(10).exit().end() == NONE


def test_a_run_may_go_on_whose_lease_was_over_when_the_queue_confirmed_its_extension() -> None:
    """Pub/Sub without exactly-once delivery confirms extensions of what is over; nobody tells the worker."""
    story = held().halt().wait(30).expire().go_on().issue("extend", seconds=LEASE_S).wait(0.1)
    story.answer("extend", leases=(story.lease(),)).wait(20).finish(end=KILLED)
    assert "S6" not in story.broken


def test_what_comes_in_the_moment_in_which_a_worker_hears_of_its_end_may_be_left() -> None:
    story = Story().worker().send().issue("receive", "", tasks_max=1).halt().fact(FactKind.DELIVERED, TASK, A)
    story.wait(20).go_on().answer("receive", "", leases=(story.lease(),)).hear().wait(5).exit()
    assert "S14" not in story.broken


def test_a_start_that_failed_is_tried_again_after_a_pause() -> None:
    story = Story().worker().send().deliver().request().not_started().wait(0.1).request().not_started()
    assert story.wait(0.2).run().complete_after(0.0).end() == NONE


def test_a_run_is_told_of_once_however_often_its_start_failed() -> None:
    story = Story().worker().send().deliver().request().not_started().wait(0.1).run().wait(1).finish()
    story.record(completed()).ack().hear().record(STOPPED)
    assert story.broken == NONE


def test_a_failure_is_kept_where_it_is_to_be() -> None:
    story = keeping_failures().wait(1.0).finish(end=RAISED).record(raised()).bury()
    assert story.end() == NONE


def test_a_settlement_is_tried_again_for_as_long_as_its_worker_stays() -> None:
    story = Story().worker().send().hold().wait(1.0).finish().record(completed()).hear(within_s=10.0)
    pauses = (0.5, 1.0, 2.0, 4.0, 2.0)
    for pause_s in pauses:
        story.ack_lost().wait(pause_s)
    assert story.wait(30.0 - 1.0 - sum(pauses)).expire().broken == NONE


def test_a_settlement_is_not_tried_again_by_a_worker_that_is_stopped() -> None:
    story = Story().worker().send().hold().wait(14.0).finish().record(completed()).ack_lost()
    assert story.halt().wait(1.4).go_on().wait(14.6).expire().broken == NONE


def test_a_real_worker_may_hand_back_before_it_is_seen_to_have_heard_of_its_end() -> None:
    """Of a process only that it was asked is seen; it is counted to have heard a while after that."""
    holding = Holding(MessageRecord("1", TASK, 0.0), A, 1, 0.0, LEASE_S, 0.0, 0.0, LEASE_S, heard=True)
    holding.run = RunRecord(1, TASK, A, 1, holding, 0.0, began_at=0.5)
    life = Life(A, 0.0)
    assert excuses.of_interruption(holding, life, exact=False) == ""
    life.asked = True
    assert excuses.of_interruption(holding, life, exact=False) == excuses.ENDING
    assert excuses.of_interruption(holding, life, exact=True) == ""
