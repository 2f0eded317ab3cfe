"""`Database`: calls to a database, with an end in time and errors that a worker understands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect as SqlalchemyDialect
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud_tasks.errors import QueueError, QueueUnavailableError
from cloud_tasks.queues.sql.dialect import Dialect, Meaning
from cloud_tasks.queues.sql.direct import Direct, Found

T = TypeVar("T")
Work: TypeAlias = Callable[[AsyncConnection], Awaitable[T]]

TRIES_MAX = 5
"""How often a transaction is made that has to make way for another."""
PAUSE_S = 0.02
"""Pause before the second try; each further one is longer by as much."""
ASK_AGAIN_S = 1.0
"""How often a call that was given up is told so again: a driver may take the first for a wish."""
CLOSE_S = 5.0
"""How long `aclose` waits for calls under way."""


class CallFailedError(QueueUnavailableError):
    """The database did not do what it was asked, or did not say so.

    Attributes:
        error: What the library raised; None if nobody answered.
        is_busy: Whether others were in the way, and nothing was done.
    """

    def __init__(self, text: str, error: sa.exc.DBAPIError | None = None, *, is_busy: bool = False) -> None:
        self.error = error
        self.is_busy = is_busy
        super().__init__(text)


class StatementFailedError(QueueError):
    """The database refused a statement, and would again: it or the tables are wrong.

    Its text has neither the statement nor its parameters: they may hold what is in a task.

    Attributes:
        error: What the library raised; None if it did so before the database was asked.
    """

    def __init__(self, text: str, error: sa.exc.DBAPIError | None = None) -> None:
        self.error = error
        super().__init__(text)


class Database:
    """A pool of connections, and calls to it.

    Calls are not cancelled with whoever waits for them: a connection in the middle of an answer could only be
    thrown away, and what the call brings would be lost.

    Args:
        dialect: The kind of database.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._engine = dialect.engine()
        self._calls: set[_Call[Any]] = set()

    @property
    def sql_dialect(self) -> SqlalchemyDialect:
        """What SQLAlchemy knows of how this database is spoken to."""
        return self._engine.dialect

    async def probe(self) -> None:
        """See that the database can be opened, where it is a file.

        Raises:
            QueueError: It cannot.
        """
        open_once = self.dialect.opener()
        if open_once is None:
            return
        try:
            await asyncio.to_thread(open_once)
        except self.dialect.driver_error as error:
            raise self._failed(self._wrapped(error)) from error

    def start(self, work: Work[T]) -> asyncio.Future[T]:
        """Begin a call in which every statement commits by itself; nobody has to wait for it."""
        return self._started(lambda: self._work(work))

    async def call(self, work: Work[T]) -> T:
        """Make a call in which every statement commits by itself.

        Raises:
            QueueUnavailableError: Nobody knows whether it was done.
            StatementFailedError: It cannot be done.
        """
        return await outcome(self.start(work))

    def start_direct(self, statement: Direct, parameters: Mapping[str, object]) -> asyncio.Future[Found]:
        """Begin one statement that returns rows, past SQLAlchemy."""
        every = {**statement.constants, **parameters}

        async def work(connection: AsyncConnection) -> Found:
            return await self._directly(connection, lambda raw: statement.fetch(raw, statement.text, every))

        return self.start(work)

    async def transaction(self, work: Work[T], *, durable: bool = False, within_s: float | None = None) -> T:
        """Make a call that is done as a whole or not at all.

        Args:
            work: What is done; begun again if it has to make way for another transaction.
            durable: Whether it must outlive a power failure from the moment that this returns.
            within_s: How long it may take, in seconds; None: as long as any call.

        Raises:
            QueueUnavailableError: Nobody knows whether it was done.
            StatementFailedError: It cannot be done.
        """
        return await outcome(self.start_transaction(work, durable=durable, within_s=within_s))

    def start_transaction(
        self, work: Work[T], *, durable: bool = False, within_s: float | None = None
    ) -> asyncio.Future[T]:
        """Begin such a call."""
        return self._started(
            lambda: self._work(lambda connection: self._whole(connection, work, durable=durable)), within_s
        )

    async def aclose(self) -> None:
        """Wait for calls under way, for a while, and close the connections."""
        if self._calls:
            await asyncio.wait({call.task for call in self._calls}, timeout=CLOSE_S)
        for call in list(self._calls):
            call.give_up()
        await self._engine.dispose()

    def _started(self, make: Callable[[], Awaitable[T]], within_s: float | None = None) -> asyncio.Future[T]:
        call = _Call(make(), within_s or self.dialect.settings.call_s, self._calls.discard)
        self._calls.add(call)
        return call.answer

    async def _work(self, work: Work[T]) -> T:
        for attempt in range(1, TRIES_MAX + 1):
            try:
                return await self._work_once(work)
            except sa.exc.DBAPIError as error:
                if self.dialect.meaning(error) is not Meaning.AGAIN or attempt == TRIES_MAX:
                    raise self._failed(error) from None  # it would show the statement
            except (sa.exc.TimeoutError, OSError, EOFError) as error:
                raise CallFailedError(self._told(error)) from error
            except sa.exc.SQLAlchemyError as error:
                # One that was not sent shows itself in its text.
                cause = error.orig if isinstance(error, sa.exc.StatementError) else None
                raise StatementFailedError(self._told(cause or error)) from None
            await asyncio.sleep(PAUSE_S * attempt)
        raise AssertionError("the last try either returned or raised")

    async def _work_once(self, work: Work[T]) -> T:
        async with self._engine.connect() as connection:
            try:
                return await work(connection)
            except (sa.exc.DBAPIError, QueueError):
                raise  # SQLAlchemy knows whether the connection can be used any more
            except BaseException:  # boundary: in the middle of who knows what; raised again
                await connection.invalidate()
                raise

    async def _directly(self, connection: AsyncConnection, act: Callable[[Any], Awaitable[T]]) -> T:
        """Have something done by the driver's own connection."""
        assert connection.sync_connection is not None  # noqa: S101 - it is open
        pooled = connection.sync_connection.connection
        try:
            return await act(pooled.driver_connection)
        except self.dialect.driver_error as error:
            lost = bool(self._engine.dialect.is_disconnect(error, pooled, None))  # type: ignore[arg-type] # it takes the pooled one too
            if lost:
                await connection.invalidate()
                await self._engine.dispose()  # the others were connected to the same server
            raise self._wrapped(error, lost=lost) from error

    async def _say(self, connection: AsyncConnection, text: str) -> None:
        await self._directly(connection, lambda raw: self.dialect.say(raw, text))

    async def _whole(self, connection: AsyncConnection, work: Work[T], *, durable: bool) -> T:
        durably = self.dialect.durable if durable else None
        if durably:
            await self._say(connection, durably[0])
        await self._say(connection, self.dialect.begin)
        try:
            result = await work(connection)
            await self._say(connection, "COMMIT")
        except (sa.exc.DBAPIError, QueueError):
            await self._undo(connection)
            raise
        if durably:
            await self._say(connection, durably[1])
        return result

    async def _undo(self, connection: AsyncConnection) -> None:
        """End a transaction that failed, or else the connection with it."""
        if connection.invalidated:
            return
        try:
            await self._say(connection, "ROLLBACK")
        except sa.exc.SQLAlchemyError:
            await connection.invalidate()

    def _wrapped(self, error: Exception, *, lost: bool = False) -> sa.exc.DBAPIError:
        """An error of the driver's, as SQLAlchemy would tell it."""
        driver_error = self.dialect.driver_error
        wrapped = sa.exc.DBAPIError.instance("", None, error, driver_error, connection_invalidated=lost)
        assert isinstance(wrapped, sa.exc.DBAPIError)  # noqa: S101 - for the type checker: drivers' errors are
        return wrapped

    def _failed(self, error: sa.exc.DBAPIError) -> CallFailedError | StatementFailedError:
        """What the library raised, as the others know it."""
        meaning, text = self.dialect.meaning(error), self._told(error.orig)
        if meaning is Meaning.FAULT:
            return StatementFailedError(text, error)
        return CallFailedError(text, error, is_busy=meaning is not Meaning.UNAVAILABLE)

    def _told(self, error: BaseException | None) -> str:
        return f"{self.dialect.where}: {self.dialect.words(error)}"


