"""The database's clock, which all leases are counted by."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud_tasks.clock import SystemClock
from cloud_tasks.queues.sql import SqlSettings, open_driver

END_OF_SUMMER = 1_729_990_800
"""27 October 2024, one o'clock UTC: clocks in Central Europe go back from three to two."""
HOUR = 3_600


@pytest.mark.parametrize("kind", ["mariadb"])
@pytest.mark.parametrize("moment", [END_OF_SUMMER + at for at in (-HOUR - 1, -HOUR + 1, -1, 1, HOUR + 1)])
async def test_no_hour_comes_twice_in_autumn(settings: SqlSettings, moment: int) -> None:
    """The server is where there is summer time."""
    driver = open_driver(settings, SystemClock())
    await driver.connect()
    database = driver._parts.database

    async def ask(connection: AsyncConnection) -> tuple[str, int]:
        await connection.execute(sa.text(f"SET timestamp = {moment}"))
        zone, now = (
            await connection.execute(sa.select(sa.text("@@system_time_zone"), database.dialect.now))
        ).one()
        await connection.execute(sa.text("SET timestamp = DEFAULT"))
        return zone, now

    assert await database.call(ask) == ("CET", moment * 1_000_000)
    await driver.disconnect()
