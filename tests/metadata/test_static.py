from __future__ import annotations

import asyncio
import math

import pytest

from cloud_tasks.interfaces import InstanceIdentity, InstanceMetadata, TerminationNotice
from cloud_tasks.metadata.static import StaticMetadata
from fakes.clock import VirtualClock

US = InstanceIdentity("", "some-host")


async def test_off_the_clouds_no_notice_ever_comes() -> None:
    clock = VirtualClock()
    metadata: InstanceMetadata = StaticMetadata(US, None, None, clock)
    waiting = asyncio.create_task(metadata.wait_termination_notice())
    await clock.run_for(1e9)
    assert not waiting.done()
    waiting.cancel()
    assert await metadata.identity() == US


async def test_a_simulated_notice_comes_when_it_was_announced() -> None:
    clock = VirtualClock(start_s=500.0)
    metadata = StaticMetadata(US, 60.0, 30.0, clock)
    waiting = asyncio.create_task(metadata.wait_termination_notice())
    await clock.run_for(59.9)
    assert not waiting.done()
    await clock.run_for(0.1)
    assert await waiting == TerminationNotice("spot", 30.0)


async def test_the_time_counts_from_the_construction() -> None:
    clock = VirtualClock()
    metadata = StaticMetadata(US, 10.0, 30.0, clock)
    clock.advance(15.0)
    assert await metadata.wait_termination_notice() == TerminationNotice("spot", 25.0)
    clock.advance(100.0)
    assert await metadata.wait_termination_notice() == TerminationNotice("spot", 0.0)


async def test_a_notice_need_not_tell_when() -> None:
    clock = VirtualClock()
    assert await StaticMetadata(US, 0.0, None, clock).wait_termination_notice() == TerminationNotice("spot")


@pytest.mark.parametrize("seconds", [-1.0, math.nan])
def test_times_that_make_no_sense_are_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="notice_after_s"):
        StaticMetadata(US, seconds, None, VirtualClock())
    with pytest.raises(ValueError, match="notice_in_s"):
        StaticMetadata(US, 1.0, seconds, VirtualClock())


async def test_nobody_says_anything_else() -> None:
    clock = VirtualClock()
    metadata = StaticMetadata(US, 1.0, None, clock)
    waiting = asyncio.create_task(metadata.wait_advisory())
    await clock.run_for(1e9)
    assert not waiting.done()
    waiting.cancel()
    await metadata.aclose()