class _Call(Generic[T]):
    """One call, in a task of its own, with an end in time."""

    def __init__(self, work: Awaitable[T], call_s: float, gone: Callable[[_Call[T]], None]) -> None:
        loop = asyncio.get_running_loop()
        self._call_s = call_s
        self._gone = gone
        self.answer: asyncio.Future[T] = loop.create_future()
        self.task = asyncio.ensure_future(work)
        self._timer = loop.call_later(call_s, self.give_up)
        self.task.add_done_callback(self._ended)

    def give_up(self) -> None:
        """Wait no more for it; its task is told to end until it does."""
        if not self.answer.done():
            self.answer.set_exception(CallFailedError(f"no answer within {self._call_s:g} s"))
            self.answer.exception()  # looked at here: nobody has to
        self.task.cancel()
        self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(ASK_AGAIN_S, self.give_up)

    def _ended(self, task: asyncio.Future[T]) -> None:
        self._timer.cancel()
        self._gone(self)
        error = None if task.cancelled() else task.exception()
        if self.answer.done():
            return
        if task.cancelled():
            error = CallFailedError("the call was given up")
        if error is None:
            self.answer.set_result(task.result())
        else:
            self.answer.set_exception(error)
            self.answer.exception()  # looked at here: nobody has to


async def outcome(answer: asyncio.Future[T]) -> T:
    """Wait for a call; it goes on if we are cancelled."""
    await asyncio.wait((answer,))
    return answer.result()
