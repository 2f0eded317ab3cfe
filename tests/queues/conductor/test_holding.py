"""What is remembered of tasks that are held."""

from __future__ import annotations

from cloud_tasks.queues.conductor.holding import FORGET_S, Holding
from cloud_tasks.queues.conductor.leases import Held


def _held(number: int, response_timeout_s: float = 10.0) -> Held:
    return Held(f"task-{number}", "flow", response_timeout_s, 1.0)


def test_a_task_may_be_late_when_its_time_is_over_unless_it_was_extended() -> None:
    holding, held = Holding(), _held(1)
    holding.hold(held, 100.0)
    assert not holding.may_be_late(held, 109.9)
    assert holding.may_be_late(held, 110.0)
    holding.hold(held, 109.0)
    assert not holding.may_be_late(held, 118.9)


def test_without_a_time_out_it_is_never_late() -> None:
    holding, held = Holding(), _held(1, response_timeout_s=0.0)
    holding.hold(held, 0.0)
    assert not holding.may_be_late(held, 1e9)


def test_what_it_has_said_goes_with_it() -> None:
    holding, held = Holding(), _held(1)
    holding.hold(held, 0.0)
    holding.said(held, {"page": 3})
    assert holding.so_far(held) == {"page": 3}
    holding.let_go(held)
    assert holding.so_far(held) is None
    assert len(holding) == 0


def test_the_server_is_asked_about_a_task_that_nobody_remembers() -> None:
    assert Holding().may_be_late(_held(1), 0.0)


def test_tasks_that_were_lost_without_a_word_are_forgotten_in_the_end() -> None:
    """One that sleeps for a week must not fill the memory; those that are held stay, whatever their age."""
    holding = Holding()
    for number in range(1_000):
        holding.hold(_held(number), float(number))
        holding.said(_held(number), {"number": number})
    for_ever = _held(1_000, response_timeout_s=0.0)
    holding.hold(for_ever, 1_000.0)
    holding.hold(_held(1_001), 1_000.0 + 10.0 + FORGET_S)
    assert len(holding) == 2
    assert holding.so_far(_held(0)) is None
    assert not holding.may_be_late(for_ever, 1e9)
