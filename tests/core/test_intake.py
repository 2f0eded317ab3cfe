"""Asking for tasks: how many, how often, and when no more."""

from __future__ import annotations

import pytest
from msgspec import structs

from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.events import NonFatalException
from cloud_tasks.core.policy import Backoff
from cloud_tasks.core.task import HandBack
from tests.core.driving import CLOUD, LOCAL, Driver, lease, malformed, one, only

STEADY = Backoff(base_s=4.0, cap_s=16.0, jitter=0.0)


def settle_all(driver: Driver) -> None:
    """Everything that was handed back untouched is confirmed."""
    driver.tell(*(got.Settled(nack.attempt_id) for nack in driver.asked(do.Nack)))


def test_nothing_is_asked_for_before_the_worker_is_open() -> None:
    driver = Driver(opened=False)
    assert driver.tell(got.TimeReached()) == []
    one(driver.tell(got.Opened()), do.Receive)


def test_as_many_are_asked_for_as_there_are_slots_free() -> None:
    driver = Driver(slots=5)
    assert driver.asked(do.Receive)[-1].tasks_max == 5
    driver.receive(lease("a"), lease("b"))
    assert driver.asked(do.Receive)[-1].tasks_max == 3
    driver.receive(lease("c"), lease("d"), lease("e"))
    assert len(driver.asked(do.Receive)) == 2
    driver.tell(got.RunStarted(1))
    driver.end(1)
    assert driver.asked(do.Receive)[-1].tasks_max == 1


def test_no_more_are_asked_for_than_the_backend_gives() -> None:
    assert Driver(slots=50).asked(do.Receive) == [do.Receive(10, 20.0)]


def test_a_long_poll_is_short_beside_a_lease() -> None:
    """A task that comes at the end of a long poll would else find its lease over, again and again."""
    assert Driver(structs.replace(CLOUD, lease_s=8.0)).asked(do.Receive)[-1].wait_s == 2.0
    assert Driver(structs.replace(CLOUD, lease_s=600.0)).asked(do.Receive)[-1].wait_s == 20.0
    assert Driver(structs.replace(CLOUD, lease_s=None)).asked(do.Receive)[-1].wait_s == 20.0


def test_a_worker_that_ends_for_want_of_tasks_waits_until_it_is_sure() -> None:
    unsure = structs.replace(CLOUD, sure_wait_s=2.0)
    assert Driver(unsure, idle_exit_s=0.0, poll_wait_s=0.5).asked(do.Receive)[-1].wait_s == 2.0
    assert Driver(CLOUD, idle_exit_s=0.0, poll_wait_s=0.5).asked(do.Receive)[-1].wait_s == 0.5
    assert Driver(unsure, poll_wait_s=0.5).asked(do.Receive)[-1].wait_s == 0.5


GATHERING = structs.replace(CLOUD, gather_s=0.25)


def test_where_calls_are_dear_a_receive_waits_a_little_for_more_free_slots() -> None:
    driver = Driver(slots=4, capabilities=GATHERING)
    assert driver.asked(do.Receive)[-1].tasks_max == 4
    driver.receive(*(lease(name) for name in "abcd"))
    assert not only(driver.end(1), do.Receive)
    assert not only(driver.wait(0.125), do.Receive)
    assert one(driver.wait(0.125), do.Receive).tasks_max == 1  # nobody else came


def test_all_slots_or_a_full_batch_are_worth_a_receive_at_once() -> None:
    driver = Driver(slots=2, capabilities=GATHERING)
    driver.receive(lease("a"), lease("b"))
    assert not only(driver.end(1), do.Receive)
    assert one(driver.end(2), do.Receive).tasks_max == 2
    driver = Driver(slots=50, capabilities=structs.replace(GATHERING, batch_size_max=2))
    driver.receive(lease("a"), lease("b"))
    assert driver.asked(do.Receive)[-1].tasks_max == 2


def test_the_last_tasks_of_a_bounded_worker_are_asked_for_at_once() -> None:
    driver = Driver(slots=4, capabilities=GATHERING, max_num_tasks=5)
    driver.receive(*(lease(name) for name in "abcd"))
    assert one(driver.end(1), do.Receive).tasks_max == 1


@pytest.mark.parametrize("most", [None, 100])
def test_slots_that_become_free_one_after_the_other_wait_for_the_first_ones_time(most: int | None) -> None:
    driver = Driver(slots=4, capabilities=GATHERING, max_num_tasks=most)
    driver.receive(*(lease(name) for name in "abcd"))
    assert not only(driver.end(1), do.Receive)
    assert not only(driver.wait(0.125), do.Receive)
    assert not only(driver.end(2), do.Receive)
    assert not only(driver.end(3), do.Receive)
    assert one(driver.wait(0.125), do.Receive).tasks_max == 3
    driver.receive(lease("e"), lease("f"), lease("g"))
    assert not only(driver.end(4), do.Receive)
    for attempt in (5, 6):
        assert not only(driver.end(attempt), do.Receive)
    assert one(driver.end(7), do.Receive).tasks_max == 4


