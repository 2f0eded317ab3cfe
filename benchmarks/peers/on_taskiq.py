"""taskiq, with Redis streams.

After SIGKILL: nothing is lost; what a dead process had read is claimed by others after ten minutes without
a sign of life, and a task that runs longer than that is run twice, as no lease is renewed.
"""

# Its packages are in .venv-peers, where mypy does not look.
# mypy: disable-error-code="import-not-found, untyped-decorator"

from __future__ import annotations

import asyncio
import os

from taskiq_redis import RedisStreamBroker

from benchmarks.peers import tally

# "0": what was put there before the first worker came belongs to the workers, too.
broker = RedisStreamBroker(os.environ["BENCH_REDIS_URL"], consumer_id="0", xread_count=100)


@broker.task
async def noop(number: int) -> None:
    """Do nothing."""
    tally.ran(number)


async def fill(count: int) -> None:
    """Put them there, some at a time."""
    await broker.startup()
    for first in range(0, count, 50):
        await asyncio.gather(*(noop.kiq(number) for number in range(first, min(first + 50, count))))
    await broker.shutdown()
