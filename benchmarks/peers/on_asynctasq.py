"""AsyncTasQ.

After SIGKILL: what a dead process had taken stays in a list of running tasks, from which nobody takes it.
"""

# Its packages are in .venv-peers, where mypy does not look.
# mypy: disable-error-code="import-not-found, untyped-decorator"

from __future__ import annotations

import asyncio
import os

import asynctasq

from benchmarks.peers import tally

SETTINGS = {"driver": "redis", "redis": asynctasq.RedisConfig(url=os.environ["BENCH_REDIS_URL"])}


@asynctasq.task
async def noop(number: int) -> None:
    """Do nothing."""
    tally.ran(number)


async def fill(count: int) -> None:
    """Put them there, some at a time."""
    asynctasq.init(SETTINGS)
    for first in range(0, count, 50):
        await asyncio.gather(
            *(noop(number=number).dispatch() for number in range(first, min(first + 50, count)))
        )


async def work() -> None:
    """One process of its worker; its command line does the same, and takes uvloop, too."""
    asynctasq.init(SETTINGS)
    config = asynctasq.Config.get()
    await asynctasq.Worker(
        asynctasq.DriverFactory.create("redis", config), ["default"], concurrency=100
    ).start()
