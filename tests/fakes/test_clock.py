from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta

import pytest

from cloud_tasks.interfaces import Clock
from fakes.clock import VirtualClock, settle


def sleepers(clock: Clock, log: list[str], *moments: float) -> list[asyncio.Task[None]]:
    async def sleep(moment: float, name: str) -> None:
        await clock.sleep_until(moment)
        log.append(f"{name}@{clock.monotonic():g}")

    return [
        asyncio.create_task(sleep(moment, f"{chr(ord('a') + n)}{moment:g}"))
        for n, moment in enumerate(moments)
    ]


async def test_time_stands_still_by_itself() -> None:
    clock = VirtualClock(start_s=7.0)
    await asyncio.sleep(0.01)
    assert clock.monotonic() == 7.0


async def test_a_jump_releases_in_order_of_time_then_first_come() -> None:
    clock, log = VirtualClock(), list[str]()
    tasks = sleepers(clock, log, 3, 1, 2, 1, 9)
    await settle()
    clock.advance(5)
    await settle()
    assert log == ["b1@5", "d1@5", "c2@5", "a3@5"]
    assert not tasks[4].done()
    clock.advance_to(9)
    await tasks[4]


async def test_run_for_wakes_each_sleeper_on_time() -> None:
    clock, log = VirtualClock(), list[str]()
    sleepers(clock, log, 3, 1, 2, 1)
    await clock.run_for(5)
    assert log == ["b1@1", "d1@1", "c2@2", "a3@3"]
    assert clock.monotonic() == 5


async def test_run_for_sees_sleeps_that_begin_on_the_way() -> None:
    clock, seen = VirtualClock(), list[float]()

    async def tick() -> None:
        while True:
            await clock.sleep_until(clock.monotonic() + 1)
            seen.append(clock.monotonic())

    ticking = asyncio.create_task(tick())
    await clock.run_for(4.5)
    assert seen == [1, 2, 3, 4]
    ticking.cancel()


async def test_a_moment_that_has_passed_gives_way_to_others() -> None:
    clock = VirtualClock(start_s=10.0)
    other = asyncio.create_task(asyncio.sleep(0))
    for _ in range(3):
        await clock.sleep_until(10.0)
    assert other.done()


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = VirtualClock()
    for _ in range(1000):
        (task,) = sleepers(clock, [], 100)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    assert clock.next_deadline() is None
    assert len(clock._sleepers._heap) < 200


@pytest.mark.parametrize("moment", [4.9, math.nan, math.inf])
def test_it_goes_forward_only(moment: float) -> None:
    clock = VirtualClock(start_s=5.0)
    with pytest.raises(ValueError, match="cannot go"):
        clock.advance_to(moment)


def test_f31_a_wall_step_leaves_durations_alone() -> None:
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    clock = VirtualClock(start, start_s=50.0)
    clock.advance(10)
    assert clock.utc_now() == start + timedelta(seconds=10)
    clock.step_wall(-3600)
    assert clock.utc_now() == start + timedelta(seconds=10 - 3600)
    assert clock.monotonic() == 60.0
