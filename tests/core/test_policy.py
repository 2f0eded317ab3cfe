"""Arithmetic and rules, as values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_tasks.core.policy import (
    Backoff,
    RetryPolicy,
    StopPlan,
    attempt_number,
    earlier_of,
    extension_s,
    plan_fence,
    plan_hand_back,
    plan_renewal,
    plan_stop,
)
from cloud_tasks.core.task import EndKind, RunEnd


def test_pauses_grow_to_the_longest() -> None:
    backoff = Backoff(base_s=1.0, cap_s=5.0, jitter=0.0)
    assert [backoff.pause_s(tries, "") for tries in (1, 2, 3, 4, 1000)] == [1.0, 2.0, 4.0, 5.0, 5.0]


@given(st.floats(0, 1e4), st.floats(0, 1e4), st.floats(0, 1), st.integers(0, 10**6), st.text())
def test_a_pause_is_within_its_bounds_and_the_same_in_every_replay(
    base_s: float, cap_s: float, jitter: float, tries: int, salt: str
) -> None:
    backoff = Backoff(base_s=base_s, cap_s=cap_s, jitter=jitter)
    pause_s = backoff.pause_s(tries, salt)
    assert 0 <= pause_s <= cap_s
    assert pause_s == backoff.pause_s(tries, salt)


def test_pauses_differ_from_task_to_task() -> None:
    backoff = Backoff(base_s=1.0, cap_s=1.0)
    assert len({backoff.pause_s(1, f"task-{number}") for number in range(100)}) > 90
    assert backoff.pause_s(1, "\ud800") > 0


EVERYTHING = RetryPolicy(on_exit=True, on_exception=True, on_timeout=True)


@pytest.mark.parametrize(
    ("end", "timed_out", "by_default", "if_told"),
    [
        (RunEnd(EndKind.RETURNED), False, False, False),
        (RunEnd(EndKind.RETURNED, retry=True), False, True, True),
        (RunEnd(EndKind.RAISED), False, False, True),
        (RunEnd(EndKind.EXITED), False, False, True),
        (RunEnd(EndKind.EXITED), True, False, True),
        (RunEnd(EndKind.RAISED), True, False, True),
        (RunEnd(EndKind.WRONG_RETURN), False, False, False),
        (RunEnd(EndKind.NOT_SERIALIZABLE), False, False, False),
        (RunEnd(EndKind.MEMORY_LIMIT), False, False, False),
    ],
)
def test_what_is_tried_again(end: RunEnd, timed_out: bool, by_default: bool, if_told: bool) -> None:  # noqa: FBT001
    assert RetryPolicy().wants_retry(end, timed_out=timed_out) is by_default
    assert EVERYTHING.wants_retry(end, timed_out=timed_out) is if_told


def test_a_timeout_is_not_an_exit() -> None:
    assert not RetryPolicy(on_exit=True).wants_retry(RunEnd(EndKind.EXITED), timed_out=True)


def test_budgets() -> None:
    policy = RetryPolicy(attempts_max=3, interruptions_max=2)
    assert [policy.exhausted(attempts) for attempts in (2, 3, 4)] == [False, True, True]
    assert [policy.too_often_interrupted(times) for times in (1, 2, 3)] == [False, True, True]
    assert not RetryPolicy().exhausted(10**9)
    assert not RetryPolicy().too_often_interrupted(10**9)


@pytest.mark.parametrize(
    ("grace_s", "plan"),
    [
        (30.0, StopPlan(stop_at=128.0, kill_at=129.0, exit_at=130.0)),
        (5.0, StopPlan(stop_at=104.0, kill_at=104.5, exit_at=105.0)),
        (0.0, StopPlan(stop_at=100.0, kill_at=100.0, exit_at=101.0)),
    ],
)
def test_stop_and_kill_fit_into_the_grace_period(grace_s: float, plan: StopPlan) -> None:
    assert plan_stop(100.0, grace_s, stop_s=2.0) == plan


@pytest.mark.parametrize(
    ("kill_at", "now", "exit_at"),
    [
        (29.0, 29.0, 30.0),
        (29.0, 29.75, 30.75),
        (29.0, 45.0, 46.0),
        (29.5, 29.75, 30.25),
        (29.5, 30.0, 31.0),
        (25.0, 40.0, 45.0),
    ],
)
def test_who_kills_late_has_still_time_to_hand_back(kill_at: float, now: float, exit_at: float) -> None:
    after = plan_hand_back(StopPlan(stop_at=20.0, kill_at=kill_at, exit_at=30.0), now)
    assert after == StopPlan(stop_at=20.0, kill_at=kill_at, exit_at=exit_at)


def test_of_two_plans_each_step_is_taken_when_the_first_says() -> None:
    one, other = StopPlan(1.0, 8.0, 9.0), StopPlan(5.0, 6.0, 10.0)
    assert earlier_of(one, other) == earlier_of(other, one) == StopPlan(1.0, 6.0, 9.0)


def test_a_lease_is_renewed_at_half_time_and_given_up_before_its_end() -> None:
    assert plan_renewal(100.0, 30.0) == 115.0
    assert plan_fence(100.0, 30.0, stop_s=2.0) == 127.0
    assert plan_fence(100.0, 600.0, stop_s=2.0) == 696.0


@pytest.mark.parametrize(
    ("wanted_s", "lease_s_max", "held_s", "total_s_max", "seconds"),
    [
        (30.0, None, 1000.0, None, 30.0),
        (30.0, 20.0, 1000.0, None, 20.0),
        (30.0, 600.0, 80.0, 100.0, 20.0),
        (30.0, 600.0, 120.0, 100.0, -20.0),
    ],
)
def test_an_extension_stays_within_what_the_backend_gives(
    wanted_s: float, lease_s_max: float | None, held_s: float, total_s_max: float | None, seconds: float
) -> None:
    assert extension_s(wanted_s, lease_s_max, held_s, total_s_max) == seconds


@pytest.mark.parametrize(
    ("delivery_count", "interruptions", "seen_before", "number"),
    [(None, 0, 0, 1), (None, 5, 2, 3), (1, 0, 0, 1), (4, 1, 0, 3), (2, 0, 3, 4), (1, 3, 0, 1)],
)
def test_the_number_of_an_attempt(
    delivery_count: int | None, interruptions: int, seen_before: int, number: int
) -> None:
    assert attempt_number(delivery_count, interruptions, seen_before) == number
