"""A queue that is looked for, and made, when it is first wanted."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator

from cloud_tasks.errors import ConfigurationError, ServerAwayError
from cloud_tasks.queues.sqs.connection import Connection
from cloud_tasks.queues.sqs.failures import NO_QUEUE, CallFailedError
from cloud_tasks.queues.sqs.problems import MADE_WHEN_WANTED, no_queue, nobody_there
from cloud_tasks.queues.sqs.queues import Queues
from cloud_tasks.queues.sqs.settings import SqsSettings


class PrefixedQueues(Queues):
    """Calls about queues whose addresses are known but for the name."""

    def __init__(self, connection: Connection, settings: SqsSettings, prefix: str) -> None:
        """As `Queues`.

        Args:
            connection: The connection.
            settings: Which queue.
            prefix: What its address begins with.
        """
        super().__init__(connection.calls, settings)
        self._prefix = prefix if prefix.endswith("/") else prefix + "/"

    async def find(self, name: str) -> str | None:
        """The address of a queue; None if there is none."""
        url = self._prefix + name
        try:
            await self.attributes(url)
        except CallFailedError as error:
            if error.code in NO_QUEUE:
                return None
            raise
        return url


class OpenedQueue:
    """One queue and the one for its dead letters.

    Args:
        connected: Gives the connection.
        settings: Which queue.
        prefix: What its address begins with; None: SQS is asked for it.

    Attributes:
        settings: Which queue.
    """

    def __init__(
        self, connected: Callable[[], Awaitable[Connection]], settings: SqsSettings, prefix: str | None
    ) -> None:
        self.settings = settings
        self._connected = connected
        self._prefix = prefix
        self._url = self._dead_url = ""

    async def queues(self) -> tuple[Connection, Queues]:
        """The connection, and calls about the queues."""
        connection = await self._connected()
        if self._prefix is None:
            return connection, Queues(connection.calls, self.settings)
        return connection, PrefixedQueues(connection, self.settings, self._prefix)

    async def existing(self) -> tuple[Connection, str, str | None]:
        """The connection, and the addresses, for who only looks: nothing is made. None: no dead letters.

        Raises:
            ConfigurationError: There is no such queue.
        """
        connection, queues = await self.queues()
        if self._dead_url:
            return connection, self._url, self._dead_url
        with hearing_nobody(connection):
            url, dead_url = await self._found(connection, queues)
        return connection, url, dead_url

    async def _found(self, connection: Connection, queues: Queues) -> tuple[str, str | None]:
        name = queues.name("tasks")
        url = await queues.find(name)
        if url is None:
            there = await queues.names_if_allowed()
            raise ConfigurationError(no_queue(name, connection.where, there, MADE_WHEN_WANTED))
        return url, await queues.dead_letter_url(await queues.attributes(url))

    async def addresses(self) -> tuple[Connection, str, str]:
        """The connection, and the addresses of the queue and of its dead letters; made if need be."""
        connection, queues = await self.queues()
        if not self._dead_url:
            with hearing_nobody(connection):
                await queues.create("tasks")
                self._url = await queues.find(queues.name("tasks")) or ""
                self._dead_url = await queues.make_dead_letters()
        return connection, self._url, self._dead_url


@contextlib.contextmanager
def hearing_nobody(connection: Connection) -> Iterator[None]:
    """Say where somebody should be who does not answer when a queue is first wanted.

    Raises:
        ServerAwayError: Nobody answered.
    """
    try:
        yield
    except CallFailedError as error:
        if error.code:
            raise
        raise ServerAwayError(nobody_there(connection.where, str(error))) from error
