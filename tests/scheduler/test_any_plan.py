"""Schedulers that come and go, a backend that is away, clocks that are set: each instant once, and all."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_tasks.scheduler.missed import MissedPolicy
from cloud_tasks.scheduler.schedule import instant_of
from tests.scheduler.bench import START, Bench, schedule

State = Literal["there", "away", "silent"]
Step = tuple[str, float]
STATES: tuple[State, ...] = ("there", "away", "silent")

STEPS = st.one_of(
    st.tuples(st.just("start"), st.just(0.0)),
    st.tuples(st.just("kill"), st.just(0.0)),
    st.tuples(st.just("backend"), st.sampled_from([0.0, 1.0, 2.0])),
    st.tuples(st.just("set clock"), st.sampled_from([-200.0, -31.0, -0.4, 0.7, 29.0, 300.0])),
    st.tuples(st.just("run"), st.sampled_from([0.3, 1.0, 4.9, 12.0, 45.0])),
)


async def carried_out(plan: list[Step], *, by_claim: bool) -> tuple[list[datetime], datetime]:
    """What was fired, and the latest moment that a clock showed."""
    bench = Bench(MissedPolicy("all", 3600.0, 10_000), by_claim=by_claim)
    every = schedule(second="*/5")
    runs = [bench.start(every)]
    await bench.run_for(0.0)
    latest = START
    for what, value in [*plan, ("backend", 0.0), ("start", 0.0)]:
        if what == "start":
            runs.append(bench.start(every))
        elif what == "kill" and runs:
            runs.pop(0).cancel()
        elif what == "backend":
            bench.once.state = STATES[int(value)]
        elif what == "set clock":
            bench.clock.step_wall(value)
        await bench.run_for(value if what == "run" else 0.0)
        latest = max(latest, bench.clock.utc_now())
    while bench.clock.utc_now() < latest + timedelta(seconds=60):
        await bench.run_for(30.0)
    fired = [instant_of(text if text.startswith("2") else f"20260101T{text}") for text in await bench.taken()]
    end = bench.clock.utc_now()
    await bench.aclose()
    return fired, end


@pytest.mark.parametrize("by_claim", [False, True], ids=["in one step", "by claim"])
@settings(max_examples=12, deadline=None)
@given(plan=st.lists(STEPS, max_size=15))
def test_each_instant_once(plan: list[Step], *, by_claim: bool) -> None:
    fired, end = asyncio.run(carried_out(plan, by_claim=by_claim))
    assert len(fired) == len(set(fired)), "one fired twice"
    assert all(one.second % 5 == 0 and one <= end for one in fired), "one fired at another time"
    due = {START + timedelta(seconds=5 * number) for number in range(1, 10_000)}
    assert set(fired) >= {one for one in due if one <= end - timedelta(seconds=15)}, "one was left out"
