"""arq.

After SIGKILL: nothing is lost; what a dead process had taken is free again when its time-out and ten seconds
have gone by.
"""

# Its packages are in .venv-peers, where mypy does not look.
# mypy: disable-error-code="import-not-found, untyped-decorator"

from __future__ import annotations

import asyncio
import logging
import os
from typing import ClassVar

from arq import Worker, create_pool
from arq.connections import RedisSettings

from benchmarks.peers import tally

REDIS = RedisSettings.from_dsn(os.environ["BENCH_REDIS_URL"])


async def noop(_context: object, number: int) -> None:
    """Do nothing."""
    tally.ran(number)


class WorkerSettings:
    """What its command line reads; no result is kept."""

    functions: ClassVar = [noop]
    redis_settings = REDIS
    max_jobs = 100
    keep_result = 0
    log_results = False


async def fill(count: int) -> None:
    """Put them there, some at a time."""
    pool = await create_pool(REDIS)
    for first in range(0, count, 50):
        numbers = range(first, min(first + 50, count))
        await asyncio.gather(*(pool.enqueue_job("noop", number) for number in numbers))
    await pool.aclose()


def work() -> None:
    """One process of its worker."""
    logging.disable(logging.INFO)  # it says something about each task
    asyncio.set_event_loop(asyncio.new_event_loop())
    settings = {name: value for name, value in vars(WorkerSettings).items() if not name.startswith("__")}
    Worker(**settings).run()
