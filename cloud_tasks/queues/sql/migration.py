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
RUN_S = 6 * 3600.0
"""How long a migration may take: it may make the index of a table of many millions of rows."""

Step: TypeAlias = Callable[[Tables], Sequence[sa.Executable]]
Names: TypeAlias = Mapping[str, set[str]]
"""Some names for each table."""
STEPS: Mapping[int, Step] = {}
"""For each version but the newest, what makes the next one of it. There has been one version so far."""


class Found(Struct, frozen=True):
    """What is there.

    Attributes:
        tables: Names of those of our tables that are there.
        version: Their version; None if nobody said.
        lacking: Of each of those that lack columns of ours: which.
        indexes_missing: Of each of those that lack indexes of ours: which.
    """

    tables: frozenset[str]
    version: int | None
    lacking: Mapping[str, frozenset[str]] = {}
    indexes_missing: Mapping[str, frozenset[str]] = {}


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
            ConfigurationError: A table of that name is somebody else's, or lacks columns.
        """
        found = await self.found() if self._database.dialect.is_there() else Found(frozenset(), None)
        return [self._text(one) for one in self._missing(found)]

    async def run(self) -> list[str]:
        """Bring the tables to the newest version; returns the SQL that was run. Two at once do it once.

        Raises:
            ConfigurationError: A table of that name is somebody else's, or lacks columns.
            QueueUnavailableError: Another migration did not end in time, or nobody could be asked.
        """
        await self._say_once()
        return await self._database.transaction(self._locked, durable=True, within_s=RUN_S)

    async def _locked(self, connection: AsyncConnection) -> list[str]:
        dialect = self._database.dialect
        lock, unlock = dialect.lock()
        if not dialect.has_lock((await connection.execute(lock)).scalar()):
            text = f"{dialect.where}: another migration is under way; try again when it has ended"
            raise CallFailedError(text, is_busy=True)
        try:
            statements = self._missing(await self._look(connection))
            for one in statements:
                await connection.execute(one)
            return [self._text(one) for one in statements]
        finally:
            if unlock is not None and not connection.invalidated:
                await connection.execute(unlock)

    def check_columns(self, found: Found, names: Collection[str] | None = None) -> None:
        """See that what is there is ours and whole.

        Tables of an older version may lack columns: its upgrade makes them.

        Args:
            found: What is there.
            names: Which tables are looked at; None: all.

        Raises:
            ConfigurationError: Somebody else has made it, or it lacks columns.
        """
        dialect = self._database.dialect
        lacking = {name: columns for name, columns in found.lacking.items() if names is None or name in names}
        if lacking and found.version is None:
            raise ConfigurationError(problems.tables_foreign(dialect.where, lacking, dialect.elsewhere))
        if lacking and found.version == self.newest:
            told = [
                problems.columns_missing(dialect.where, name, lacking[name], dialect.elsewhere)
                for name in sorted(lacking)
            ]
            raise ConfigurationError(*told)

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
        self.check_columns(found)
        tables, version = self._tables, found.version
        statements: list[sa.Executable] = []
        for number in range(self.newest if version is None else version, self.newest):
            statements += self._steps[number](tables)
        for table in tables.metadata.sorted_tables:
            is_there = table.name in found.tables
            if not is_there:
                statements.append(CreateTable(table))
            if not is_there or version in (None, self.newest):  # those of older tables are their steps' work
                missing = found.indexes_missing.get(table.name, frozenset()) if is_there else None
                statements += [CreateIndex(index) for index in _indexes(table, missing)]
        if version is None:
            statements.append(sa.insert(tables.version).values(version=self.newest))
        elif version < self.newest:
            statements.append(sa.update(tables.version).values(version=self.newest))
        return statements

    async def _look(self, connection: AsyncConnection) -> Found:
        columns, indexes = await connection.run_sync(self._see)
        wanted = self._tables.metadata.tables
        lacking = {name: set(wanted[name].columns.keys()) - columns[name] for name in columns}
        missing = {
            name: {str(one.name) for one in _indexes(wanted[name])} - indexes[name] for name in columns
        }
        version_table = self._tables.version
        version = None
        if version_table.name in columns and not lacking[version_table.name]:
            version = (await connection.execute(sa.select(sa.func.max(version_table.c.version)))).scalar()
        return Found(frozenset(columns), version, _with_any(lacking), _with_any(missing))

    def _see(self, connection: sa.Connection) -> tuple[Names, Names]:
        """Names of the columns, and of the indexes, of each of our tables that is there."""
        inspector = sa.inspect(connection)
        columns: dict[str, set[str]] = {}
        indexes: dict[str, set[str]] = {}
        for name in set(inspector.get_table_names()) & self._tables.metadata.tables.keys():
            try:
                its_columns = {str(column["name"]) for column in inspector.get_columns(name)}
                its_indexes = {str(index["name"]) for index in inspector.get_indexes(name)}
            except sa.exc.NoSuchTableError:
                continue  # removed while we look
            columns[name], indexes[name] = its_columns, its_indexes
        return columns, indexes

    def _text(self, statement: sa.Executable) -> str:
        assert isinstance(statement, sa.ClauseElement)  # noqa: S101 - for the type checker: all of ours are
        made = statement.compile(dialect=self._database.sql_dialect, compile_kwargs={"literal_binds": True})
        return "\n".join(line.rstrip().expandtabs(2) for line in str(made).strip().splitlines())


def _indexes(table: sa.Table, names: Collection[str] | None = None) -> list[sa.Index]:
    """Indexes of the table, in a fixed order; None: all."""
    ordered = sorted(table.indexes, key=lambda one: str(one.name))
    return [one for one in ordered if names is None or one.name in names]


def _with_any(names: Names) -> dict[str, frozenset[str]]:
    return {table: frozenset(some) for table, some in names.items() if some}
