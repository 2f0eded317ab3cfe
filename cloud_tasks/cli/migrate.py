"""`cloud_tasks migrate`: makes the tables of a database driver, or brings them up to date."""

from __future__ import annotations

import asyncio

from cloud_tasks.cli.queue_call import QueueCall
from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.drivers import sql_settings
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.queues.sql import SqlSettings, open_driver


def run(call: QueueCall) -> int:
    """Run the statements that are wanted, or print them."""
    settings = sql_settings(call.config)
    if settings is None:
        raise ConfigurationError(
            Problem(
                f"the driver {call.config.driver} has no tables",
                helps=("migrate is for --driver sqlite, postgres and mysql",),
                notes=("nothing was touched",),
            )
        )
    return asyncio.run(_migrate(call, settings))


async def _migrate(call: QueueCall, settings: SqlSettings) -> int:
    dry_run = call.switch("dry_run")
    driver = open_driver(settings, SystemClock())
    try:
        statements = await (driver.migration() if dry_run else driver.migrate())
    finally:
        await driver.disconnect()
    if dry_run:
        call.print(*(f"{statement};" for statement in statements))
    call.say(_done(len(statements), dry_run=dry_run))
    return 0


def _done(count: int, *, dry_run: bool) -> str:
    if not count:
        return "the tables are up to date; nothing to do"
    if count == 1:
        return "1 statement would be run" if dry_run else "1 statement was run"
    return f"{count} statements would be run" if dry_run else f"{count} statements were run"
