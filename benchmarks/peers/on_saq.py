"""SAQ.

After SIGKILL: what a dead process had taken is swept once a minute when it has run for longer than its
time-out, and run again if it has attempts left: two are given, as the default is one, which would lose it.
"""

# Its packages are in .venv-peers, where mypy does not look.
# mypy: disable-error-code="import-not-found, untyped-decorator"

from __future__ import annotations

import asyncio
import os

from saq import Queue

from benchmarks.peers import tally

queue = Queue.from_url(os.environ["BENCH_REDIS_URL"], max_concurrent_ops=100)


async def noop(_context: object, *, number: int) -> None:
    """Do nothing."""
    tally.ran(number)


settings = {"queue": queue, "functions": [noop], "concurrency": 100}


async def fill(count: int) -> None:
    """Put them there, some at a time; a time to live below zero: no result is kept."""
    await queue.connect()
    for first in range(0, count, 50):
        numbers = range(first, min(first + 50, count))
        await asyncio.gather(*(queue.enqueue("noop", number=number, retries=2, ttl=-1) for number in numbers))
    await queue.disconnect()
