"""From a lease to its settlement: order, outcomes, retries, books."""

from __future__ import annotations

import math
from typing import Any

import pytest
from msgspec.structs import replace

from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.events import (
    NonFatalException,
    TaskCompleted,
    TaskDeadLettered,
    TaskEvent,
    TaskException,
    TaskExited,
    TaskInterrupted,
    TaskTimedOut,
)
from cloud_tasks.core.policy import Backoff, RetryPolicy
from cloud_tasks.core.task import EndKind, HandBack, OutcomeKind, RunEnd
from tests.core.driving import (
    CLOUD,
    KILLED,
    LOCAL,
    RAISED,
    RETRY,
    RETURNED,
    TERMINATED,
    Driver,
    lease,
    malformed,
    one,
    only,
)

ALL_RETRIES = RetryPolicy(on_exit=True, on_exception=True, on_timeout=True)
KEYS_ONLY = QueueCapabilities(delay_s_max=900.0, dead_letters=True)
"""A queue that counts nothing."""


def events(commands: list[do.Command]) -> list[TaskEvent]:
    return [command.event for command in only(commands, do.Record) if isinstance(command.event, TaskEvent)]


def test_an_attempt_from_lease_to_settlement() -> None:
    driver = Driver(slots=1, now=100.0)
    assert driver.log == [do.Receive(1, 20.0)]
    leased = lease()
    asked = driver.receive(leased)
    assert asked == [do.StartRun(1, leased.task, 1, 60.0)]  # type: ignore[arg-type]
    assert driver.tell(got.RunStarted(1)) == []
    driver.now = 105.0
    event = TaskCompleted(
        task_id="a", elapsed_time=5.0, retry=False, attempt=1, result="result", retry_requested=False
    )
    assert driver.tell(got.RunEnded(1, RETURNED)) == [do.Record(event, 1)]
    assert driver.tell(got.RunGone(1)) == [do.Receive(1, 20.0)]
    ack = one(driver.store(1), do.Ack)
    assert (ack.lease, ack.outcome.kind, ack.outcome.end) == (leased, OutcomeKind.COMPLETED, RETURNED)
    assert driver.tell(got.Settled(1)) == []
    assert driver.machine.started == 1
    assert driver.machine.running == 0


def test_nothing_is_settled_before_the_event_is_stored() -> None:
    driver = Driver()
    attempt = driver.start(lease())
    driver.end(attempt)
    asked = driver.wait(1000.0)
    assert not only(asked, do.Ack)
    one(driver.store(attempt), do.Ack)


def test_the_slot_is_free_only_when_nothing_is_left_of_the_run() -> None:
    driver = Driver(slots=1)
    attempt = driver.start(lease())
    driver.tell(got.RunEnded(attempt, RETURNED))
    driver.store(attempt)
    assert not only(driver.tell(got.Settled(attempt)), do.Receive)
    assert driver.machine.running == 1
    one(driver.tell(got.RunGone(attempt)), do.Receive)


def test_a_run_that_ends_and_is_gone_at_once_frees_its_slot_with_its_outcome() -> None:
    driver = Driver(slots=1)
    attempt = driver.start(lease())
    record, receive = driver.tell(got.RunFinished(attempt, RETURNED))
    assert isinstance(record, do.Record)
    assert receive == do.Receive(1, 20.0)
    assert driver.tell(got.RunFinished(attempt + 1, RETURNED)) == []


