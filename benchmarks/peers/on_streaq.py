"""streaq.

After SIGKILL: nothing is lost; what a dead process had read is claimed by others after a minute without a
sign of life of that worker.
"""

# Its packages are in .venv-peers, where mypy does not look.
# mypy: disable-error-code="import-not-found, untyped-decorator"

from __future__ import annotations

import logging
import os

from streaq import Worker

from benchmarks.peers import tally

worker: Worker = Worker(redis_url=os.environ["BENCH_REDIS_URL"], concurrency=100, prefetch=100)
logging.disable(logging.INFO)  # it says something about each task


@worker.task(ttl=0, name="noop")
async def noop(number: int) -> None:
    """Do nothing; no result is kept."""
    tally.ran(number)


async def fill(count: int) -> None:
    """Put them there, some at a time."""
    async with worker:
        for first in range(0, count, 500):
            await worker.enqueue_many(
                [noop.enqueue(number) for number in range(first, min(first + 500, count))]
            )
