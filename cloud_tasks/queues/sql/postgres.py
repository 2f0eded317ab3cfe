"""PostgreSQL: one statement for each call, and news by `LISTEN`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.queues.sql.dialect import (
    IDS,
    Dialect,
    Listen,
    Meaning,
    leased_columns,
    one_line,
    waiting,
)
from cloud_tasks.queues.sql.direct import Direct, Found, written_for
from cloud_tasks.queues.sql.settings import SqlSettings

_AGAIN = frozenset(("40001", "40P01"))
_OUTSIDE_CLASSES = frozenset(("08", "53", "57", "58"))
"""Connections, resources, an operator's intervention, the system."""
_OUTSIDE = frozenset(("25006", "55P03"))
"""A server that only reads (it was the main one until a moment ago); a lock that could not be had."""
_CONNECTING_CLASSES = frozenset(("", "28", "3D"))
"""No state, no user, no database: of these a mistake is told by its words."""
_MISTAKES_LATER = {"permission denied": "grant the user what is missing"}
_MISTAKES = {
    "password authentication failed": "give the user and the password that the server knows",
    "no password supplied": "give the password: postgresql://user:password@host/database",
    "no pg_hba.conf entry": "the server's pg_hba.conf must let this user in from this machine",
    '" does not exist': "create the database and the user, or name those that are there",
    **_MISTAKES_LATER,
    "invalid connection option": "look at what follows the ? in the address",
    "Name or service not known": "look at the name of the host",
    "No address associated": "look at the name of the host",
    "failed to resolve host": "look at the name of the host",
}
_OFF = ("enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_hashjoin", "enable_mergejoin", "jit")
_SILENT_S = 20
"""After so many seconds without an answer to what was sent, or to three probes, the system gives up a
connection."""