@pytest.mark.parametrize(
    ("end", "policy", "event", "settlement"),
    [
        (RETURNED, RetryPolicy(), TaskCompleted, do.Ack),
        (RETRY, RetryPolicy(), TaskCompleted, do.Nack),
        (RAISED, RetryPolicy(), TaskException, do.Ack),
        (RAISED, ALL_RETRIES, TaskException, do.Nack),
        (KILLED, RetryPolicy(), TaskExited, do.Ack),
        (KILLED, ALL_RETRIES, TaskExited, do.Nack),
        (RunEnd(EndKind.WRONG_RETURN), ALL_RETRIES, TaskException, do.Ack),
        (RunEnd(EndKind.NOT_SERIALIZABLE), ALL_RETRIES, TaskException, do.Ack),
        (RunEnd(EndKind.MEMORY_LIMIT), ALL_RETRIES, TaskException, do.Ack),
        (RETRY, RetryPolicy(attempts_max=1), TaskCompleted, do.DeadLetter),
        (KILLED, RetryPolicy(on_exit=True, attempts_max=1), TaskExited, do.DeadLetter),
    ],
)
def test_what_follows_from_an_end(
    end: RunEnd, policy: RetryPolicy, event: type[TaskEvent], settlement: type[do.Command]
) -> None:
    driver = Driver(retry=policy)
    asked = driver.finish(driver.start(lease()), end)
    (told,) = events(asked)
    assert type(told) is event
    assert told.retry is (settlement is do.Nack)
    settled = one(asked, settlement)
    if isinstance(settled, do.Ack):
        assert (settled.outcome.kind is OutcomeKind.COMPLETED) is (end.kind is EndKind.RETURNED)
    if isinstance(settled, do.Nack):
        assert settled.reason is HandBack.RETRY


def test_the_events_tell_what_the_run_said() -> None:
    driver = Driver(LOCAL, slots=9)
    ends = {
        "exited": RunEnd(
            EndKind.EXITED,
            exit_code=-9,
            signal="SIGKILL",
            oom_killed=True,
            peak_memory_bytes=5,
            stderr_tail="x",
        ),
        "raised": RAISED,
        "wrong": RunEnd(EndKind.WRONG_RETURN, exception="returned 3"),
    }
    told = [events(driver.finish(driver.start(lease(name)), end))[0] for name, end in ends.items()]
    common: dict[str, Any] = {"elapsed_time": 0.0, "retry": False, "attempt": 1}
    assert told == [
        TaskExited(
            task_id="exited", exit_code=-9, signal="SIGKILL", oom_killed=True, peak_memory_bytes=5,
            stderr_tail="x", **common,
        ),
        TaskException(task_id="raised", exception="Traceback: boom", exception_kind="raised", **common),
        TaskException(task_id="wrong", exception="returned 3", exception_kind="wrong_return", **common),
    ]  # fmt: skip


def test_f26_a_retry_that_was_asked_for_goes_back_to_the_queue() -> None:
    driver = Driver(retry=RetryPolicy(backoff=Backoff(base_s=10.0, cap_s=10.0, jitter=0.0)))
    asked = driver.finish(driver.start(lease()), RETRY)
    (event,) = events(asked)
    assert isinstance(event, TaskCompleted)
    assert (event.retry, event.retry_requested) == (True, True)
    assert one(asked, do.Nack).delay_s == 10.0


def test_f26_a_worker_that_ends_when_idle_waits_for_the_retries_that_it_sent_back() -> None:
    driver = Driver(idle_exit_s=5.0, retry=RetryPolicy(backoff=Backoff(base_s=60.0, cap_s=60.0, jitter=0.0)))
    driver.finish(driver.start(lease()), RETRY)
    for _ in range(3):
        driver.wait(20.0)
        driver.receive()
        assert driver.finished is None
    driver.wait(5.0)
    driver.receive()
    assert driver.finished == do.Finish("idle")


def test_a_retry_from_a_source_that_takes_nothing_back_is_final_and_says_so() -> None:
    driver = Driver(LOCAL)
    asked = driver.finish(driver.start(lease()), RETRY)
    (event,) = events(asked)
    assert isinstance(event, TaskCompleted)
    assert (event.retry, event.retry_requested) == (False, True)
    assert one(asked, do.Ack).outcome.retry is False


