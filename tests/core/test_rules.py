"""What a task's own rules change, and the history that is kept beside it."""

from __future__ import annotations

import math
from typing import Any

from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.events import TaskEvent
from cloud_tasks.core.policy import Backoff, RetryPolicy, TaskRules
from cloud_tasks.core.task import (
    NOTE_CHARACTERS_MAX,
    NOTES_MAX,
    AttemptNote,
    EndKind,
    HandBack,
    Lease,
    RunEnd,
)
from tests.core.driving import KILLED, RAISED, RETURNED, Driver, lease, malformed, one, only

KEEPING = QueueCapabilities(
    lease_s_max=600.0, delay_s_max=900.0, delivery_count=True, dead_letters=True, history=True
)
PAUSE = Backoff(base_s=30.0, cap_s=30.0, jitter=0.0)
THRICE = RetryPolicy(on_exit=True, on_exception=True, on_timeout=True, attempts_max=3, backoff=PAUSE)


def ruled(
    name: str = "a",
    *,
    retry: RetryPolicy = THRICE,
    max_runtime_s: float = 60.0,
    lease_s: float | None = None,
    duration_s: float | None = None,
    delivery_count: int = 1,
    history: tuple[AttemptNote, ...] = (),
) -> Lease:
    rules = TaskRules(name="app.double", retry=retry, max_runtime_s=max_runtime_s, lease_s=lease_s)
    more: dict[str, Any] = {
        "queue": "high",
        "history": history,
        "rules": rules,
        "delivery_count": delivery_count,
    }
    return lease(name, duration_s=duration_s, **more)


def test_a_task_has_its_own_time_limit() -> None:
    driver = Driver(max_runtime_s=1000.0)
    start = one(driver.receive(ruled(max_runtime_s=5.0)), do.StartRun)
    assert (start.max_runtime_s, start.name, start.queue) == (5.0, "app.double", "high")
    driver.tell(got.RunStarted(start.attempt_id))
    assert not only(driver.wait(4.9), do.StopRun)
    one(driver.wait(0.2), do.StopRun)


def test_a_task_without_a_time_limit_runs_for_as_long_as_it_likes() -> None:
    driver = Driver(max_runtime_s=1.0)
    driver.start(ruled(max_runtime_s=math.inf))
    assert not only(driver.wait(1e9), do.StopRun)


def test_a_task_is_tried_again_by_its_own_rules() -> None:
    driver = Driver()
    nack = one(driver.finish(driver.start(ruled()), RAISED), do.Nack)
    assert (nack.delay_s, nack.reason) == (30.0, HandBack.RETRY)


def test_its_attempts_end_by_its_own_rules() -> None:
    driver = Driver()
    letter = one(driver.finish(driver.start(ruled(delivery_count=3)), RAISED), do.DeadLetter)
    assert letter.reason == "exception at attempt 3, and no further attempt is left"


def test_f_attempts_that_ended_with_their_workers_count() -> None:
    driver = Driver()
    one(driver.receive(ruled(delivery_count=4)), do.Record)
    assert not driver.asked(do.StartRun)
    assert one(driver.store(1), do.DeadLetter).reason == "its attempts are used up: 3"


def test_a_failure_that_would_only_happen_again_is_kept_where_the_rules_say_so() -> None:
    wrong = RunEnd(EndKind.NOT_SERIALIZABLE, exception="a set is not JSON")
    driver = Driver()
    one(driver.finish(driver.start(lease()), wrong), do.Ack)
    keeping = RetryPolicy(on_exception=True, attempts_max=3, keep_failed=True)
    letter = one(driver.finish(driver.start(ruled("b", retry=keeping)), wrong), do.DeadLetter)
    assert letter.reason == "exception at attempt 1, and it would only happen again"
    one(driver.finish(driver.start(ruled("c", retry=keeping)), RETURNED), do.Ack)


def test_events_name_queue_and_function() -> None:
    driver = Driver()
    attempt = driver.start(ruled())
    (event,) = (r.event for r in only(driver.end(attempt), do.Record) if isinstance(r.event, TaskEvent))
    assert (event.queue, event.task_name) == ("high", "app.double")


# --- The length of the lease


def test_a_shorter_lease_of_its_own_counts_from_the_start() -> None:
    driver = Driver()
    assert one(driver.receive(ruled(lease_s=10.0, duration_s=100.0)), do.Extend).seconds == 10.0
    driver.tell(got.RunStarted(1), got.Extended(1, lease(receipt="r2", duration_s=10.0), driver.now))
    assert not only(driver.wait(4.9), do.Extend)
    assert one(driver.wait(0.2), do.Extend).seconds == 10.0


def test_a_longer_lease_of_its_own_counts_from_the_first_renewal() -> None:
    driver = Driver()
    assert not only(driver.receive(ruled(lease_s=500.0, duration_s=100.0)), do.Extend)
    driver.tell(got.RunStarted(1))
    assert one(driver.wait(51.0), do.Extend).seconds == 500.0
    driver.tell(got.Extended(1, lease(receipt="r2", duration_s=500.0), driver.now))
    assert not only(driver.wait(249.0), do.Extend)
    assert one(driver.wait(2.0), do.Extend).seconds == 500.0


