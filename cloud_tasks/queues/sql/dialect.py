"""What differs between databases: how they are reached, what they call the time, what their errors mean."""

from __future__ import annotations

import enum
import shlex
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from cloud_tasks.queues.sql.direct import Direct
from cloud_tasks.queues.sql.settings import SqlSettings

IDS = "ids"
"""Name of the parameter that `Dialect.among` makes."""
Listen: TypeAlias = Callable[[Callable[[str | None], None]], Awaitable[None]]
"""Listens until its connection ends; tells the queue in which something arrived, None for any."""


class Meaning(enum.Enum):
    """What an error of the database's means for whoever made the call."""

    AGAIN = "again"
    """The transaction was undone to make way for another; it can be made again at once."""
    BUSY = "busy"
    """Somebody else was in the way for as long as could be waited."""
    UNAVAILABLE = "unavailable"
    """Nothing was done, or nobody knows; may work later."""
    FAULT = "fault"
    """The statement itself is wrong."""


class Dialect(ABC):
    """One kind of database.

    Attributes:
        name: What it is called.
        option: The option that says where the database is.
        begin: How a transaction begins that is going to write.
        durable: What is to be said before a transaction that must outlive a power failure, and after it;
            () where all of them do.
        once: What is to be said before there are tables, outside of transactions; "" for nothing.
        returning: Whether `DELETE ... RETURNING` is there.
        embedded: Whether the database is a file of our own.
        now: The database's time, in microseconds since 1970; the same all through a statement.
    """

    name: ClassVar[str]
    option: ClassVar[str]
    begin: ClassVar[str]
    durable: ClassVar[tuple[str, str] | None] = None
    once: ClassVar[str] = ""
    returning: ClassVar[bool] = True
    embedded: ClassVar[bool] = False
    now: ClassVar[sa.ColumnElement[int]]

    def __init__(self, settings: SqlSettings) -> None:
        self.settings = settings

    @property
    def given_with(self) -> str:
        """What the address is given with, as a person is told."""
        return self.option if self.settings.has_flags else "the address of the transport"

    @property
    def elsewhere(self) -> str:
        """How other tables are named than those that are there, as a person is told."""
        if self.embedded or not self.settings.has_flags:
            return f"name another database with {self.given_with}"
        begin = self.option.removesuffix("-dsn")
        return f"name another table with {begin}-queue-table or {begin}-dead-letter-table"

    @property
    def migrate(self) -> str:
        """The command that makes the tables, as a person is told; one can do without what a variable says."""
        settings, driver = self.settings, self.option.strip("-").partition("-")[0]
        address = shlex.quote(settings.dsn) if self.embedded else "ADDRESS"
        words = ["cloud_tasks migrate", f"--driver {driver}", f"{self.option} {address}"]
        if settings.has_flags:
            usual = SqlSettings(dsn="")
            if settings.queue_table != usual.queue_table:
                words.append(f"--{driver}-queue-table {settings.queue_table}")
            if settings.dead_letter_table != usual.dead_letter_table:
                words.append(f"--{driver}-dead-letter-table {settings.dead_letter_table}")
            if settings.keep_completed:
                words.append("--repository-keep-completed-tasks")
        return " ".join(words)

    @property
    @abstractmethod
    def where(self) -> str:
        """The database, as a person is told; without a password."""

    @abstractmethod
    def engine(self) -> AsyncEngine:
        """A pool of connections, every one of which commits each statement by itself; nothing is asked yet.

        Raises:
            ImportError: A package is not there.
        """

    def direct(self, statement: sa.ClauseElement) -> Direct | None:
        """The statement as the driver itself takes it; None where it goes the long way."""
        return None

    @abstractmethod
    async def say(self, connection: Any, text: str) -> None:
        """Have the driver itself say something that has no parameters and no rows."""

    @property
    @abstractmethod
    def driver_error(self) -> type[Exception]:
        """The class of all errors of the driver."""

    def is_there(self) -> bool:
        """Whether there is a database already, as far as can be told without opening it."""
        return True

    def opener(self) -> Callable[[], None] | None:
        """What opens the file once and closes it again; None where there is no file.

        It blocks, and raises what the driver raises: one of `driver_error`.
        """
        return None

    @abstractmethod
    def take(self, queue: sa.Table) -> sa.Update | None:
        """One statement that leases messages; None where it takes two.

        Parameters `b_queue`, `b_count`, `b_begin`, `b_lease`; it returns `leased_columns`.
        """

    def insert_many(self, queue: sa.Table) -> sa.Insert | None:
        """An insert of `b_bodies` into `b_queue`, in their order; None where `executemany` is as good."""
        return None

    def insert_new(self, table: sa.Table, values: Mapping[str, Any]) -> sa.Insert:
        """An insert of a row that fails, or does nothing, if there is one with the same primary key.

        Either way the transaction goes on.
        """
        return sa.insert(table).values(**values)

    @abstractmethod
    def among(self, column: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        """Whether the column is one of the parameter `IDS`, made by `ids`."""

    def ids(self, ids: Sequence[int]) -> object:
        """The parameter `IDS`."""
        return list(ids)

    @abstractmethod
    def meaning(self, error: sa.exc.DBAPIError) -> Meaning:
        """What an error means."""

    def words(self, error: BaseException | None) -> str:
        """What an error of the driver's says, in one line, and without the statement."""
        return one_line(error)

    @abstractmethod
    def mistake(self, error: sa.exc.DBAPIError) -> str | None:
        """The help for an error that a person has to mend before anything works; None if it is none."""

    @abstractmethod
    def lock(self) -> tuple[sa.Executable, sa.Executable | None]:
        """What keeps other migrations out from within a transaction; and what lets them in, if need be."""

    def has_lock(self, answer: object) -> bool:
        """Whether the answer to `lock` says that it was obtained; where it waits for ever, any does."""
        return True

    def announcing(self, statement: sa.Insert, queue: str) -> sa.Executable:
        """An insert that also tells those who listen."""
        return statement

    def announcement(self, queue: str) -> sa.Executable | None:
        """What tells those who listen that there is something in a queue; None where nobody can."""
        return None

    def listen(self) -> Listen | None:
        """Listens for announcements; None where nobody can."""
        return None


def leased_columns(queue: sa.Table) -> tuple[sa.ColumnElement[object], ...]:
    """What is to be known of a message that was leased, in the order of `leases.Row`."""
    c = queue.c
    return (c.id, c.due_at, c.visible_at, c.deliveries, c.interruptions, c.body, c.history)


def waiting(queue: sa.Table, now: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Whether a message of `b_queue` can be had, and since `b_begin` at the earliest."""
    c = queue.c
    begin = sa.bindparam("b_begin", type_=sa.BigInteger)
    return sa.and_(c.queue == sa.bindparam("b_queue"), c.visible_at >= begin, c.visible_at <= now)


def one_line(error: BaseException | None) -> str:
    """What an exception says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__