@pytest.mark.parametrize("capabilities", [CLOUD, QueueCapabilities(delivery_count=True)])
def test_without_a_place_for_dead_letters_an_exhausted_task_is_acked(capabilities: QueueCapabilities) -> None:
    driver = Driver(capabilities, retry=RetryPolicy(on_exit=True, attempts_max=2))
    asked = driver.finish(driver.start(lease(delivery_count=2)), KILLED)
    assert events(asked)[0].retry is False
    if capabilities.dead_letters:
        assert one(asked, do.DeadLetter).reason == "exited at attempt 2, and no further attempt is left"
    else:
        assert one(asked, do.Ack).outcome.kind is OutcomeKind.EXITED


@pytest.mark.parametrize("capabilities", [CLOUD, KEYS_ONLY])
def test_f21_attempts_are_counted_on_a_key_that_survives_redelivery(capabilities: QueueCapabilities) -> None:
    """A crashing task is tried as often as allowed, and then put aside, whether the queue counts or not."""
    driver = Driver(capabilities, retry=RetryPolicy(on_exit=True, attempts_max=3))
    numbers = []
    for delivery in range(1, 4):
        count = delivery if capabilities.delivery_count else None
        attempt = driver.start(lease(receipt=f"r{delivery}", delivery_count=count))
        numbers.append(driver.asked(do.StartRun)[-1].attempt)
        driver.finish(attempt, KILLED)
    assert numbers == [1, 2, 3]
    assert len(driver.asked(do.Nack)) == 2
    one(driver.log, do.DeadLetter)


def test_f21_a_task_that_kills_its_worker_is_put_aside_without_another_run() -> None:
    driver = Driver(retry=RetryPolicy(attempts_max=3))
    asked = driver.receive(lease(delivery_count=4))
    assert not only(asked, do.StartRun)
    (event,) = events(asked)
    assert event == TaskDeadLettered(
        task_id="a", elapsed_time=0.0, retry=False, attempt=3, reason="its attempts are used up: 3"
    )
    assert one(driver.store(1), do.DeadLetter).reason == "its attempts are used up: 3"


def test_f21_an_attempt_whose_lease_was_lost_counts_too() -> None:
    driver = Driver(KEYS_ONLY)
    attempt = driver.start(lease(duration_s=30.0))
    driver.tell(got.LeaseLost(attempt, "gone"), got.RunEnded(attempt, TERMINATED), got.RunGone(attempt))
    driver.receive(lease(receipt="r2"))
    assert driver.asked(do.StartRun)[-1].attempt == 2


def test_an_interruption_uses_up_no_attempt() -> None:
    driver = Driver(retry=RetryPolicy(attempts_max=1))
    attempt = driver.start(lease(delivery_count=3, interruptions=2))
    assert driver.asked(do.StartRun)[0].attempt == 1
    driver.tell(got.ShutdownRequested(), got.ShutdownRequested())
    nack = one(driver.finish(attempt, TERMINATED), do.Nack)
    assert (nack.reason, nack.delay_s) == (HandBack.INTERRUPTED, 0.0)


def test_a_task_that_was_never_started_has_used_up_nothing_even_if_it_comes_again_at_once() -> None:
    driver = Driver(slots=2, retry=RetryPolicy(attempts_max=2), max_runtime_s=1000.0)
    driver.start(lease(duration_s=30.0, delivery_count=1))
    driver.wait(30.0)
    driver.receive(lease(receipt="r2", duration_s=30.0, delivery_count=2))
    driver.wait(30.0)
    assert [type(event).__name__ for event in events(driver.log)] == ["TaskInterrupted"]
    driver.tell(got.RunEnded(1, TERMINATED), got.RunGone(1))
    driver.receive(lease(receipt="r3", duration_s=30.0, delivery_count=3))
    assert [start.attempt for start in driver.asked(do.StartRun)] == [1, 2]


def test_an_interruption_is_remembered_where_the_queue_cannot_tell_it_from_an_attempt() -> None:
    driver = Driver(starts_max=1)
    driver.receive(lease(delivery_count=1))
    driver.tell(got.RunStartFailed(1, "no processes left"))
    driver.store(1)
    driver.tell(got.Settled(1))
    driver.receive(lease(receipt="r2", delivery_count=2))
    assert [start.attempt for start in driver.asked(do.StartRun)] == [1, 1]


