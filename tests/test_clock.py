from __future__ import annotations

import asyncio
import math
import time
from datetime import UTC, timedelta

from cloud_tasks.clock import SystemClock
from cloud_tasks.interfaces import Clock


async def test_it_sleeps_until_the_moment_and_not_less() -> None:
    clock: Clock = SystemClock()
    moment = clock.monotonic() + 0.03
    await clock.sleep_until(moment)
    assert clock.monotonic() >= moment


async def test_a_moment_that_has_passed_still_gives_way_to_others() -> None:
    clock = SystemClock()
    other = asyncio.create_task(asyncio.sleep(0))
    for _ in range(3):
        await clock.sleep_until(clock.monotonic() - 100)
    assert other.done()


async def test_for_ever_is_a_time() -> None:
    sleeper = asyncio.create_task(SystemClock().sleep_until(math.inf))
    await asyncio.sleep(0.01)
    assert not sleeper.done()
    sleeper.cancel()


def test_f31_durations_are_those_of_the_monotonic_clock() -> None:
    before = time.monotonic()
    assert before <= SystemClock().monotonic() <= time.monotonic()


def test_the_time_of_day_is_aware_and_in_utc() -> None:
    now = SystemClock().utc_now()
    assert now.tzinfo is UTC
    assert now.utcoffset() == timedelta(0)
