"""A process with nothing but a scheduler: `python -m tests.scheduler.firing URL [STORE]`."""

from __future__ import annotations

import asyncio
import logging
import sys

from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.scheduling import opened_scheduler, schedules_of
from cloud_tasks.compose.transports import open_transport
from cloud_tasks.config_file.nodes import Text
from cloud_tasks.scheduler.missed import MissedPolicy

QUEUE = "scheduled_tick"
SETTING = "- {name: tick, worker: w, payload: {x: 1}, second: '*'}"


async def fire(url: str, store_url: str | None) -> None:
    clock = SystemClock()
    text = Text("settings.yaml", SETTING)
    root = text.root()
    assert root is not None
    driver = open_transport(url, clock)
    await driver.connect()
    opened = opened_scheduler(
        schedules_of([(text, root)]),
        driver,
        store_url=store_url,
        policy=MissedPolicy(),
        clock=clock,
        log=logging.getLogger("scheduler"),
    )
    async with opened as scheduler:
        print("ready", flush=True)  # noqa: T201 - the test waits for it
        await scheduler.run()


if __name__ == "__main__":
    asyncio.run(fire(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