def test_a_task_that_is_interrupted_too_often_is_put_aside() -> None:
    driver = Driver(retry=RetryPolicy(interruptions_max=3))
    attempt = driver.start(lease(delivery_count=3, interruptions=2))
    driver.tell(got.ShutdownRequested(), got.ShutdownRequested())
    asked = driver.finish(attempt, TERMINATED)
    (event,) = events(asked)
    assert isinstance(event, TaskDeadLettered)
    assert (event.retry, event.attempt) == (False, 1)
    assert event.reason == one(asked, do.DeadLetter).reason
    assert event.reason == "interrupted 3 times, the last time by: shutdown"


def test_a_run_that_cannot_be_started_is_no_interruption_too_many() -> None:
    driver = Driver(starts_max=1, retry=RetryPolicy(interruptions_max=2))
    driver.receive(lease(delivery_count=3, interruptions=2))
    asked = driver.tell(got.RunStartFailed(1, "no processes left"))
    (event,) = events(asked)
    assert isinstance(event, TaskInterrupted)
    assert event.retry
    assert one(driver.store(1), do.Nack).reason is HandBack.INTERRUPTED


def test_a_run_that_is_interrupted_before_it_began_is_no_interruption_too_many() -> None:
    driver = Driver(retry=RetryPolicy(interruptions_max=1))
    driver.receive(lease())
    driver.tell(got.ShutdownRequested(), got.ShutdownRequested())
    asked = driver.finish(1, TERMINATED)
    (event,) = events(asked)
    assert isinstance(event, TaskInterrupted)
    assert (event.retry, event.reason) == (True, "shutdown")
    assert one(asked, do.Nack).reason is HandBack.INTERRUPTED


def test_f14_a_malformed_message_does_not_disturb_its_batch() -> None:
    driver = Driver(slots=3)
    asked = driver.receive(lease("a"), malformed("m"), lease("b"))
    assert [start.task.task_id for start in only(asked, do.StartRun)] == ["a", "b"]
    assert [(event.task_id, type(event)) for event in events(asked)] == [("m", TaskDeadLettered)]
    dead = one(driver.store(2), do.DeadLetter)
    assert (dead.reason, dead.lease.key) == ("not a task", "m")


def test_f14_a_run_that_cannot_be_started_does_not_disturb_its_batch() -> None:
    driver = Driver(slots=2, starts_max=2)
    driver.receive(lease("a"), lease("b"))
    assert driver.tell(got.RunStartFailed(1, "no processes left")) == []
    assert one(driver.wait(10.0), do.StartRun).attempt_id == 1
    asked = driver.tell(got.RunStartFailed(1, "no processes left"))
    (event,) = events(asked)
    assert isinstance(event, TaskInterrupted)
    assert (event.reason, event.retry) == ("no processes left", True)
    assert one(driver.store(1), do.Nack).reason is HandBack.INTERRUPTED
    driver.tell(got.RunStarted(2))
    assert one(driver.finish(2), do.Ack).lease.key == "b"


def test_f17_a_result_that_comes_in_at_the_very_moment_of_its_deadline_counts() -> None:
    driver = Driver()
    attempt = driver.start(lease())
    driver.now += driver.settings.max_runtime_s
    asked = driver.finish(attempt)
    assert not only(asked, do.StopRun)
    assert one(asked, do.Ack).outcome.kind is OutcomeKind.COMPLETED


def test_f17_a_result_that_comes_in_while_the_run_is_being_stopped_counts() -> None:
    driver = Driver()
    attempt = driver.start(lease())
    one(driver.wait(60.0), do.StopRun)
    one(driver.wait(2.0), do.KillRun)
    assert one(driver.finish(attempt), do.Ack).outcome.kind is OutcomeKind.COMPLETED


