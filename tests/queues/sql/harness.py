"""The SQL backend under the contracts: real databases, in which time is passed by moving the rows."""

from __future__ import annotations

import secrets
from pathlib import Path

import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import TaskQueue, TaskSender
from cloud_tasks.queues.sql import SqlSettings, open_driver
from cloud_tasks.queues.sql.driver import SqlDriver
from cloud_tasks.queues.sql.leases import US
from tests.contracts.harness import RealTime


class AheadClock(SystemClock):
    """The machine's clock, moved ahead as the rows are moved back."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s

    async def sleep_until(self, moment: float) -> None:
        await super().sleep_until(moment - self.ahead_s)


def settings_of(dsn: str | Path, **values: object) -> SqlSettings:
    """Tables of our own in a database that others use as well."""
    name = f"t{secrets.token_hex(6)}"
    settings = SqlSettings(
        dsn=str(dsn), queue_table=name, dead_letter_table=f"{name}_dead", completed_table=f"{name}_completed"
    )
    return structs.replace(settings, pool_size_min=2, pool_size_max=4, **values)


async def run_sql(driver: SqlDriver, *statements: sa.Executable | str) -> None:
    """Say something to the driver's database."""

    async def work(connection: AsyncConnection) -> None:
        for one in statements:
            await connection.execute(sa.text(one) if isinstance(one, str) else one)

    await driver._parts.database.transaction(work)


class SqlHarness(RealTime):
    """One queue of a database, in tables that it shares with others; what is left in it is nobody's."""

    strict_receipts = True
    keeps_order = True
    text_only = False

    def __init__(self, settings: SqlSettings, lease_s: float = 4.0, patience_s: float = 0.3) -> None:
        super().__init__()
        self.lease_s = lease_s
        self.patience_s = patience_s
        self.name = f"jobs-{secrets.token_hex(6)}"
        self.clock: AheadClock = AheadClock()
        self.driver = open_driver(settings, self.clock)

    async def open(self) -> TaskQueue:
        await self.driver.connect()
        self.queue = self.driver.tasks(self.name, self.lease_s)
        return self.queue

    def sender(self) -> TaskSender:
        return self.driver.sender(self.name)

    async def send(self, *tasks: Task) -> None:
        await self.sender().send_many(tasks)

    async def send_raw(self, body: bytes) -> None:
        statements, now = self.driver._parts.statements, self.driver._parts.database.dialect.now
        await run_sql(
            self.driver,
            statements.insert_soon.values(queue=self.name, body=body, visible_at=now, due_at=now),
        )

    async def end(self) -> None:
        raise AssertionError("the queue has no end")

    async def dead_letters(self) -> list[tuple[bytes, str]]:
        letters = await self.driver.dead_letters(self.name).oldest(10)
        return [(letter.body, letter.reason) for letter in letters]

    async def advance(self, seconds: float) -> None:
        await super().advance(0.01)
        if seconds > 0.01:
            table = self.driver._parts.tables.queue
            earlier = table.c.visible_at - int(seconds * US)
            ours = sa.update(table).where(table.c.queue == self.name)
            await run_sql(self.driver, ours.values(visible_at=earlier))
            self.clock.ahead_s += seconds

    async def aclose(self) -> None:
        await self.queue.aclose()
        await self.driver.disconnect()
