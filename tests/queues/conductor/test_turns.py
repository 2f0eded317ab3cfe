"""Whose turn it is, and how long the pauses are."""

from __future__ import annotations

import pytest

from cloud_tasks.queues.conductor.polling import LONG_POLL_S_MAX, Turns


def test_types_have_their_turn_one_after_the_other() -> None:
    turns = Turns(["a", "b", "c"], 0.1)
    seen = []
    for tasks in (5, 0, 0, 2, 0):
        seen.append(turns.task_type)
        turns.go_on(tasks=tasks)
    assert seen == ["a", "b", "c", "a", "b"]


def test_pauses_double_up_to_the_interval_while_there_is_nothing() -> None:
    turns = Turns(["a"], 0.1)
    pauses = []
    for _ in range(9):
        turns.go_on(tasks=0)
        pauses.append(turns.pause_s)
    assert pauses == pytest.approx([0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.1, 0.1])


def test_there_is_no_pause_after_a_task() -> None:
    turns = Turns(["a"], 0.1)
    for tasks in (0, 0, 0, 1):
        turns.go_on(tasks=tasks)
    assert turns.pause_s == 0.0


def test_with_several_types_only_a_round_that_brings_nothing_is_followed_by_a_pause() -> None:
    turns = Turns(["a", "b"], 1.0)
    pauses = []
    for _ in range(6):
        turns.go_on(tasks=0)
        pauses.append(turns.pause_s)
    assert pauses == pytest.approx([0.0, 0.001, 0.0, 0.002, 0.0, 0.004])


@pytest.mark.parametrize(
    ("interval_s", "types", "left_s", "wait_s"),
    [(0.5, 1, 20.0, 0.5), (0.5, 2, 20.0, 0.25), (60.0, 1, 20.0, LONG_POLL_S_MAX), (0.5, 1, 0.2, 0.2)],
)
def test_a_poll_waits_no_longer_than_the_interval_and_the_call_allow(
    interval_s: float, types: int, left_s: float, wait_s: float
) -> None:
    assert Turns(["t"] * types, interval_s).wait_s(left_s) == pytest.approx(wait_s)
