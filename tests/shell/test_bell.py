"""`Bell`: heard once, by the one who waits."""

from __future__ import annotations

import asyncio

import pytest

from cloud_tasks.shell.bell import Bell


async def test_who_waits_is_woken() -> None:
    bell = Bell()
    waiting = asyncio.ensure_future(bell.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    bell.ring()
    bell.ring()
    await asyncio.wait_for(waiting, 1.0)
    assert not bell.is_rung()


async def test_what_rang_before_is_heard_once() -> None:
    bell = Bell()
    bell.ring()
    assert bell.is_rung()
    await asyncio.wait_for(bell.wait(), 1.0)
    waiting = asyncio.ensure_future(bell.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    bell.ring()
    await asyncio.wait_for(waiting, 1.0)


async def test_a_wait_that_is_given_up_leaves_the_bell_to_the_next() -> None:
    bell = Bell()
    given_up = asyncio.ensure_future(bell.wait())
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.wait((given_up,))
    bell.ring()
    await asyncio.wait_for(bell.wait(), 1.0)


async def test_only_one_may_wait() -> None:
    bell = Bell()
    waiting = asyncio.ensure_future(bell.wait())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="already"):
        await bell.wait()
    bell.ring()
    await asyncio.wait_for(waiting, 1.0)