def test_there_is_one_receive_at_a_time() -> None:
    driver = Driver(slots=5)
    driver.tell(got.TimeReached(), got.Opened())
    assert len(driver.asked(do.Receive)) == 1


def test_an_empty_receive_is_followed_by_the_next_after_a_second_at_least() -> None:
    driver = Driver()
    assert driver.receive() == []
    assert only(driver.wait(0.9), do.Receive) == []
    one(driver.wait(0.1), do.Receive)
    driver.wait(20.0)
    one(driver.receive(took_s=20.0), do.Receive)  # a long poll was pause enough


def test_a_queue_that_cannot_be_read_is_asked_again_after_growing_pauses() -> None:
    driver = Driver(receive_backoff=STEADY)
    for pause_s in (4.0, 8.0, 16.0, 16.0):
        driver.tell(got.ReceiveFailed("no route"))
        assert not only(driver.wait(pause_s - 0.1), do.Receive)
        one(driver.wait(0.1), do.Receive)
    told = [record.event for record in driver.asked(do.Record)]
    assert [type(event) for event in told] == [NonFatalException]
    driver.receive(lease())
    driver.tell(got.ReceiveFailed("no route"))
    assert not only(driver.wait(3.9), do.Receive)
    one(driver.wait(0.1), do.Receive)  # after a success the pauses begin anew


def test_too_many_that_wait_for_their_event_hold_back_the_next() -> None:
    driver = Driver(slots=2, unsettled_max=2)
    for _ in range(2):
        driver.end(driver.start(lease(f"task {driver.machine.started}")))
    assert not only([*driver.receive(), *driver.wait(1000.0)], do.Receive)
    driver.store(1)
    one(driver.tell(got.Settled(1)), do.Receive)


# -- the end of it -------------------------------------------------------------------------------------------


def test_a_finite_source_ends_the_worker_when_all_is_done() -> None:
    driver = Driver(LOCAL)
    attempt = driver.start(lease())
    driver.tell(got.SourceEnded())
    assert driver.finished is None
    driver.finish(attempt)
    assert driver.finished == do.Finish("exhausted")


def test_a_source_that_breaks_is_told_and_what_it_gave_is_finished() -> None:
    driver = Driver(LOCAL)
    attempt = driver.start(lease())
    driver.tell(got.SourceFailed("boom", "Traceback"))
    assert one(driver.log, do.Record).event == NonFatalException(exception="boom", stack_trace="Traceback")
    driver.finish(attempt)
    assert driver.finished == do.Finish("source_failed")


def test_f4_the_limit_of_tasks_ends_the_worker_although_the_source_has_more() -> None:
    driver = Driver(slots=2, max_num_tasks=3)
    driver.start(lease("a"), lease("b"))
    driver.finish(1)
    assert driver.asked(do.Receive)[-1].tasks_max == 1
    driver.start(lease("c"))
    driver.finish(2)
    assert driver.finished is None
    driver.finish(3)
    assert driver.finished == do.Finish("max_num_tasks")
    assert len(driver.asked(do.StartRun)) == 3


def test_f4_a_limit_of_no_tasks_ends_the_worker_at_once() -> None:
    assert Driver(max_num_tasks=0).log == [do.Finish("max_num_tasks")]


def test_the_worker_ends_when_the_queue_has_been_empty_for_long_enough() -> None:
    driver = Driver(idle_exit_s=10.0)
    assert driver.asked(do.Receive)[-1].wait_s == 10.0
    driver.wait(4.0)
    driver.receive(took_s=4.0)
    assert driver.asked(do.Receive)[-1].wait_s == 6.0
    driver.wait(5.5)
    driver.receive(took_s=5.5)
    assert driver.asked(do.Receive)[-1].wait_s == 1.0
    driver.wait(1.0)
    driver.receive(took_s=1.0)
    assert driver.finished == do.Finish("idle")


def test_a_queue_is_not_idle_while_work_is_under_way() -> None:
    driver = Driver(idle_exit_s=10.0)
    attempt = driver.start(lease())
    driver.wait(20.0)
    driver.receive(took_s=20.0)
    driver.finish(attempt)
    assert driver.finished is None
    driver.wait(9.0)
    driver.receive(took_s=9.0)
    assert driver.finished is None
    driver.wait(2.0)
    driver.receive(took_s=2.0)
    assert driver.finished is not None


def test_a_queue_that_cannot_be_read_is_not_an_empty_one() -> None:
    driver = Driver(idle_exit_s=10.0, receive_backoff=STEADY)
    driver.receive()
    driver.wait(1.0)
    for _ in range(10):
        driver.tell(got.ReceiveFailed("no route"))
        driver.wait(16.0)
    assert driver.finished is None


