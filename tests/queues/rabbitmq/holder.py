"""A worker that takes tasks and is killed: python -m tests.queues.rabbitmq.holder URL QUEUE."""

from __future__ import annotations

import asyncio
import sys

from cloud_tasks.clock import SystemClock
from cloud_tasks.queues.rabbitmq import RabbitSettings, open_driver


async def main() -> None:
    url, name = sys.argv[1:]
    driver = open_driver(RabbitSettings(url=url, exchange_name="tests"), SystemClock())
    leases = await driver.tasks(name, 60.0).receive(1, 10.0)
    print(len(leases), flush=True)  # noqa: T201 - whoever started us reads it
    await asyncio.sleep(60)


asyncio.run(main())
