"""MySQL from 8.0 on, and MariaDB from 10.6 on."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.queues.sql import problems
from cloud_tasks.queues.sql.dialect import IDS, Dialect, Meaning, one_line
from cloud_tasks.queues.sql.settings import SqlSettings

RECYCLE_S = 1800
"""Servers end connections on which nothing was asked for hours."""
_LOCK_CALLS = 2
"""A migration waits for another one as long as so many calls may take."""

_AGAIN = frozenset((1213, 1205, 1020))
"""A deadlock; a lock that could not be had; a row that somebody else changed."""
_OUTSIDE = frozenset(
    (1021, 1037, 1038, 1040, 1041, 1053, 1114, 1158, 1159, 1160, 1161, 1203, 1290, 1836, 1927)
)
"""No room, no memory, too many connections, the server's end, the network, a server that only reads, a
connection that somebody killed."""
_OF_THE_CLIENT = range(2000, 3000)
_MISTAKES = {
    1044: "grant the user the database, or name another",
    1045: "give the user and the password that the server knows",
    1049: "create the database, or name one that is there",
    1142: "grant the user what is missing",
    1698: "give the user and the password that the server knows",
}
_HOST_UNKNOWN = ("Name or service not known", "No address associated", "nodename nor servname")


class MysqlDialect(Dialect):
    """MySQL and MariaDB: two statements in a transaction where others need one."""

    name = "MySQL"
    option = "--mysql-dsn"
    begin = "START TRANSACTION"
    returning = False
    # Not by way of `NOW()`, which is the time of the server's zone: in autumn, an hour of it comes twice.
    now: ClassVar[sa.ColumnElement[int]] = sa.literal_column(
        "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))", sa.BigInteger
    )

    def __init__(self, settings: SqlSettings) -> None:
        super().__init__(settings)
        url = sa.make_url(settings.dsn)
        self._url = url.set(drivername=f"{url.get_backend_name()}+asyncmy")

    @property
    def where(self) -> str:
        """The address without the password, and without its parameters: one of them may be one."""
        url = self._url.set(drivername=self._url.get_backend_name(), query={})
        return url.render_as_string(hide_password=True)

    def engine(self) -> AsyncEngine:
        """Connections that see what is committed, and lock no gaps.

        Raises:
            ConfigurationError: The address has a parameter that nobody knows.
        """
        self._check_parameters()
        kept, besides = self.settings.pool_sizes
        return create_async_engine(
            self._url,
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
            connect_args={
                "connect_timeout": max(1, round(self.settings.connect_s)),
                "init_command": "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
                "charset": "utf8mb4",
            },
            pool_size=kept,
            max_overflow=besides,
            pool_timeout=self.settings.call_s / 2,
            pool_recycle=RECYCLE_S,
            pool_reset_on_return=None,
            pool_use_lifo=True,
        )

    def _check_parameters(self) -> None:
        """See that the library takes what is in the address: it would raise a `TypeError` at each call."""
        import asyncmy

        _, wanted = self._url.get_dialect()().create_connect_args(self._url)
        try:
            known = inspect.signature(asyncmy.connect).parameters.keys()
        except ValueError:  # built in a way that does not tell
            return
        if unknown := wanted.keys() - known:
            raise ConfigurationError(problems.parameters_unknown(self.given_with, self.where, unknown))

    async def say(self, connection: Any, text: str) -> None:
        """In one round trip."""
        await connection.query(text)

    @property
    def driver_error(self) -> type[Exception]:
        """Those of asyncmy."""
        from asyncmy.errors import MySQLError

        return MySQLError

    def take(self, queue: sa.Table) -> sa.Update | None:
        """MySQL returns nothing from an update."""
        return None

    def among(self, column: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        """As many parameters as there are ids."""
        return column.in_(sa.bindparam(IDS, expanding=True))

    def meaning(self, error: sa.exc.DBAPIError) -> Meaning:
        """By the server's number; from 2000 on they are the client's, about connections."""
        number = _number(error)
        if number in _AGAIN:
            return Meaning.AGAIN
        outside = number in _OUTSIDE or number in _OF_THE_CLIENT or error.connection_invalidated
        return Meaning.UNAVAILABLE if outside or not number else Meaning.FAULT

    def words(self, error: BaseException | None) -> str:
        """The server's words, and its number behind them."""
        match getattr(error, "args", ()):
            case (int(number), str(text)):
                return f"{' '.join(text.split())} ({number})"
            case _:
                return one_line(error)

    def mistake(self, error: sa.exc.DBAPIError) -> str | None:
        """By the server's number, or the resolver's words."""
        if any(words in str(error.orig) for words in _HOST_UNKNOWN):
            return "look at the name of the host"
        return _MISTAKES.get(_number(error))

    def lock(self) -> tuple[sa.Executable, sa.Executable | None]:
        """A lock with a name: making a table ends a transaction here."""
        name = f"cloud_tasks.{self.settings.queue_table}"
        wait_s = max(1, round(_LOCK_CALLS * self.settings.call_s))
        return sa.select(sa.func.get_lock(name, wait_s)), sa.select(sa.func.release_lock(name))

    def has_lock(self, answer: object) -> bool:
        """It answers 0 when its time is over, and NULL when something went wrong."""
        return answer == 1


def _number(error: sa.exc.DBAPIError) -> int:
    arguments = getattr(error.orig, "args", ())
    first = arguments[0] if arguments else 0
    return first if isinstance(first, int) else 0
