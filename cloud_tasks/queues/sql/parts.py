"""What all queues of one database share."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.sql.database import Database
from cloud_tasks.queues.sql.dialect import Dialect
from cloud_tasks.queues.sql.leases import ServerTime
from cloud_tasks.queues.sql.lookout import Lookout
from cloud_tasks.queues.sql.statements import Statements
from cloud_tasks.queues.sql.tables import Tables
from cloud_tasks.queues.sql.waiting import Bell


class Parts:
    """The pieces of a driver.

    Attributes:
        clock: Time.
        database: Calls.
        tables: Tables.
        statements: What is said.
        bell: Wakes those who wait.
        server_time: What is known of the database's clock.
    """

    def __init__(self, dialect: Dialect, clock: Clock) -> None:
        self.clock = clock
        self.database = Database(dialect)
        self.tables = Tables(dialect.settings)
        self.statements = Statements(self.tables, dialect)
        look = Lookout(self.database, self.tables).look
        self.bell = Bell(look, dialect.listen(), clock, dialect.settings.poll_s)
        self.server_time = ServerTime(clock)

    async def server_now(self) -> str:
        """The database's time in ISO 8601; asked for once."""
        if not self.server_time.is_known:
            await self.server_now_us()
        return self.server_time.now()

    async def server_now_us(self) -> int:
        """The database's time, asked for now, in microseconds since 1970."""

        async def work(connection: AsyncConnection) -> int:
            return int((await connection.execute(self.statements.now)).scalar_one())

        moment_us = await self.database.call(work)
        self.server_time.learn(moment_us)
        return moment_us
