"""SQLite: a file, for any number of processes of one machine."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from cloud_tasks.queues.sql.dialect import IDS, Dialect, Meaning, leased_columns, waiting
from cloud_tasks.queues.sql.direct import Direct, Found, written_for
from cloud_tasks.queues.sql.settings import SqlSettings, file_of

CONNECTIONS_MAX = 4
"""Only one of them can write at a time."""

_BUSY = frozenset((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED))
_OUTSIDE = frozenset(
    (
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_NOMEM,
    )
)
_MISTAKES = {
    sqlite3.SQLITE_CANTOPEN: "its directory must be there, and this user must be allowed to write to it",
    sqlite3.SQLITE_READONLY: "this user must be allowed to write to the file and to its directory",
    sqlite3.SQLITE_PERM: "this user must be allowed to write to the file and to its directory",
    sqlite3.SQLITE_NOTADB: "name another file: this one is no database of SQLite",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: name another, or bring back a copy",
}


class SqliteDialect(Dialect):
    """SQLite with a write-ahead log: readers hold up nobody, writers take turns.

    Only what puts messages in is flushed to the disk at its commit: a power failure can undo the last leases
    and settlements, and then a message comes again; it undoes no send. See decision 71.
    """

    name = "SQLite"
    option = "--sqlite-path"
    begin = "BEGIN IMMEDIATE"
    durable: ClassVar[tuple[str, str] | None] = ("PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL")
    once = "PRAGMA journal_mode=WAL"
    embedded = True
    now: ClassVar[sa.ColumnElement[int]] = sa.literal_column(
        "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)", sa.BigInteger
    )

    def __init__(self, settings: SqlSettings) -> None:
        super().__init__(settings)
        self._path = file_of(settings.dsn)

    @property
    def where(self) -> str:
        """The file."""
        return f"the file {self._path}"

    def engine(self) -> AsyncEngine:
        """Connections that wait for their turn to write for half of the time that a call may take."""
        size = min(self.settings.pool_size_max, CONNECTIONS_MAX)
        engine = create_async_engine(
            sa.URL.create("sqlite+aiosqlite", database=str(self._path)),
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
            connect_args={"timeout": self.settings.call_s / 2},
            pool_size=size,
            max_overflow=0,
            pool_timeout=self.settings.call_s / 2,
            pool_reset_on_return=None,
        )
        sa.event.listen(engine.sync_engine, "connect", _set_up)
        return engine

    def direct(self, statement: sa.ClauseElement) -> Direct | None:
        """With names for parameters."""
        return written_for(statement, SQLiteDialect_aiosqlite(paramstyle="named"), _fetch)

    async def say(self, connection: Any, text: str) -> None:
        """In one visit to the connection's thread."""
        await connection.execute_fetchall(text)

    @property
    def driver_error(self) -> type[Exception]:
        """Those of Python's own module."""
        return sqlite3.Error

    def is_there(self) -> bool:
        """Whether the file exists: opening it would make it."""
        return self._path.exists()

    def opener(self) -> Callable[[], None]:
        """Python's own module: aiosqlite leaves a thread behind, for a moment, when it cannot."""
        return lambda: sqlite3.connect(self._path).close()

    def take(self, queue: sa.Table) -> sa.Update | None:
        """Update what a sub-query finds: one statement, which is a transaction by itself."""
        c = queue.c
        first = (
            sa.select(c.id)
            .where(waiting(queue, self.now))
            .order_by(c.visible_at, c.id)
            .limit(sa.bindparam("b_count"))
        )
        return (
            sa.update(queue)
            .where(c.id.in_(first))
            .values(
                due_at=c.visible_at,
                visible_at=self.now + sa.bindparam("b_lease", type_=sa.BigInteger),
                leased=sa.true(),
                deliveries=c.deliveries + 1,
            )
            .returning(*leased_columns(queue))
        )

    def among(self, column: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        """One parameter for all: SQLite takes few, and a statement is prepared once."""
        ids = sa.func.json_each(sa.bindparam(IDS)).table_valued("value")
        return column.in_(sa.select(ids.c.value))

    def ids(self, ids: Sequence[int]) -> object:
        """An array of JSON."""
        return json.dumps(list(ids))

    def meaning(self, error: sa.exc.DBAPIError) -> Meaning:
        """By SQLite's code: its classes of errors say little."""
        code = _code(error)
        if code in _BUSY:
            return Meaning.BUSY
        return Meaning.UNAVAILABLE if code in _OUTSIDE or error.connection_invalidated else Meaning.FAULT

    def mistake(self, error: sa.exc.DBAPIError) -> str | None:
        """What cannot be opened or written to."""
        return _MISTAKES.get(_code(error))

    def lock(self) -> tuple[sa.Executable, sa.Executable | None]:
        """Nothing: a transaction that is going to write is alone."""
        return sa.select(1), None


def _set_up(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA synchronous=NORMAL")
    finally:
        cursor.close()


def _code(error: sa.exc.DBAPIError) -> int:
    """The primary code of SQLite; 0 where there is none."""
    return int(getattr(error.orig, "sqlite_errorcode", 0)) & 0xFF


async def _fetch(connection: Any, text: str, parameters: Mapping[str, object]) -> Found:
    """In one visit to the connection's thread."""
    rows: Found = await connection.execute_fetchall(text, parameters)
    return rows
