"""Making the tables, and bringing them to the version that this program knows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeAlias

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import CreateIndex, CreateTable

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.queues.sql import problems
from cloud_tasks.queues.sql.database import CallFailedError, Database
from cloud_tasks.queues.sql.tables import Tables

ONCE_TRIES = 50
ONCE_PAUSE_S = 0.1

Step: TypeAlias = Callable[[Tables], Sequence[sa.Executable]]
STEPS: Mapping[int, Step] = {}
"""For each version but the newest, what makes the next one of it. There has been one version so far."""


class Found(Struct, frozen=True):
    """What is there.

    Attributes:
        tables: Names of those of our tables that are there.
        version: Their version; None if nobody said.
        foreign: Names of those that somebody else has made: they lack columns of ours.
    """

    tables: frozenset[str]
    version: int | None
    foreign: frozenset[str] = frozenset()


class Migration:
    """Looks at the tables of a database, and makes or upgrades them.

    Args:
        database: Where.
        tables: As they are to be.
        steps: For each older version, what makes the next one of it.
    """

    def __init__(self, database: Database, tables: Tables, steps: Mapping[int, Step] = STEPS) -> None:
        self._database = database
        self._tables = tables
        self._steps = steps

    @property
    def newest(self) -> int:
        """The version that this program works with."""
        return max(self._steps, default=0) + 1

    async def found(self) -> Found:
        """What is there.

        Raises:
            QueueUnavailableError: Nobody could be asked.
        """
        return await self._database.call(self._look)

    async def plan(self) -> list[str]:
        """The SQL that `run` would run; [] if there is nothing to do.

        Raises:
            ConfigurationError: A table of that name is somebody else's.
        """
        found = await self.found() if self._database.dialect.is_there() else Found(frozenset(), None)
        return [self._text(one) for one in self._missing(found)]

    async def run(self) -> list[str]:
        """Bring the tables to the newest version; returns the SQL that was run. Two at once do it once.

        Raises:
            ConfigurationError: A table of that name is somebody else's.
        """
        await self._say_once()
        lock, unlock = self._database.dialect.lock()

        async def work(connection: AsyncConnection) -> list[str]:
            await connection.execute(lock)
            try:
                statements = self._missing(await self._look(connection))
                for one in statements:
                    await connection.execute(one)
                return [self._text(one) for one in statements]
            finally:
                if unlock is not None:
                    await connection.execute(unlock)

        return await self._database.transaction(work, durable=True)

    def check_ours(self, found: Found) -> None:
        """See that nobody else has made what is there.

        Raises:
            ConfigurationError: Somebody has.
        """
        if found.foreign:
            dialect = self._database.dialect
            raise ConfigurationError(problems.tables_foreign(dialect.where, found.foreign, dialect.elsewhere))

    async def _say_once(self) -> None:
        """What SQLite does only when nobody else is there, and does not wait for."""
        once = self._database.dialect.once
        for left in reversed(range(ONCE_TRIES if once else 0)):
            try:
                await self._database.call(lambda connection: connection.exec_driver_sql(once))
            except CallFailedError as error:
                if not left or not error.is_busy:
                    raise
                await asyncio.sleep(ONCE_PAUSE_S)
            else:
                return

    def _missing(self, found: Found) -> list[sa.Executable]:
        """What has to be said to make the newest version of what is there."""
        self.check_ours(found)
        tables, version = self._tables, found.version
        statements: list[sa.Executable] = []
        for number in range(self.newest if version is None else version, self.newest):
            statements += self._steps[number](tables)
        for table in tables.metadata.sorted_tables:
            if table.name not in found.tables:
                statements.append(CreateTable(table))
                statements += [
                    CreateIndex(index) for index in sorted(table.indexes, key=lambda one: str(one.name))
                ]
        if version is None:
            statements.append(sa.insert(tables.version).values(version=self.newest))
        elif version < self.newest:
            statements.append(sa.update(tables.version).values(version=self.newest))
        return statements

    async def _look(self, connection: AsyncConnection) -> Found:
        ours = {table.name for table in self._tables.metadata.sorted_tables}
        there = await connection.run_sync(lambda sync: set(sa.inspect(sync).get_table_names()))
        version = None
        if self._tables.version.name in there:
            version = (
                await connection.execute(sa.select(sa.func.max(self._tables.version.c.version)))
            ).scalar()
        foreign = frozenset[str]()
        if version is None:  # tables that have one were made by us
            foreign = await connection.run_sync(self._foreign, ours & there)
        return Found(frozenset(ours & there), version, foreign)

    def _foreign(self, connection: sa.Connection, names: Collection[str]) -> frozenset[str]:
        """Those of the tables that lack columns of ours."""
        inspector = sa.inspect(connection)
        wanted = {name: set(self._tables.metadata.tables[name].columns.keys()) for name in names}
        return frozenset(
            name
            for name, columns in wanted.items()
            if not columns <= {str(column["name"]) for column in inspector.get_columns(name)}
        )

    def _text(self, statement: sa.Executable) -> str:
        assert isinstance(statement, sa.ClauseElement)  # noqa: S101 - for the type checker: all of ours are
        made = statement.compile(dialect=self._database.sql_dialect, compile_kwargs={"literal_binds": True})
        return "\n".join(line.rstrip().expandtabs(2) for line in str(made).strip().splitlines())
