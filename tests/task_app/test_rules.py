"""From `@task` and the settings to what the core is told."""

from __future__ import annotations

import math

import pytest

from cloud_tasks.core.policy import RetryPolicy
from cloud_tasks.task_app.options import RETRY_JITTER, TaskDefaults, TaskOptions, rules_of


def pauses(retry: RetryPolicy, count: int) -> list[float]:
    return [retry.backoff.pause_s(number, "key") for number in range(1, count + 1)]


def test_what_nobody_says_is_as_the_settings_say() -> None:
    rules = rules_of("app.f", TaskOptions(), TaskDefaults())
    assert (rules.name, rules.max_runtime_s, rules.lease_s) == ("app.f", math.inf, 300.0)
    retry = rules.retry
    assert retry.attempts_max == 3
    assert retry.on_exception
    assert retry.on_exit
    assert retry.on_timeout
    assert retry.keep_failed


def test_what_the_function_says_wins() -> None:
    said = TaskOptions(max_attempts=1, timeout=2.0, visibility_timeout=600.0)
    rules = rules_of("f", said, TaskDefaults(max_attempts=9, timeout=9.0))
    assert (rules.retry.attempts_max, rules.max_runtime_s, rules.lease_s) == (1, 2.0, 600.0)


def test_exponential_pauses_are_those_of_the_guide() -> None:
    retry = rules_of("f", TaskOptions(max_attempts=5, retry_delay=30), TaskDefaults()).retry
    for pause_s, full_s in zip(pauses(retry, 5), [30, 60, 120, 240, 480], strict=True):
        assert full_s * (1 - RETRY_JITTER) <= pause_s <= full_s


def test_fixed_pauses_stay_the_same() -> None:
    retry = rules_of("f", TaskOptions(retry_strategy="fixed", retry_delay=7), TaskDefaults()).retry
    assert all(7 * (1 - RETRY_JITTER) <= pause_s <= 7 for pause_s in pauses(retry, 6))


def test_pauses_have_a_cap() -> None:
    retry = rules_of("f", TaskOptions(), TaskDefaults(retry_delay=60, retry_delay_max=100)).retry
    assert max(pauses(retry, 50)) <= 100


def test_a_first_pause_above_the_cap_stays_as_it_is() -> None:
    retry = rules_of("f", TaskOptions(retry_delay=7200), TaskDefaults()).retry
    assert all(7200 * (1 - RETRY_JITTER) <= pause_s <= 7200 for pause_s in pauses(retry, 4))


def test_no_pause_is_none() -> None:
    retry = rules_of("f", TaskOptions(retry_delay=0), TaskDefaults()).retry
    assert pauses(retry, 3) == [0, 0, 0]


def test_tasks_that_failed_together_come_apart() -> None:
    backoff = rules_of("f", TaskOptions(), TaskDefaults()).retry.backoff
    assert len({backoff.pause_s(1, f"task-{number}") for number in range(50)}) > 40


@pytest.mark.parametrize("strategy", ["fixed", "exponential"])
def test_the_settings_say_the_strategy(strategy: str) -> None:
    factor = rules_of("f", TaskOptions(), TaskDefaults(retry_strategy=strategy)).retry.backoff.factor
    assert factor == (1.0 if strategy == "fixed" else 2.0)
