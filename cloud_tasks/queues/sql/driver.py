"""`SqlDriver`: a database with any number of queues in its tables."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud_tasks.core.arguments import check_positive
from cloud_tasks.errors import ConfigurationError, ServerAwayError
from cloud_tasks.interfaces import (
    Clock,
    DeadLetterBox,
    OnceBook,
    OnceSender,
    QueueInspector,
    TaskQueue,
    TaskSender,
)
from cloud_tasks.queues.absence import away
from cloud_tasks.queues.naming import check_name, is_text
from cloud_tasks.queues.sql import problems
from cloud_tasks.queues.sql.database import CallFailedError, StatementFailedError
from cloud_tasks.queues.sql.dead_letters import SqlDeadLetters
from cloud_tasks.queues.sql.dialect import Dialect
from cloud_tasks.queues.sql.faults import Faults
from cloud_tasks.queues.sql.inspector import SqlInspector
from cloud_tasks.queues.sql.migration import Found, Migration
from cloud_tasks.queues.sql.once import SqlOnce
from cloud_tasks.queues.sql.parts import Parts
from cloud_tasks.queues.sql.sender import SqlSender
from cloud_tasks.queues.sql.tables import QUEUE_CHARACTERS_MAX
from cloud_tasks.queues.sql.task_queue import SqlQueue

T = TypeVar("T")


class SqlDriver:
    """Queues in the tables of one database. Making it asks nothing of the database.

    Args:
        dialect: The kind of database.
        clock: Time.
    """

    def __init__(self, dialect: Dialect, clock: Clock) -> None:
        self._dialect = dialect
        self._parts = Parts(dialect, clock)
        self._migration = Migration(self._parts.database, self._parts.tables)
        self._faults = Faults(self._look_again, clock)
        self._has_once = False

    async def connect(self) -> None:
        """See that the database can be used and has the tables; SQLite gets its file and tables made.

        Raises:
            ConfigurationError: It has not; says what to do.
            QueueUnavailableError: Nobody could be asked.
        """
        found = await self._asked(self._migration.found)
        if self._dialect.embedded and not self._is_complete(found):
            await self._asked(self._migration.run)
            found = await self._asked(self._migration.found)
        self._check(found)

    async def disconnect(self) -> None:
        """Let go of connections; `connect` makes new ones."""
        await self._parts.database.aclose()

    async def migration(self) -> list[str]:
        """The SQL that `migrate` would run; [] if the tables are as they must be. Changes nothing.

        Raises:
            ConfigurationError: The database does not let us in.
            QueueUnavailableError: Nobody could be asked.
        """
        return await self._asked(self._migration.plan, is_dry=True)

    async def migrate(self) -> list[str]:
        """Make or upgrade the tables; returns the SQL that was run. Two at once do it once.

        Raises:
            ConfigurationError: The database does not let us.
            QueueUnavailableError: Nobody could be asked, or it broke off; try again.
        """
        return await self._asked(self._migration.run)

    def tasks(self, queue: str, lease_s: float) -> TaskQueue:
        """The queue for a worker; a lease of it lasts `lease_s`."""
        check_positive("lease_s", lease_s)
        return SqlQueue(self._parts, self._checked(queue), lease_s, self._faults)

    def sender(self, queue: str) -> TaskSender:
        """The queue for a producer."""
        return SqlSender(self._parts, self._checked(queue))

    def inspector(self, queue: str) -> QueueInspector:
        """The queue, to be looked at and managed."""
        return SqlInspector(self._parts, self._checked(queue))

    def dead_letters(self, queue: str) -> DeadLetterBox:
        """The dead letters of the queue."""
        return SqlDeadLetters(self._parts, self._checked(queue))

    def once_sender(self, queue: str) -> OnceSender:
        """The queue, for several producers of the same tasks; see `OnceDriver`."""
        return SqlOnce(self._parts, self._checked(queue), self._need_once)

    def once_book(self, queue: str) -> OnceBook:
        """What was done once for the queue; see `OnceDriver`."""
        return SqlOnce(self._parts, self._checked(queue), self._need_once)

    def _away(self, error: CallFailedError | StatementFailedError) -> ServerAwayError | None:
        """The server did not answer, if that is why it failed."""
        if self._dialect.embedded or isinstance(error, StatementFailedError) or error.is_busy:
            return None
        return away(error, self._dialect.option, has_flags=self._dialect.settings.has_flags)

    def _checked(self, queue: str) -> str:
        fits = is_text(queue) and len(queue) <= QUEUE_CHARACTERS_MAX and "\0" not in queue
        allowed = f"1 to {QUEUE_CHARACTERS_MAX} characters, of any kind but NUL"
        return check_name(queue, self._dialect.name, allowed, fits=fits)

    async def queue_names(self) -> list[str]:
        """Names of all queues that have a message or a dead letter, sorted."""

        async def work(connection: AsyncConnection) -> set[str]:
            names: set[str] = set()
            for table in (self._parts.tables.queue, self._parts.tables.dead):
                # One look into the index for each queue, however many messages there are.
                last = ""
                following = sa.select(sa.func.min(table.c.queue)).where(
                    table.c.queue > sa.bindparam("b_last")
                )
                while (last := (await connection.execute(following, {"b_last": last})).scalar()) is not None:
                    names.add(last)
            return names

        return sorted(await self._parts.database.call(work))

    async def _asked(self, call: Callable[[], Awaitable[T]], *, is_dry: bool = False) -> T:
        """Have something done that a person's mistakes can stop."""
        try:
            if self._dialect.is_there() or not is_dry:
                await self._parts.database.probe()
            return await call()
        except (CallFailedError, StatementFailedError) as error:
            raise self._refused(error) or self._away(error) or error from error

    async def _look_again(self) -> None:
        """See that the tables can still be used; nothing is made, also of SQLite's."""
        self._check(await self._asked(self._migration.found, is_dry=True))

    async def _need_once(self) -> None:
        """See that the table of what was done once is there."""
        if self._has_once:
            return
        found = await self._asked(self._migration.found)
        name = self._parts.tables.once.name
        self._migration.check_columns(found, {name})
        if name not in found.tables:
            dialect = self._dialect
            missing = problems.tables_missing(dialect.given_with, dialect.where, {name}, dialect.migrate)
            raise ConfigurationError(missing)
        self._has_once = True

    def _is_complete(self, found: Found) -> bool:
        newest = self._migration.newest
        everything = {table.name for table in self._parts.tables.metadata.sorted_tables}
        if found.version is None or found.version < newest or not everything <= found.tables:
            return False
        return found.version > newest or not found.indexes_missing

    def _check(self, found: Found) -> None:
        needed = self._parts.tables.needed
        self._migration.check_columns(found, needed)
        where, newest, migrate = self._dialect.where, self._migration.newest, self._dialect.migrate
        if (missing := needed - found.tables) or found.version is None:
            names = missing or {self._parts.tables.version.name}
            raise ConfigurationError(problems.tables_missing(self._dialect.given_with, where, names, migrate))
        if found.version < newest:
            raise ConfigurationError(problems.tables_old(where, found.version, newest, migrate))
        if found.version > newest:
            raise ConfigurationError(problems.tables_new(where, found.version, newest))
        if indexes := {one for name in needed for one in found.indexes_missing.get(name, ())}:
            raise ConfigurationError(problems.indexes_missing(where, indexes, migrate))

    def _refused(self, error: CallFailedError | StatementFailedError) -> ConfigurationError | None:
        """What a person has to mend, if that is why it failed."""
        cause = error.error
        help_ = None if cause is None else self._dialect.mistake(cause)
        if cause is None or help_ is None:
            return None
        text = self._dialect.words(cause.orig)
        return ConfigurationError(
            problems.refused(self._dialect.given_with, self._dialect.where, text, help_)
        )