@pytest.mark.parametrize("end", [TERMINATED, KILLED, RAISED])
def test_a_run_that_is_stopped_at_its_deadline_has_timed_out(end: RunEnd) -> None:
    driver = Driver()
    attempt = driver.start(lease())
    one(driver.wait(60.0), do.StopRun)
    asked = driver.finish(attempt, end)
    (event,) = events(asked)
    assert isinstance(event, TaskTimedOut)
    assert event.elapsed_time == 60.0
    assert one(asked, do.Ack).outcome.kind is OutcomeKind.TIMED_OUT


BROKER = QueueCapabilities(renewable=False, lease_total_s_max=1800.0, delivery_count=True)
"""Holds a message for a worker for half an hour, and nothing makes that longer."""


def test_a_run_ends_while_its_task_can_still_be_settled_where_nothing_extends_the_lease() -> None:
    driver = Driver(BROKER, max_runtime_s=math.inf)
    started = one(driver.receive(lease(), took_s=10.0), do.StartRun)
    driver.wait(60.0)
    driver.tell(got.RunStarted(started.attempt_id))
    assert started.max_runtime_s == 1800.0 - 10.0 - 60.0
    assert not only(driver.wait(1800.0 - 10.0 - 60.0 - 60.0 - 1.0), do.StopRun)
    one(driver.wait(1.0), do.StopRun)
    asked = driver.finish(started.attempt_id, TERMINATED)
    assert one(asked, do.Ack).outcome.kind is OutcomeKind.TIMED_OUT
    (event,) = events(asked)
    assert isinstance(event, TaskTimedOut)
    assert event.reason == "its queue lets a task be held for 1800 s at most"


def test_a_shorter_time_of_its_own_counts_there() -> None:
    driver = Driver(BROKER)
    started = one(driver.receive(lease()), do.StartRun)
    assert started.max_runtime_s == 60.0
    driver.tell(got.RunStarted(started.attempt_id))
    one(driver.wait(60.0), do.StopRun)
    (event,) = events(driver.finish(started.attempt_id, TERMINATED))
    assert isinstance(event, TaskTimedOut)
    assert event.reason == ""


def test_why_a_run_was_cut_short_is_kept_with_its_task() -> None:
    broker = replace(BROKER, history=True, dead_letters=True)
    policy = RetryPolicy(on_timeout=True, attempts_max=1)
    driver = Driver(broker, max_runtime_s=math.inf, retry=policy)
    started = one(driver.receive(lease()), do.StartRun)
    driver.tell(got.RunStarted(started.attempt_id))
    driver.wait(1740.0)
    cancelled = RunEnd(EndKind.EXITED, exception="interrupted: the function was cancelled")
    (note,) = one(driver.finish(started.attempt_id, cancelled), do.DeadLetter).lease.history
    assert note.error.splitlines() == [
        "its queue lets a task be held for 1800 s at most",
        "interrupted: the function was cancelled",
    ]


def test_waiting_for_a_process_does_not_count_against_the_time_that_a_task_may_run() -> None:
    driver = Driver()
    leased = lease()
    driver.receive(leased)
    assert not only(driver.wait(90.0), do.StopRun), "it has not begun"
    driver.tell(got.RunStarted(1))
    assert not only(driver.wait(59.0), do.StopRun)
    one(driver.wait(1.0), do.StopRun)


def test_a_run_that_is_not_started_for_very_long_is_given_up_through_no_fault_of_its_own() -> None:
    driver = Driver(start_s_max=100.0)
    driver.receive(lease())
    one(driver.wait(100.0), do.StopRun)
    (event,) = events(driver.tell(got.RunEnded(1, TERMINATED)))
    assert isinstance(event, TaskInterrupted)
    assert (event.reason, event.retry) == ("it could not be started in time", True)


def test_f25_what_comes_late_changes_nothing() -> None:
    driver = Driver(slots=1)
    attempt = driver.start(lease())
    driver.finish(attempt)
    driver.receive()
    late: list[got.Input] = [
        got.RunStarted(attempt),
        got.RunStartFailed(attempt, "late"),
        got.RunEnded(attempt, KILLED),
        got.RunGone(attempt),
        got.EventsStored([attempt]),
        got.Settled(attempt),
        got.SettleFailed(attempt, "late"),
        got.LeaseLost(attempt, "late"),
    ]
    assert driver.tell(*late) == []
    assert not only(driver.wait(1000.0), do.Record)


