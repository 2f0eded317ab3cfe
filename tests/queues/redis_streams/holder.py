"""A worker that takes tasks and is killed: python -m tests.queues.redis_streams.holder URL PREFIX LEASE_S."""

from __future__ import annotations

import asyncio
import sys

from cloud_tasks.clock import SystemClock
from cloud_tasks.queues.redis_streams import RedisSettings, open_driver
from tests.queues.redis_streams.harness import QUEUE


async def main() -> None:
    url, prefix, lease_s = sys.argv[1:]
    driver = open_driver(RedisSettings(url=url, prefix=prefix), SystemClock())
    leases = await driver.tasks(QUEUE, float(lease_s)).receive(100, 10.0)
    print(len(leases), flush=True)  # noqa: T201 - whoever started us reads it
    await asyncio.sleep(60)


asyncio.run(main())
