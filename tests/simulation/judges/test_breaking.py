"""Histories that break a promise, each by one thing; the judges have to name it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec import structs

from cloud_tasks.core.events import FatalException, WorkerStarted, WorkerStopped
from cloud_tasks.core.policy import Backoff
from fakes.history import FactKind
from fakes.queue_options import QueueOptions
from simulation.judges import INVARIANTS
from tests.simulation.judges.conductor_story import DONE, FAILED, ConductorStory
from tests.simulation.judges.story import (
    ASKED_AGAIN,
    EXITED,
    KILLED,
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

Telling = Callable[[], Story]
BREAKS: list[tuple[str, Telling]] = []
TOO_OFTEN = dead(attempt=1, reason="interrupted 2 times, the last time by: shutdown")


def breaks(invariant: str) -> Callable[[Telling], Telling]:
    """Mark a history as one that breaks an invariant."""

    def note(telling: Telling) -> Telling:
        BREAKS.append((invariant, telling))
        return telling

    return note


def held(worker: str = A) -> Story:
    return Story().worker(worker).send().hold(TASK, worker)


def ended() -> Story:
    return held().wait(1).finish()


@breaks("S1")
def acked_on_receive() -> Story:
    return Story().worker().send().deliver().ack()


@breaks("S1")
def acked_before_the_event_is_durable() -> Story:
    return ended().ack().record(completed())


@breaks("S1")
def acked_on_the_event_of_another_worker() -> Story:
    return ended().worker(B).record(completed(), B).ack()


@breaks("S1")
def handed_back_for_a_retry_before_the_event_is_durable() -> Story:
    return held().wait(1).finish(end=EXITED).nack().record(exited())


@breaks("S1")
def interrupted_and_handed_back_before_the_event_is_durable() -> Story:
    return held().hear().term().finish(end=KILLED).nack(reason="interrupted")


@breaks("S2")
def a_killed_run_is_a_success() -> Story:
    return held().wait(1).finish(end=KILLED).record(completed()).ack()


@breaks("S2")
def a_run_that_goes_on_is_a_success() -> Story:
    return held().wait(1).record(completed())


@breaks("S2")
def one_end_makes_two_successes() -> Story:
    return ended().record(completed()).record(completed())


@breaks("S3")
def a_message_is_settled_twice() -> Story:
    return held().complete().fact(FactKind.ACKED, TASK, A)


@breaks("S3")
def a_message_vanishes() -> Story:
    story = Story().worker().send()
    story.off_the_books = 1
    return story


@breaks("S4")
def settled_without_a_run() -> Story:
    return Story().worker().send().deliver().record(completed()).ack()


@breaks("S4")
def a_receipt_of_another_task_is_shown() -> Story:
    story = held().send("task-2").deliver("task-2")
    return story.issue("extend", TASK, seconds=30.0, receipt=story.receipt("task-2"))


@breaks("S4")
def a_receipt_of_another_worker_is_shown() -> Story:
    return held().worker(B).issue("extend", TASK, B, seconds=30.0)


@breaks("S4")
def a_task_is_run_that_was_never_delivered() -> Story:
    return Story().worker().send().run()


@breaks("S4")
def an_exit_is_recorded_for_a_run_that_returned() -> Story:
    return ended().record(exited())


@breaks("S4")
def an_exit_is_recorded_as_a_time_out() -> Story:
    return held().wait(1).finish(end=EXITED).record(timed_out())


@breaks("S4")
def a_time_out_is_recorded_as_an_exit() -> Story:
    return held().wait(60).term().finish(end=EXITED).record(exited())


@breaks("S4")
def the_result_of_another_run_is_recorded() -> Story:
    return ended().record(completed(result="of another"))


@breaks("S4")
def another_exit_status_is_recorded() -> Story:
    return held().wait(1).finish(end=EXITED).record(exited(end=structs.replace(EXITED, exit_code=4)))


@breaks("S4")
def another_exception_is_recorded() -> Story:
    return held().wait(1).finish(end=RAISED).record(structs.replace(raised(), exception="ValueError"))


@breaks("S4")
def a_run_is_recorded_under_the_number_of_another_attempt() -> Story:
    return ended().record(completed(attempt=2))


@breaks("S7")
def a_run_that_ended_by_itself_is_handed_back_because_the_worker_is_to_end() -> Story:
    story = held().wait(1).hear().wait(1).finish(end=EXITED).record(interrupted())
    return story.nack(reason="interrupted")


@breaks("S4")
def the_number_of_an_attempt_is_greater_than_that_of_deliveries() -> Story:
    return held_as(2)


def held_as(attempt: int) -> Story:
    return Story().worker().send().hold(attempt=attempt)


@breaks("S1")
def an_ack_tells_another_outcome_than_the_event() -> Story:
    return ended().record(completed(elapsed_s=5.0)).ack(elapsed_s=1.0)


def interrupted_three_times() -> Story:
    story = Story().worker().send()
    for _ in range(3):
        story.deliver().nack(reason="interrupted")
    return story


@breaks("S8")
def an_interruption_that_is_counted_apart_counts_as_an_attempt() -> Story:
    return interrupted_three_times().hold(attempt=2)


@breaks("S9")
def put_with_the_dead_letters_after_interruptions_that_are_counted_apart() -> Story:
    return interrupted_three_times().deliver().record(dead(attempt=4)).bury()


def handed_back_untouched(times: int) -> Story:
    """By a worker that has to remember it: the queue counts every delivery."""
    story = Story(structs.replace(PLAN, queue=QueueOptions(counts_interruptions=False))).worker().send()
    for _ in range(times):
        story.deliver().nack(reason="interrupted")
    return story


@breaks("S8")
def what_a_worker_has_handed_back_itself_counts_as_an_attempt() -> Story:
    return handed_back_untouched(times=2).hold(attempt=2)


@breaks("S9")
def a_task_that_never_ran_is_put_with_the_dead_letters() -> Story:
    return handed_back_untouched(times=3).deliver().record(dead(attempt=3)).bury()


@breaks("S9")
def handed_back_although_it_had_been_interrupted_as_often_as_it_may_be() -> Story:
    return often_interrupted(times=1).record(interrupted()).nack(reason="interrupted")


@breaks("S9")
def put_aside_as_interrupted_too_often_before_its_time() -> Story:
    return often_interrupted(times=0).record(TOO_OFTEN).bury()


@breaks("S9")
def put_aside_as_interrupted_too_often_before_it_began() -> Story:
    story = patient().worker().send().deliver().nack(reason="interrupted")
    return story.deliver().request().hear().term().record(TOO_OFTEN).bury()


def often_interrupted(times: int) -> Story:
    """A run that is interrupted, after others that were; it may be two times."""
    story = patient().worker().send()
    for _ in range(times):
        story.deliver().nack(reason="interrupted")
    return story.hold().wait(1).hear().term().finish(end=KILLED)


def patient() -> Story:
    retry = structs.replace(SETTINGS.retry, interruptions_max=2)
    plan = structs.replace(PLAN, queue=QueueOptions(counts_interruptions=False))
    return Story(plan, structs.replace(SETTINGS, retry=retry))


@breaks("S9")
def put_with_the_dead_letters_in_the_place_of_the_last_attempt() -> Story:
    story = Story().worker().send()
    for attempt in (1, 2):
        story.hold(attempt=attempt).wait(1).finish(end=EXITED).record(exited(attempt=attempt)).nack()
    return story.deliver().record(dead(attempt=2)).bury()


@breaks("S5")
def two_runs_of_a_task_on_one_worker() -> Story:
    return held().wait(5).expire(reason="duplicate").hold(attempt=2)


@breaks("S5")
def a_new_run_while_something_is_left_of_the_old_one() -> Story:
    return held().wait(1).over(end=EXITED).record(exited()).nack().hold(attempt=2)


@breaks("S6")
def a_run_goes_on_after_its_lease_has_expired() -> Story:
    return held().wait(30).expire().wait(3).finish()


@breaks("S6")
def a_run_never_ends_after_its_lease_has_expired() -> Story:
    return held().wait(30).expire().wait(1)


@breaks("S6")
def another_worker_runs_it_within_the_lease() -> Story:
    return held().worker(B).run(TASK, B)


@breaks("S6")
def a_run_goes_on_after_the_lease_is_known_to_be_lost() -> Story:
    story = held().wait(5).expire(reason="duplicate").issue("extend", seconds=30.0)
    return story.answer("extend", error="LeaseLostError").wait(3).finish()


@breaks("S6")
def handed_back_while_its_run_goes_on() -> Story:
    return held().hear().record(interrupted()).nack(reason="interrupted")


@breaks("S7")
def run_twice_for_one_delivery() -> Story:
    return ended().run()


@breaks("S7")
def delivered_twice_for_no_reason() -> Story:
    return held().deliver()


@breaks("S10")
def a_lease_is_not_extended_for_no_reason() -> Story:
    return held().wait(30).expire()


@breaks("S10")
def a_lease_is_not_extended_after_old_troubles() -> Story:
    story = held().wait(10).issue("extend", seconds=30.0).answer("extend", error="QueueUnavailableError")
    return story.wait(5).extend().wait(30).expire()


@breaks("S14")
def a_worker_ends_late_that_was_stopped_long_before_it_was_told() -> Story:
    return Story().worker().halt().wait(100).go_on().wait(100).hear().wait(90).exit()


@breaks("S10")
def a_lease_is_not_extended_after_a_short_stop() -> Story:
    return held().wait(5).halt().wait(0.1).go_on().wait(24.9).finish().expire()


@breaks("S6")
def a_run_goes_on_for_long_after_its_worker_was_stopped_for_a_moment() -> Story:
    story = held().wait(5).halt().wait(2).go_on().wait(23).expire()
    return story.wait(25).finish(end=KILLED)


@breaks("S10")
def a_lease_is_given_up_after_a_single_attempt_to_extend_it() -> Story:
    story = held().wait(10).issue("extend", seconds=30.0).answer("extend", error="QueueUnavailableError")
    story.wait(18).term().finish(end=KILLED).record(interrupted(reason="lease_lost"))
    return story.wait(2).expire()


@breaks("S10")
def a_lease_is_let_go_without_an_attempt_to_extend_it() -> Story:
    story = held().wait(29).term().finish(end=KILLED)
    return story.record(interrupted(reason="lease_lost")).wait(1).expire()


@breaks("S7")
def handed_back_unfinished_for_no_reason() -> Story:
    return held().term().finish(end=KILLED).record(interrupted()).nack(reason="interrupted")


@breaks("S8")
def an_attempt_beyond_the_budget() -> Story:
    return held_as(4)


@breaks("S8")
def a_run_beyond_the_budget_under_an_old_number() -> Story:
    story = Story().worker().send()
    for _ in range(4):
        story.hold().wait(1).finish(end=EXITED).record(exited()).nack()
    return story


@breaks("S8")
def a_run_beyond_the_budget_after_hand_backs_of_what_never_ran() -> Story:
    story = Story().worker().send()
    for _ in range(2):
        story.deliver().nack(reason="interrupted")
    for _ in range(4):
        story.hold().wait(1).finish(end=EXITED).record(exited()).nack()
    return story


@breaks("S8")
def a_retry_that_is_not_wanted() -> Story:
    return held().wait(1).finish(end=RAISED).record(raised(retry=True)).nack()


@breaks("S8")
def a_retry_comes_at_once_where_it_has_to_wait() -> Story:
    retry = structs.replace(SETTINGS.retry, backoff=Backoff(base_s=4.0, cap_s=60.0))
    story = Story(PLAN, structs.replace(SETTINGS, retry=retry)).worker().send().hold()
    return story.wait(1).finish(end=EXITED).record(exited()).nack(delay_s=1.9)


@breaks("S9")
def a_task_that_asks_for_another_attempt_is_acked() -> Story:
    return held().wait(1).finish(end=ASKED_AGAIN).record(asked_again(retry=True)).ack()


@breaks("S4")
def that_another_attempt_was_asked_for_is_not_told() -> Story:
    return held().wait(1).finish(end=ASKED_AGAIN).record(completed()).ack()


@breaks("S9")
def a_success_is_put_with_the_dead_letters() -> Story:
    return ended().record(completed()).bury()


@breaks("S9")
def a_hopeless_task_is_acked_away() -> Story:
    story = Story().worker().send()
    for attempt in (1, 2):
        story.hold(attempt=attempt).wait(1).finish(end=EXITED).record(exited(attempt=attempt)).nack()
    story.hold(attempt=3).wait(1).finish(end=EXITED).record(exited(attempt=3, retry=False))
    return story.settle_as("exited")


@breaks("S9")
def a_task_with_attempts_left_is_put_with_the_dead_letters() -> Story:
    return Story().worker().send().deliver().record(dead(attempt=0)).bury()


@breaks("S9")
def a_failure_that_is_to_be_tried_again_is_acked() -> Story:
    return held().wait(1).finish(end=EXITED).record(exited()).settle_as("exited")


@breaks("S10")
def extended_after_the_ack() -> Story:
    return held().complete().issue("extend", seconds=30.0)


@breaks("S10")
def extended_by_more_than_the_queue_gives() -> Story:
    return held().issue("extend", seconds=50_000.0)


@breaks("S10")
def extended_twice_at_a_time() -> Story:
    return held().issue("extend", seconds=30.0).issue("extend", seconds=30.0)


@breaks("S10")
def extended_after_the_lease_was_over_for_a_run_that_goes_on() -> Story:
    return held().wait(31).issue("extend", seconds=30.0)


@breaks("S11")
def settled_with_the_first_receipt() -> Story:
    story = held().wait(15).extend(renews=True).finish().record(completed(elapsed_s=15.0))
    return story.issue("ack", receipt="1#1")


@breaks("S11")
def asked_again_for_a_lease_that_is_lost() -> Story:
    story = ended().record(completed()).issue("nack", reason="retry")
    return story.answer("nack", error="LeaseLostError").wait(5).issue("nack", reason="retry")


@breaks("S12")
def handed_back_after_an_ack() -> Story:
    return ended().record(completed()).ack_lost().wait(1).nack()


@breaks("S12")
def settled_again_after_it_was_confirmed() -> Story:
    return held().complete().wait(1).issue("ack")


@breaks("S12")
def settled_twice_at_a_time() -> Story:
    return ended().record(completed()).issue("ack").issue("ack")


@breaks("S13")
def a_receive_after_a_notice() -> Story:
    return Story().worker().hear(why="notice").wait(0.1).issue("receive", "", tasks_max=1)


@breaks("S13")
def a_start_after_a_signal() -> Story:
    return Story().worker().send().deliver().hear().wait(0.1).run()


@breaks("S13")
def more_tasks_are_asked_for_than_there_are_slots() -> Story:
    return held().issue("receive", "", tasks_max=2)


@breaks("S13")
def more_runs_than_slots() -> Story:
    story = Story().worker()
    for task in ("task-1", "task-2", "task-3"):
        story.send(task).hold(task)
    return story


@breaks("S14")
def a_worker_ends_late() -> Story:
    return Story().worker().hear().wait(26).exit()


@breaks("S14")
def a_worker_is_killed_late() -> Story:
    return Story().worker().hear().wait(26).crash()


@breaks("S14")
def a_worker_never_ends() -> Story:
    return Story().worker().hear().wait(26)


@breaks("S14")
def a_second_signal_leaves_no_time() -> Story:
    return Story().worker().hear().wait(1).hear().wait(7).exit()


@breaks("S14")
def a_finished_task_is_left_unacked() -> Story:
    return ended().record(completed()).hear().wait(15).exit()


@breaks("S14")
def a_finished_task_is_left_unacked_by_a_worker_that_ends_at_once() -> Story:
    return held().hear().wait(5).finish().record(completed()).wait(0.5).exit()


@breaks("S14")
def an_unstarted_task_is_kept() -> Story:
    return Story().worker().send().deliver().wait(0.1).hear().wait(15).exit()


@breaks("S14")
def a_finished_task_is_left_unacked_long_after_the_disk_was_full() -> Story:
    return held().fail_store().wait(1).finish().record(completed()).hear().wait(15).exit()


@breaks("S15")
def a_run_is_left_when_its_worker_ends() -> Story:
    return held().exit()


@breaks("S15")
def a_run_outlives_a_killed_worker() -> Story:
    return held().crash().wait(1).finish(end=KILLED)


@breaks("S15")
def a_run_outlives_a_killed_worker_for_ever() -> Story:
    return held().crash().wait(1)


@breaks("S15")
def a_slot_is_used_again_too_soon() -> Story:
    story = held().send("task-2").hold("task-2").wait(1).over().record(completed())
    return story.send("task-3").hold("task-3")


@breaks("S16")
def a_run_is_stopped_early() -> Story:
    return held().wait(10).term()


@breaks("S16")
def a_run_is_killed_without_warning() -> Story:
    return held().wait(10).kill()


@breaks("S16")
def a_run_is_killed_too_soon_after_its_warning() -> Story:
    return extended_for(60).term().wait(1).kill()


@breaks("S16")
def a_run_is_not_stopped_at_its_deadline() -> Story:
    return extended_for(63).finish()


@breaks("S16")
def a_run_is_never_stopped() -> Story:
    return extended_for(63)


def extended_for(seconds: int) -> Story:
    story = held()
    for _ in range(seconds // 10):
        story.wait(10).extend()
    return story.wait(seconds % 10)


@breaks("S17")
def an_event_twice_for_one_attempt() -> Story:
    return ended().record(completed()).record(interrupted())


@breaks("S17")
def a_run_that_was_let_go_is_never_told_of() -> Story:
    story = held().issue("extend").answer("extend", error="LeaseLostError").term().finish(end=KILLED)
    return story.hear().record(stopped())


@breaks("S6")
def a_run_is_asked_for_when_the_lease_is_over() -> Story:
    story = (
        Story().worker().send().issue("receive", "", tasks_max=1).wait(20).fact(FactKind.DELIVERED, TASK, A)
    )
    story.wait(12).answer("receive", "", leases=(story.lease(),))
    return story.request().term()


@breaks("S6")
def a_run_is_asked_to_end_when_its_lease_ends() -> Story:
    return held().wait(15).issue("extend").answer("extend", error="QueueUnavailableError").wait(14).term()


@breaks("S18")
def a_start_that_failed_is_tried_again_at_once() -> Story:
    return Story().worker().send().deliver().request().not_started().request()


@breaks("S17")
def the_same_event_twice_without_a_failure() -> Story:
    event = completed()
    return ended().record(event).record(event)


@breaks("S17")
def a_worker_begins_twice() -> Story:
    return Story().worker().record(WorkerStarted(worker_id=A, pid=1, version="1", num_simultaneous_tasks=2))


@breaks("S17")
def a_worker_counts_what_it_has_not_recorded() -> Story:
    return Story().worker().record(stopped(completed=1))


@breaks("S17")
def a_worker_does_not_count_what_it_has_recorded() -> Story:
    return ended().record(completed()).record(stopped(completed=0))


@breaks("S17")
def an_event_after_the_last() -> Story:
    return ended().record(stopped()).record(completed())


def stopped(**counts: int) -> WorkerStopped:
    return WorkerStopped(worker_id=A, reason="shutdown", elapsed_time=1.0, counts=counts)


@breaks("S18")
def a_throttled_receive_is_repeated_at_once() -> Story:
    story = Story().worker().issue("receive", "", tasks_max=1)
    story.answer("receive", "", error="QueueUnavailableError").wait(0.1)
    return story.issue("receive", "", tasks_max=1)


@breaks("S18")
def empty_receives_without_a_pause() -> Story:
    story = Story().worker().issue("receive", "", tasks_max=1).wait(0.1).answer("receive", "")
    return story.issue("receive", "", tasks_max=1)


@breaks("S18")
def pauses_that_do_not_grow() -> Story:
    story = ended().record(completed())
    for _ in range(5):
        story.ack_lost().wait(0.5)
    return story


@breaks("S18")
def a_failed_settlement_is_not_tried_again() -> Story:
    return ended().record(completed()).ack_lost().wait(29).expire()


@breaks("S19")
def an_exception_that_nobody_saw() -> Story:
    story = Story()
    story.loop.call_exception_handler({"message": "lost", "exception": ValueError("lost")})
    return story


@breaks("S19")
def a_worker_that_broke() -> Story:
    return Story().worker().record(FatalException(exception="a bug", stack_trace=""))


@breaks("S19")
def a_coroutine_that_outlives_its_worker() -> Story:
    story = Story().worker().exit()
    host = story.loop.add_host(A)
    story.loop.start_on(host, _wait_for_ever(story))
    return story


async def _wait_for_ever(story: Story) -> None:
    await story.loop.create_future()


@breaks("S20")
def somebody_else_acks_it() -> Story:
    return held().worker(B).fact(FactKind.ACKED, TASK, B)


@breaks("S20")
def the_last_holder_extends_it() -> Story:
    story = held().worker(B).wait(5).expire(reason="duplicate").deliver(TASK, B)
    return story.fact(FactKind.EXTENDED, TASK, A)


@breaks("S21")
def a_result_is_dropped_in_an_outage() -> Story:
    return ConductorStory().returned().issue("ack", outcome=DONE).answer("ack")


@breaks("S21")
def a_result_is_removed_that_was_never_told() -> Story:
    return ConductorStory().returned().keep().wait(20).remove()


@breaks("S21")
def a_result_waits_for_ever() -> Story:
    return ConductorStory().returned().keep().calm().wait(200)


@breaks("S21")
def the_next_worker_does_not_look_what_is_there() -> Story:
    story = ConductorStory().returned().keep().calm()
    story.crash().wait(5)
    return story.take(B).worker(B).wait(200)


@breaks("S4")
def a_failure_is_told_as_a_success() -> Story:
    return ConductorStory().failed().tell_server(FactKind.ACKED, outcome=FAILED)


@breaks("S4")
def a_task_is_tried_again_that_returned() -> Story:
    return ConductorStory().returned().tell_server(FactKind.NACKED, "retry")


@breaks("S9")
def given_up_by_the_server_with_attempts_left() -> Story:
    return ConductorStory().failed().tell_server(FactKind.DEAD_LETTERED, "FAILED", FAILED)


@breaks("S9")
def given_up_by_the_server_for_no_verdict() -> Story:
    return ConductorStory().fact(FactKind.DEAD_LETTERED, TASK, A, "FAILED_WITH_TERMINAL_ERROR")


@breaks("S1")
def the_server_is_told_something_else_than_the_event() -> Story:
    return (
        ConductorStory()
        .failed()
        .tell_server(
            FactKind.DEAD_LETTERED,
            "FAILED_WITH_TERMINAL_ERROR",
            structs.replace(FAILED, retry_requested=False),
        )
    )


@breaks("S8")
def the_event_says_that_a_failure_comes_again_although_the_server_decides() -> Story:
    story = ConductorStory().finish(end=EXITED).record(exited(retry=True))
    return story.issue("ack", outcome=FAILED)


@breaks("L1")
def tasks_are_left() -> Story:
    story = Story()
    story.close.settled = False
    return story


@breaks("L2")
def a_task_is_never_settled() -> Story:
    return held()


@breaks("L3")
def nothing_goes_on() -> Story:
    return quiet(Story().worker().send()).wait(900).deliver()


@breaks("L4")
def tasks_are_asked_for_again_too_late() -> Story:
    return refused().wait(3).issue("receive", "", tasks_max=1)


@breaks("L4")
def tasks_are_asked_for_again_too_late_although_the_worker_was_stopped_for_a_moment() -> Story:
    return refused(times=4).halt().wait(1).go_on().wait(12).issue("receive", "", tasks_max=1)


@breaks("L4")
def tasks_are_not_asked_for_again_until_the_end() -> Story:
    return refused().wait(60).hear()


@breaks("L4")
def nothing_is_taken_for_long_after_the_faults() -> Story:
    return quiet(Story().worker().send()).wait(900).deliver()


def refused(times: int = 1) -> Story:
    story = Story().worker()
    for number in range(times):
        story.issue("receive", "", tasks_max=1).answer("receive", "", error="QueueUnavailableError")
        story.wait(2**number if number < times - 1 else 0)
    return story


@breaks("L5")
def delivered_again_and_again() -> Story:
    story = quiet(Story().worker().send())
    for _ in range(9):
        story.wait(1).deliver().expire(reason="duplicate")
    return story


@breaks("L6")
def a_worker_does_not_end() -> Story:
    story = Story()
    story.close.ended = False
    return story


@breaks("L7")
def a_task_is_never_taken() -> Story:
    return quiet(Story().worker().send()).wait(1_100)


@breaks("S14")
def a_settlement_that_failed_is_forgotten_at_the_end() -> Story:
    return ended().record(completed()).hear().wait(1).ack_lost().wait(0.1).exit()


@breaks("S14")
def a_settlement_that_failed_long_ago_is_forgotten_at_the_end() -> Story:
    return ended().record(completed()).hear().wait(1).ack_lost().wait(19).exit()


@breaks("S14")
def a_task_is_left_behind_after_an_extension_that_failed() -> Story:
    story = held().issue("extend", seconds=30.0).answer("extend", error="QueueUnavailableError")
    return story.wait(1).finish().record(completed()).hear().wait(1).exit()


@breaks("S14")
def a_task_is_left_behind_by_a_worker_that_was_stopped_long_before_its_end() -> Story:
    story = ended().halt().wait(0.01).go_on().record(completed()).hear()
    return story.wait(20).exit()


@breaks("S14")
def a_task_that_has_ended_is_left_behind_at_once_by_a_worker_that_was_stopped_over_its_end() -> Story:
    return held().wait(1).hear().wait(17).halt().wait(10).finish(end=KILLED).go_on().wait(0.5).exit()


@breaks("S14")
def a_task_is_left_behind_at_once_by_a_worker_that_was_stopped_until_its_time_was_over() -> Story:
    story = held().wait(1).hear().wait(1).halt().wait(22).go_on().term().kill()
    return story.wait(0.1).finish(end=KILLED).wait(0.5).exit()


@breaks("S18")
def events_that_could_not_be_stored_are_tried_again_at_once() -> Story:
    return Story().worker().issue_store().fail_store().wait(0.002).issue_store()


@breaks("S18")
def the_pauses_between_attempts_to_store_events_do_not_grow() -> Story:
    return failed_to_store(Story().worker(), times=6).wait(0.2).issue_store()


@breaks("S18")
def a_worker_that_is_to_end_stores_its_events_without_a_pause() -> Story:
    return Story().worker().hear().wait(1).issue_store().fail_store().wait(0.01).issue_store()


def failed_to_store(story: Story, *, times: int) -> Story:
    for number in range(times):
        story.issue_store().fail_store().wait(0.2 * 2**number)
    story.issue_store().fail_store()
    return story


@breaks("S9")
def a_success_is_kept_with_the_dead_letters() -> Story:
    return keeping_failures().wait(1).finish().record(completed()).bury()


@breaks("S9")
def what_is_to_be_tried_again_is_kept_with_the_dead_letters() -> Story:
    return keeping_failures().wait(1).finish(end=EXITED).record(exited()).bury()


@breaks("S9")
def a_failure_that_is_to_be_kept_is_settled() -> Story:
    return keeping_failures().wait(1).finish(end=RAISED).record(raised()).settle_as("exception")


def quiet(story: Story) -> Story:
    story.close.quiet_at = 0.0
    return story


@pytest.mark.parametrize(("invariant", "telling"), BREAKS, ids=[f"{n}-{t.__name__}" for n, t in BREAKS])
def test_a_broken_promise_is_named(invariant: str, telling: Telling) -> None:
    assert invariant in telling().end()


def test_every_invariant_has_a_history_that_breaks_it() -> None:
    assert {invariant for invariant, _ in BREAKS} == set(INVARIANTS)


def test_every_invariant_is_said_in_words_that_hold_its_place() -> None:
    for telling in (acked_on_receive, a_run_is_stopped_early, a_lease_is_not_extended_for_no_reason):
        story = telling()
        story.end()
        for violation in story.bench.violations:
            assert "{" not in violation.what
            assert violation.invariant in INVARIANTS


def test_a_time_out_is_told_by_no_run_that_returned() -> None:
    assert "S4" in ended().record(timed_out()).end()


def test_a_dead_letter_says_why() -> None:
    story = Story().worker().send().deliver().record(dead(attempt=3))
    story.issue("dead_letter", reason="")
    assert "S9" in story.broken