def test_f25_a_task_that_completed_is_never_marked_as_failed_afterwards() -> None:
    driver = Driver()
    attempt = driver.start(lease(duration_s=30.0))
    driver.end(attempt)
    asked = driver.wait(20.0)
    one(asked, do.Extend)
    asked = driver.tell(got.LeaseLost(attempt, "somebody else has it"))
    assert not events(asked)
    told = one(asked, do.Record)
    assert told.attempt_id is None
    assert isinstance(told.event, NonFatalException)
    assert told.event.exception == "task a could not be settled, and may run again: somebody else has it"
    assert [type(event) for event in events(driver.log)] == [TaskCompleted]


def test_a_settlement_is_tried_again_with_the_same_verdict_until_it_is_confirmed() -> None:
    driver = Driver(settle_backoff=Backoff(base_s=1.0, cap_s=4.0, jitter=0.0))
    attempt = driver.start(lease())
    driver.end(attempt, RETRY)
    first = one(driver.store(attempt), do.Nack)
    for pause_s in (1.0, 2.0, 4.0, 4.0):
        driver.tell(got.SettleFailed(attempt, "no answer"))
        assert not only(driver.wait(pause_s - 0.1), do.Nack)
        assert one(driver.wait(0.1), do.Nack) == first
    driver.tell(got.Settled(attempt))
    assert not only(driver.wait(1000.0), do.Nack)
    told = [record.event for record in driver.asked(do.Record) if record.attempt_id is None]
    assert [event.exception for event in told if isinstance(event, NonFatalException)] == [
        "task a is not settled yet: no answer"
    ]


def test_a_message_that_comes_again_while_its_older_run_is_dying_waits_for_that() -> None:
    driver = Driver(slots=2)
    attempt = driver.start(lease())
    driver.tell(got.RunEnded(attempt, RETRY))
    driver.store(attempt)
    driver.tell(got.Settled(attempt))
    assert not only(driver.receive(lease(receipt="r2", delivery_count=2)), do.StartRun)
    assert driver.machine.running == 2
    start = one(driver.tell(got.RunGone(attempt)), do.StartRun)
    assert (start.attempt_id, start.attempt) == (2, 2)
    assert driver.machine.running == 1


def test_a_message_that_comes_a_third_time_is_handed_back() -> None:
    driver = Driver(slots=3)
    driver.start(lease())
    driver.receive(lease(receipt="r2"))
    assert one(driver.receive(lease(receipt="r3")), do.Nack).reason is HandBack.INTERRUPTED


def test_a_message_that_waits_for_its_older_run_is_handed_back_at_a_drain() -> None:
    driver = Driver(slots=2)
    driver.start(lease())
    driver.receive(lease(receipt="r2"))
    (event,) = events(driver.tell(got.ShutdownRequested()))
    assert isinstance(event, TaskInterrupted)
    assert event.reason == "an earlier run of it had not ended"
    assert one(driver.store(2), do.Nack).lease.receipt == "r2"


def test_a_message_that_waits_to_be_started_again_is_handed_back_at_a_drain() -> None:
    driver = Driver()
    driver.receive(lease())
    driver.tell(got.RunStartFailed(1, "no processes left"))
    (event,) = events(driver.tell(got.ShutdownRequested()))
    assert isinstance(event, TaskInterrupted)
    assert event.reason == "it could not be started"


def test_a_message_that_waits_for_its_older_run_may_lose_its_lease_too() -> None:
    driver = Driver(slots=2, max_runtime_s=1000.0)
    driver.start(lease())
    driver.receive(lease(receipt="r2", duration_s=30.0))
    driver.wait(15.0)
    (event,) = events(driver.tell(got.LeaseLost(2, "somebody else has it")))
    assert isinstance(event, TaskInterrupted)
    assert event.reason == "lease_lost"
    assert driver.machine.running == 1
    assert not only(driver.finish(1), do.StartRun)


