"""Which calls faults strike: by the plan, the seed and the calls alone."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import VirtualClock
from fakes.faults import LOG_MAX, FaultInjector, FaultKind, FaultPlan, FaultRule, Struck

THROTTLE = FaultKind.THROTTLE


def struck_calls(
    plan: FaultPlan, calls: Iterable[str], clock: VirtualClock | None = None, step_s: float = 0.0
) -> list[int]:
    """The numbers, from 1, of the calls that anything strikes."""
    clock = clock or VirtualClock()
    injector = FaultInjector(plan, clock)
    found = []
    for number, call in enumerate(calls, 1):
        if injector.decide(call):
            found.append(number)
        clock.advance(step_s)
    return found


def only(**values: object) -> FaultPlan:
    """A plan of one rule that throttles."""
    return FaultPlan(rules=(FaultRule(THROTTLE, **values),))  # type: ignore[arg-type] # a test's own names


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (only(calls=(2, 5)), [2, 5]),
        (only(every=3), [3, 6, 9]),
        (only(every=4, calls=(1,)), [1, 4, 8]),
        (only(probability=1.0), list(range(1, 11))),
        (only(rate_per_s=7), [8, 9, 10]),
        (only(rate_per_s=0), list(range(1, 11))),
        (FaultPlan(), []),
    ],
)
def test_ways_to_pick_calls(plan: FaultPlan, expected: list[int]) -> None:
    assert struck_calls(plan, ["Call"] * 10) == expected


def test_each_second_has_its_own_count() -> None:
    assert struck_calls(only(rate_per_s=3), ["Call"] * 10, step_s=0.2) == [4, 5, 9, 10]


def test_a_rule_counts_the_calls_that_it_is_about() -> None:
    calls = ["Send", "Receive", "Send", "SendBatch", "Receive", "Send"]
    assert struck_calls(only(operation="Send", every=2), calls) == [3]
    assert struck_calls(only(operation="Send*", every=2), calls) == [3, 6]


def test_a_rule_is_in_force_for_a_span_of_time_from_the_start() -> None:
    clock = VirtualClock(start_s=1000.0)
    assert struck_calls(only(every=1, from_s=2.0, until_s=5.0), ["Call"] * 8, clock, 1.0) == [3, 4, 5]


def test_chance_keeps_to_its_probability() -> None:
    found = struck_calls(only(probability=0.25), ["Call"] * 4000)
    assert 900 < len(found) < 1100


RULES = st.builds(
    FaultRule,
    kind=st.sampled_from([kind for kind in FaultKind if kind is not FaultKind.DELAY]),
    operation=st.sampled_from(["*", "Send", "Receive*"]),
    probability=st.sampled_from([0.1, 0.5, 0.9]),
    every=st.none() | st.integers(1, 5),
    rate_per_s=st.none() | st.sampled_from([0.0, 1.0, 3.0]),
    from_s=st.sampled_from([0.0, 1.0]),
)
CALLS = st.lists(st.sampled_from(["Send", "Receive", "ReceiveAll", "Delete"]), max_size=30)


def log_of(plan: FaultPlan, calls: list[str]) -> list[Struck]:
    clock = VirtualClock()
    told: list[Struck] = []
    injector = FaultInjector(plan, clock, told.append)
    for call in calls:
        injector.decide(call)
        clock.advance(0.25)
    assert told == injector.log
    assert sum(injector.injected.values()) == len(told)
    return told


@given(st.integers(0, 5), st.lists(RULES, max_size=4), CALLS)
def test_the_same_seed_gives_the_same_log(seed: int, rules: list[FaultRule], calls: list[str]) -> None:
    plan = FaultPlan(seed, tuple(rules))
    assert log_of(plan, calls) == log_of(plan, calls)


@given(st.integers(0, 5), st.lists(RULES, min_size=1, max_size=4), CALLS)
def test_a_rule_more_changes_nothing_for_those_before(
    seed: int, rules: list[FaultRule], calls: list[str]
) -> None:
    fewer = log_of(FaultPlan(seed, tuple(rules[:-1])), calls)
    more = log_of(FaultPlan(seed, tuple(rules)), calls)
    assert [one for one in more if one.rule < len(rules) - 1] == fewer


def test_another_seed_gives_another_log() -> None:
    calls = ["Call"] * 50
    logs = {tuple(struck_calls(FaultPlan(seed, only(probability=0.5).rules), calls)) for seed in range(10)}
    assert len(logs) == 10


def test_rules_that_say_the_same_do_not_strike_the_same_calls() -> None:
    rule = FaultRule(THROTTLE, probability=0.5)
    log = log_of(FaultPlan(rules=(rule, rule)), ["Call"] * 50)
    first, second = ([one.call for one in log if one.rule == number] for number in (0, 1))
    assert first != second


def test_what_made_a_difference_is_counted_apart() -> None:
    rule = FaultRule(THROTTLE, every=1)
    injector = FaultInjector(FaultPlan(rules=(rule,)), VirtualClock())
    for _ in range(3):
        injector.decide("Call")
    injector.had_effect(rule)
    assert (injector.injected[THROTTLE], injector.effective[THROTTLE]) == (3, 1)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"probability": 1.1}, "probability"),
        ({"probability": math.nan}, "probability"),
        ({"calls": (0,)}, "calls"),
        ({"every": 0}, "every"),
        ({"rate_per_s": -1.0}, "rate_per_s"),
        ({"rate_per_s": math.nan}, "rate_per_s"),
        ({"every": 1, "from_s": 5.0, "until_s": 5.0}, "from_s"),
        ({"every": 1, "delay_s": 1.0}, "delay_s"),
        ({"kind": FaultKind.DELAY, "every": 1}, "delay_s"),
        ({"kind": FaultKind.DELAY, "every": 1, "delay_s": math.inf}, "delay_s"),
        ({}, "probability"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(values: dict[str, object], named: str) -> None:
    arguments: dict[str, object] = {"kind": THROTTLE, **values}
    with pytest.raises(ValueError, match=f"`{named}`"):
        FaultRule(**arguments)  # type: ignore[arg-type] # that is the point


def test_the_log_keeps_the_last_of_many() -> None:
    """A program that serves for weeks does not grow by it."""
    injector = FaultInjector(only(every=1), VirtualClock())
    for _ in range(LOG_MAX + 5):
        injector.decide("Call")
    assert [struck.call for struck in injector.log] == list(range(6, LOG_MAX + 6))
    assert injector.injected[THROTTLE] == LOG_MAX + 5