def test_a_lease_of_the_right_length_is_left_alone() -> None:
    driver = Driver()
    assert not only(driver.receive(ruled(lease_s=100.0, duration_s=100.0)), do.Extend)


def test_a_lease_that_cannot_be_renewed_stays_as_it_is() -> None:
    driver = Driver(QueueCapabilities(lease_s_max=600.0, renewable=False))
    assert not only(driver.receive(ruled(lease_s=10.0, duration_s=100.0)), do.Extend)


def test_no_more_is_asked_for_than_the_queue_can_give() -> None:
    driver = Driver()
    driver.receive(ruled(lease_s=9000.0, duration_s=100.0))
    assert one(driver.wait(51.0), do.Extend).seconds == 600.0


def test_a_lease_that_is_being_renewed_is_not_extended_twice() -> None:
    driver = Driver(slots=1, starts_max=2)
    start = one(driver.receive(ruled(lease_s=10.0, duration_s=100.0)), do.StartRun)
    driver.tell(got.RunStartFailed(start.attempt_id, "no more processes"))
    again = driver.wait(1.0)
    one(again, do.StartRun)
    assert not only(again, do.Extend)


def test_an_extended_lease_keeps_what_was_added_to_it() -> None:
    driver = Driver(KEEPING)
    note = AttemptNote(1, "exception", 2.0)
    attempt = driver.start(ruled(duration_s=100.0, delivery_count=2, history=(note,)))
    driver.wait(50.0)
    driver.tell(got.Extended(attempt, lease(receipt="r2", duration_s=100.0), driver.now))
    nack = one(driver.finish(attempt, RAISED), do.Nack)
    assert nack.lease.receipt == "r2"
    assert nack.lease.queue == "high"
    assert [one.attempt for one in nack.lease.history] == [1, 2]


# --- History


def test_a_failed_attempt_is_noted() -> None:
    driver = Driver(KEEPING, worker_id="w1")
    attempt = driver.start(ruled())
    driver.now += 4.0
    (note,) = one(driver.finish(attempt, RAISED), do.Nack).lease.history
    assert note == AttemptNote(1, "exception", 4.0, "Traceback: boom", "w1")


def test_a_note_says_what_ended_a_process() -> None:
    driver = Driver(KEEPING)
    killed = one(driver.finish(driver.start(ruled()), KILLED), do.Nack).lease.history
    exited = RunEnd(EndKind.EXITED, exit_code=3, stderr_tail="last words")
    ended = one(driver.finish(driver.start(ruled("b")), exited), do.Nack).lease.history
    assert killed[0].error == "ended by SIGKILL"
    assert ended[0].error == "exit status 3\nlast words"


def test_an_interruption_is_noted_and_counted_apart() -> None:
    driver = Driver(KEEPING, grace_s=10.0)
    attempt = driver.start(ruled())
    driver.tell(got.ShutdownRequested())
    driver.wait(9.0)
    nack = one(driver.finish(attempt, RunEnd(EndKind.EXITED, exit_code=-15, signal="SIGTERM")), do.Nack)
    assert nack.reason is HandBack.INTERRUPTED
    assert [(note.outcome, note.error) for note in nack.lease.history] == [
        ("interrupted", "shutdown\nended by SIGTERM")
    ]


def test_a_run_that_was_never_started_is_noted_with_its_reason() -> None:
    driver = Driver(KEEPING, starts_max=1)
    start = one(driver.receive(ruled()), do.StartRun)
    driver.tell(got.RunStartFailed(start.attempt_id, "no more processes"))
    (note,) = one(driver.store(start.attempt_id), do.Nack).lease.history
    assert note.error == "no more processes"


def test_notes_are_bounded() -> None:
    driver = Driver(KEEPING)
    long = RunEnd(EndKind.RAISED, exception="x" * NOTE_CHARACTERS_MAX + "the end")
    earlier = tuple(AttemptNote(number, "exception", 1.0) for number in range(1, NOTES_MAX + 1))
    many = RetryPolicy(on_exception=True)
    attempt = driver.start(ruled(retry=many, delivery_count=NOTES_MAX + 1, history=earlier))
    history = one(driver.finish(attempt, long), do.Nack).lease.history
    assert [note.attempt for note in history] == list(range(2, NOTES_MAX + 2))
    assert len(history[-1].error) == NOTE_CHARACTERS_MAX
    assert history[-1].error.endswith("the end")


def test_what_was_never_run_is_not_noted() -> None:
    driver = Driver(KEEPING)
    driver.receive(malformed())
    assert one(driver.store(1), do.DeadLetter).lease.history == ()


def test_a_queue_that_keeps_no_history_gets_none() -> None:
    driver = Driver()
    assert one(driver.finish(driver.start(ruled()), RAISED), do.Nack).lease.history == ()


def test_a_function_that_asks_for_a_retry_says_nothing_more() -> None:
    driver = Driver(KEEPING)
    again = RunEnd(EndKind.RETURNED, retry=True)
    (note,) = one(driver.finish(driver.start(ruled()), again), do.Nack).lease.history
    assert (note.outcome, note.error) == ("completed", "")