def test_a_worker_that_may_wait_for_ever_does() -> None:
    driver = Driver()
    for _ in range(100):
        driver.wait(100.0)
        driver.receive()
    assert driver.finished is None


# -- tasks that are not wanted -------------------------------------------------------------------------------


def test_f13_tasks_that_are_skipped_are_handed_back_untouched_and_without_an_event() -> None:
    driver = Driver(slots=1, tasks_to_skip=3)
    assert driver.asked(do.Receive)[-1].tasks_max == 4
    driver.receive(lease("a"), malformed("m"), lease("c"), lease("d"))
    assert [(nack.lease.key, nack.reason) for nack in driver.asked(do.Nack)] == [
        ("a", HandBack.SKIPPED),
        ("m", HandBack.SKIPPED),
        ("c", HandBack.SKIPPED),
    ]
    assert [start.task.task_id for start in driver.asked(do.StartRun)] == ["d"]
    assert driver.machine.skipped == 3
    assert not driver.asked(do.Record)


def test_f13_tasks_over_the_limit_are_handed_back_untouched() -> None:
    driver = Driver(slots=3, max_num_tasks=1)
    assert driver.asked(do.Receive)[-1].tasks_max == 1
    driver.receive(lease("a"), lease("b"))
    assert [(nack.lease.key, nack.reason) for nack in driver.asked(do.Nack)] == [("b", HandBack.INTERRUPTED)]


def test_a_task_whose_lease_is_over_on_arrival_is_handed_back_untouched() -> None:
    """The answer to a receive was slow: others may have the task, and its run would be stopped at once."""
    driver = Driver(slots=2)
    driver.wait(100.0)
    driver.receive(lease("late", duration_s=30.0), lease("fresh", duration_s=90.0), took_s=40.0)
    assert [start.task.task_id for start in driver.asked(do.StartRun)] == ["fresh"]
    assert [(nack.lease.key, nack.reason) for nack in driver.asked(do.Nack)] == [
        ("late", HandBack.INTERRUPTED)
    ]
    assert not driver.asked(do.Record)


def test_f13_tasks_over_the_slots_are_handed_back_untouched() -> None:
    driver = Driver(slots=1)
    driver.receive(lease("a"), lease("b"))
    assert [(nack.lease.key, nack.reason) for nack in driver.asked(do.Nack)] == [("b", HandBack.INTERRUPTED)]


def test_f13_skipping_and_a_limit_go_together() -> None:
    driver = Driver(LOCAL, slots=2, tasks_to_skip=2, max_num_tasks=3)
    names = iter("abcdefgh")
    while driver.finished is None:
        asked = driver.receive(*(lease(next(names)) for _ in range(driver.asked(do.Receive)[-1].tasks_max)))
        for start in only(asked, do.StartRun):
            driver.finish(start.attempt_id)
        settle_all(driver)
    assert [start.task.task_id for start in driver.asked(do.StartRun)] == ["c", "d", "e"]
    assert [nack.lease.key for nack in driver.asked(do.Nack)] == ["a", "b"]
    assert driver.finished.reason == "max_num_tasks"


@pytest.mark.parametrize("delay_s_max", [0.0, 900.0])
def test_a_skipped_task_that_comes_again_is_not_run_and_not_chased(delay_s_max: float) -> None:
    capabilities = QueueCapabilities(delay_s_max=delay_s_max)
    driver = Driver(capabilities, slots=1, tasks_to_skip=1, receive_backoff=STEADY)
    driver.receive(lease("a"))
    for delivery in range(2, 6):
        settle_all(driver)
        assert driver.machine._state.receiving
        driver.receive(lease("a", receipt=f"r{delivery}"))
        settle_all(driver)
        assert not only(driver.wait(0.9), do.Receive), "the two would chase each other"
        driver.wait(0.1)
    assert [nack.delay_s for nack in driver.asked(do.Nack)] == (
        [0.0, 4.0, 8.0, 16.0, 16.0] if delay_s_max else [0.0] * 5
    )
    assert not driver.asked(do.StartRun)
    assert driver.machine.skipped == 1


def test_a_queue_that_holds_only_skipped_tasks_counts_as_empty() -> None:
    driver = Driver(QueueCapabilities(), slots=1, tasks_to_skip=1, idle_exit_s=5.0)
    driver.receive(lease("a"))
    settle_all(driver)
    for delivery in range(2, 10):
        driver.receive(lease("a", receipt=f"r{delivery}"))
        settle_all(driver)
        if driver.finished:
            break
        driver.wait(1.0)
    assert driver.finished == do.Finish("idle")
    assert 5.0 <= driver.now <= 7.0


def test_skipping_many_is_not_slowed_down() -> None:
    driver = Driver(CLOUD, slots=1, tasks_to_skip=100)
    for number in range(100):
        driver.receive(lease(f"task {number}"))
        settle_all(driver)
    assert driver.now == 0.0
    assert driver.machine.skipped == 100
    assert driver.machine._state.receiving
