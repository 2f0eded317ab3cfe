"""Emptying a queue, and seeing that it is empty."""

from __future__ import annotations

from cloud_tasks.cli.chosen import total
from cloud_tasks.interfaces import Clock, QueueInspector

EMPTY_S_MAX = 90.0
"""SQS takes up to a minute, and counts with some delay."""
LOOK_EVERY_S = 2.0


async def empty(inspector: QueueInspector, clock: Clock) -> int:
    """Remove every message; returns how many are still counted when we gave up waiting, 0 if none is.

    A provider may count late, or refuse a purge because there was one a moment ago, so the count is believed
    and not the answer.
    """
    give_up_at = clock.monotonic() + EMPTY_S_MAX
    await inspector.purge()
    while left := total(await inspector.depth()):
        if clock.monotonic() >= give_up_at:
            return left
        await clock.sleep_until(clock.monotonic() + LOOK_EVERY_S)
        await inspector.purge()
    return 0
