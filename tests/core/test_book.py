"""What the machine remembers stays bounded, and comes back as it was put in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloud_tasks.core.book import LEDGER_ENTRIES_MAX, Attempt, Ledger, Runs
from cloud_tasks.core.timers import NEVER, Timers
from tests.core.driving import lease


def test_the_ledger_forgets_the_oldest_first() -> None:
    ledger = Ledger()
    for number in range(LEDGER_ENTRIES_MAX):
        ledger.note(str(number), 1, 0)
    ledger.note("0", 2, 3)
    ledger.note("one more", 1, 0)
    assert ledger.of("0") == (2, 3)
    assert ledger.of("1") == (0, 0)
    assert ledger.of("2") == (1, 0)
    ledger.forget("2")
    assert ledger.of("2") == (0, 0)


def test_an_heir_takes_over_when_the_older_run_leaves() -> None:
    runs = Runs()
    first, second = (Attempt(number, lease(), 1, 0, 0.0, 0.0) for number in (1, 2))
    assert runs.enter(first)
    assert not runs.enter(second)
    assert not runs.has_heir("a")
    runs.wait(second)
    assert runs.has_heir("a")
    assert runs.leave(first) is second
    assert not runs.enter(first)
    assert not runs.has_heir("a")
    assert runs.leave(second) is None
    assert runs.enter(first)


def test_an_heir_that_gives_up_leaves_the_older_run_alone() -> None:
    runs = Runs()
    first, second = (Attempt(number, lease(), 1, 0, 0.0, 0.0) for number in (1, 2))
    assert runs.enter(first)
    runs.wait(second)
    assert runs.leave(second) is None
    assert not runs.enter(second)
    assert runs.leave(first) is None


def test_timers_come_in_order_and_a_later_plan_replaces_an_earlier_one() -> None:
    timers = Timers()
    assert timers.soonest == NEVER
    assert timers.pop_due(1e9) is None
    for key, moment in ((1, 5.0), (2, 3.0), (3, 3.0), (1, 1.0), (2, 9.0)):
        timers.plan(key, moment)
    timers.drop(3)
    timers.drop(4)
    assert timers.soonest == 1.0
    assert timers.pop_due(0.5) is None
    assert [timers.pop_due(8.0), timers.pop_due(8.0)] == [1, None]
    assert [timers.pop_due(9.0), timers.pop_due(9.0)] == [2, None]
    assert timers.soonest == NEVER


@given(st.lists(st.tuples(st.integers(1, 5), st.floats(0, 100) | st.none())))
def test_timers_agree_with_a_plain_table(plans: list[tuple[int, float | None]]) -> None:
    timers, table = Timers(), dict[int, float]()
    for key, moment in plans:
        if moment is None:
            timers.drop(key)
            table.pop(key, None)
        else:
            timers.plan(key, moment)
            table[key] = moment
    assert timers.soonest <= min(table.values(), default=NEVER)
    popped = []
    while (key_due := timers.pop_due(50.0)) is not None:
        popped.append(key_due)
    assert sorted(popped) == sorted(key for key, moment in table.items() if moment <= 50.0)
    assert [table[key] for key in popped] == sorted(table[key] for key in popped)


def test_what_was_dropped_is_not_waited_for() -> None:
    timers = Timers()
    for key, moment in ((1, 1.0), (2, 2.0), (3, 3.0)):
        timers.plan(key, moment)
    timers.drop(2)
    assert timers.soonest == 1.0
    timers.drop(1)
    assert timers.soonest == 3.0
    timers.drop(3)
    assert timers.soonest == NEVER


def test_timers_do_not_grow_with_what_is_cancelled() -> None:
    timers = Timers()
    for number in range(10_000):
        timers.plan(1, float(number))
    assert len(timers._heap) <= 2 + 64 + 1
    assert timers.pop_due(1e9) == 1