# --- A queue that decides about retries itself

ITS_OWN_RETRIES = QueueCapabilities(lease_s_max=600.0, delivery_count=True, decides_retries=True)


@pytest.mark.parametrize("end", [RETRY, RAISED, KILLED, RETURNED])
@pytest.mark.parametrize("attempts_max", [None, 1])
def test_a_queue_that_decides_about_retries_is_told_the_outcome(
    end: RunEnd, attempts_max: int | None
) -> None:
    driver = Driver(
        ITS_OWN_RETRIES,
        retry=RetryPolicy(on_exit=True, on_exception=True, attempts_max=attempts_max, keep_failed=True),
    )
    driver.receive(lease(duration_s=60.0, delivery_count=1))
    asked = driver.tell(got.RunStarted(1), got.RunEnded(1, end), got.EventsStored([1]))
    (ack,) = only(asked, do.Ack)
    assert ack.outcome.retry_requested == (end is not RETURNED)
    assert not ack.outcome.retry


def test_a_queue_that_decides_about_retries_gets_back_what_was_interrupted() -> None:
    driver = Driver(ITS_OWN_RETRIES, grace_s=60.0)
    driver.receive(lease(duration_s=600.0, delivery_count=3))
    driver.tell(got.RunStarted(1), got.ShutdownRequested())
    driver.wait(59.0)
    assert only(driver.log, do.StopRun)
    driver.tell(got.RunEnded(1, TERMINATED), got.EventsStored([1]))
    (nack,) = only(driver.log, do.Nack)
    assert nack.reason is HandBack.INTERRUPTED


def test_such_a_queue_has_left_interruptions_out_of_its_count() -> None:
    driver = Driver(ITS_OWN_RETRIES, slots=1, starts_max=1)
    driver.receive(lease(receipt="r1", duration_s=600.0, delivery_count=1))
    driver.tell(got.RunStartFailed(1, "no processes left"))
    (nack,) = only(driver.store(1), do.Nack)
    assert nack.reason is HandBack.INTERRUPTED
    driver.tell(got.Settled(1))
    asked = driver.receive(lease(receipt="r2", duration_s=600.0, delivery_count=2))
    assert only(asked, do.StartRun)[0].attempt == 2


def test_a_task_that_such_a_queue_hands_out_again_is_the_attempt_that_it_says() -> None:
    driver = Driver(ITS_OWN_RETRIES, slots=1)
    for number in (1, 2):
        asked = driver.receive(lease(receipt=f"r{number}", duration_s=60.0, delivery_count=number))
        (start,) = only(asked, do.StartRun)
        assert start.attempt == number
        driver.tell(got.RunStarted(number), got.RunEnded(number, RAISED), got.EventsStored([number]))
        driver.tell(got.RunGone(number), got.Settled(number))


def test_what_was_handed_back_while_an_older_run_was_dying_counts_as_no_attempt() -> None:
    driver = Driver()
    first = driver.start(lease(receipt="r1", delivery_count=1))
    driver.tell(got.RunEnded(first, KILLED))
    driver.store(first)
    driver.tell(got.Settled(first))
    driver.receive(lease(receipt="r2", delivery_count=2))  # waits for what is left of the first
    for number in (3, 4):
        nack = one(driver.receive(lease(receipt=f"r{number}", delivery_count=number)), do.Nack)
        assert nack.reason is HandBack.INTERRUPTED
        driver.tell(got.Settled(nack.attempt_id))
        driver.wait(1.0)
    second = one(driver.tell(got.RunGone(first)), do.StartRun)
    assert second.attempt == 2
    driver.tell(got.RunStarted(second.attempt_id))
    driver.receive(lease(receipt="r5", delivery_count=5))
    driver.end(second.attempt_id, KILLED)
    assert driver.asked(do.StartRun)[-1].attempt == 3, "of five deliveries two were no attempts"