class PostgresDialect(Dialect):
    """PostgreSQL, from 12 on."""

    name = "PostgreSQL"
    option = "--postgres-dsn"
    begin = "BEGIN"
    now: ClassVar[sa.ColumnElement[int]] = sa.literal_column(
        "CAST(extract(epoch FROM statement_timestamp()) * 1000000 AS BIGINT)", sa.BigInteger
    )

    def __init__(self, settings: SqlSettings) -> None:
        super().__init__(settings)
        url = sa.make_url(settings.dsn)
        self._url = url.set(drivername="postgresql+psycopg")

    @property
    def where(self) -> str:
        """The address without the password, and without its parameters: one of them may be one."""
        return self._url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)

    def engine(self) -> AsyncEngine:
        """Connections whose end is noticed also when the network only falls silent."""
        kept, besides = self.settings.pool_sizes
        engine = create_async_engine(
            self._url,
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
            connect_args=self._connect_args(),
            pool_size=kept,
            max_overflow=besides,
            pool_timeout=self.settings.call_s / 2,
            pool_reset_on_return=None,
            pool_use_lifo=True,
        )
        sa.event.listen(engine.sync_engine, "connect", _know_one_plan)
        return engine

    def _connect_args(self) -> dict[str, int | str]:
        given = self._url.query
        ours: dict[str, int | str] = {
            "connect_timeout": max(2, round(self.settings.connect_s)),
            "keepalives_idle": _SILENT_S // 2,
            "keepalives_interval": _SILENT_S // 6,
            "keepalives_count": 3,
            "tcp_user_timeout": _SILENT_S * 1000,
            "application_name": "cloud_tasks",
        }
        return {name: value for name, value in ours.items() if name not in given}

    def direct(self, statement: sa.ClauseElement) -> Direct | None:
        """As psycopg is told anyway."""
        dialect = PGDialectAsync_psycopg()  # type: ignore[no-untyped-call] # SQLAlchemy gives it no types
        return written_for(statement, dialect, _fetch)

    async def say(self, connection: Any, text: str) -> None:
        """In one round trip."""
        await connection.execute(text)

    @property
    def driver_error(self) -> type[Exception]:
        """Those of psycopg."""
        import psycopg

        return psycopg.Error

    def take(self, queue: sa.Table) -> sa.Update | None:
        """Lock the first that nobody else has locked, and update them, in one statement."""
        c = queue.c
        # Where the row is: the rows are locked, so they stay there until the end of the statement.
        place: sa.ColumnElement[object] = sa.literal_column(f'"{queue.name}".ctid')
        first = (
            sa.select(place.label("place"))
            .select_from(queue)
            .where(waiting(queue, self.now))
            .order_by(c.visible_at, c.id)
            .limit(sa.bindparam("b_count"))
            .with_for_update(skip_locked=True)
            .cte("first")
        )
        return (
            sa.update(queue)
            .where(place == first.c.place)
            .values(
                due_at=c.visible_at,
                visible_at=self.now + sa.bindparam("b_lease", type_=sa.BigInteger),
                leased=sa.true(),
                deliveries=c.deliveries + 1,
            )
            .returning(*leased_columns(queue))
        )

    def insert_many(self, queue: sa.Table) -> sa.Insert | None:
        """All bodies as one parameter: half the work of a row for each."""
        bodies = sa.bindparam("b_bodies", type_=postgresql.ARRAY(sa.LargeBinary))
        columns = (sa.column("body", sa.LargeBinary),)
        rows = (
            sa.func.unnest(bodies)
            .table_valued(*columns, with_ordinality="place", name="sent")
            .render_derived()
        )
        values = (
            sa.bindparam("b_queue", type_=queue.c.queue.type),
            rows.c.body,
            self.now,
            self.now,
            self.now,
        )
        source = sa.select(*values).order_by(rows.c.place)
        return sa.insert(queue).from_select(["queue", "body", "visible_at", "due_at", "created_at"], source)

    def insert_new(self, table: sa.Table, values: Mapping[str, Any]) -> sa.Insert:
        """One that does nothing: a failure would end the transaction."""
        return postgresql.insert(table).values(**values).on_conflict_do_nothing()

    def among(self, column: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        """One parameter for all, so that the server prepares one statement."""
        return column == sa.any_(sa.bindparam(IDS, type_=postgresql.ARRAY(sa.BigInteger)))

    def meaning(self, error: sa.exc.DBAPIError) -> Meaning:
        """By the server's state, where it told one."""
        state = str(getattr(error.orig, "sqlstate", None) or "")
        if state in _AGAIN:
            return Meaning.AGAIN
        if not state:
            kinds = (sa.exc.OperationalError, sa.exc.InterfaceError)
            lost = error.connection_invalidated or isinstance(error, kinds)
            return Meaning.UNAVAILABLE if lost else Meaning.FAULT
        outside = state in _OUTSIDE or state[:2] in _OUTSIDE_CLASSES
        return Meaning.UNAVAILABLE if outside else Meaning.FAULT

    def words(self, error: BaseException | None) -> str:
        """What it is about: the lines after that show the statement, or values of a row."""
        primary = getattr(getattr(error, "diag", None), "message_primary", None)
        return " ".join(str(primary).split()) if primary else one_line(error)

    def mistake(self, error: sa.exc.DBAPIError) -> str | None:
        """By its words: an error in connecting has no state."""
        text = str(error.orig)
        state = str(getattr(error.orig, "sqlstate", None) or "")
        known = _MISTAKES if state[:2] in _CONNECTING_CLASSES else _MISTAKES_LATER
        return next((help_ for words, help_ in known.items() if words in text), None)

    def lock(self) -> tuple[sa.Executable, sa.Executable | None]:
        """A lock that ends with the transaction."""
        return sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(self.settings.queue_table))), None

    def announcing(self, statement: sa.Insert, queue: str) -> sa.Executable:
        """In the statement of the insert: one call for both, and nobody hears of what is undone."""
        done = statement.cte("done")
        return sa.select(self._notify(queue)).add_cte(done)

    def announcement(self, queue: str) -> sa.Executable | None:
        """`NOTIFY`, on a channel that is called as the table, with the queue's name."""
        return sa.select(self._notify(queue))

    def _notify(self, queue: str) -> sa.ColumnElement[object]:
        return sa.func.pg_notify(self.settings.queue_table, queue)

    def listen(self) -> Listen | None:
        """On a connection of its own."""
        return self._listen

    async def _listen(self, heard: Callable[[str | None], None]) -> None:
        import psycopg
        from psycopg import sql

        _, given = self._url.get_dialect()().create_connect_args(self._url)
        arguments = {**self._connect_args(), **given}
        try:
            async with await psycopg.AsyncConnection.connect(**arguments, autocommit=True) as connection:
                channel = sql.Identifier(self.settings.queue_table)
                await connection.execute(sql.SQL("LISTEN {}").format(channel))
                heard(None)
                async for notice in connection.notifies():
                    heard(notice.payload)
        except (psycopg.Error, OSError) as error:
            raise QueueUnavailableError(f"{self.where}: {error}") from error


def _know_one_plan(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
    """Walk along the index, whatever the statistics say: of a queue they are always out of date.

    A queue that was just filled looks small, and then all of it would be read and sorted for each batch.
    """
    cursor = connection.cursor()
    try:
        cursor.execute("SELECT " + ", ".join(f"set_config('{name}', 'off', false)" for name in _OFF))
    finally:
        cursor.close()


async def _fetch(connection: Any, text: str, parameters: Mapping[str, object]) -> Found:
    """In one round trip; the rows come with the answer."""
    cursor = await connection.execute(text, parameters)
    rows: Found = await cursor.fetchall()
    return rows
