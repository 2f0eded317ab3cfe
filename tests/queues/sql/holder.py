"""A process that takes leases, says which, and waits to be killed."""

from __future__ import annotations

import asyncio
import sys

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import HandBack, Outcome, OutcomeKind
from cloud_tasks.queues.sql import SqlSettings, open_driver


async def hold(dsn: str, table: str, queue: str) -> None:
    """Ack one, hand one back, and keep the rest."""
    settings = SqlSettings(
        dsn=dsn, queue_table=table, dead_letter_table=f"{table}_dead", completed_table=f"{table}_completed"
    )
    driver = open_driver(settings, SystemClock())
    await driver.connect()
    tasks = driver.tasks(queue, 30.0)
    leases = await tasks.receive(10, 5.0)
    await tasks.ack(leases[0], Outcome(OutcomeKind.COMPLETED))
    await tasks.nack(leases[1], 0.0, HandBack.RETRY)
    print(*(lease.task.task_id for lease in leases), flush=True)  # noqa: T201 - to whoever is going to kill us
    await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(hold(*sys.argv[1:]))
