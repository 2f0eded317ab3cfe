"""`Link`: one connection to the broker, opened when it is needed, and again when it was lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import cast

import aiormq
from aiormq.abc import AbstractConnection
from aiormq.channel import Channel
from aiormq.exceptions import (
    AuthenticationError,
    ConnectionNotAllowed,
    InvalidFrameError,
    ProbableAuthenticationError,
)
from yarl import URL

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.queues.rabbitmq.failures import SILENCE, host_is_unknown, one_line, unavailable
from cloud_tasks.queues.rabbitmq.problems import (
    OLDEST_VERSION,
    bad_url,
    no_virtual_host,
    refused,
    too_old,
    unknown_host,
)
from cloud_tasks.queues.rabbitmq.settings import RabbitSettings

# What the library logs we tell ourselves, as errors; it would print tracebacks.
logging.getLogger("aiormq").propagate = False
logging.getLogger("aiormq").addHandler(logging.NullHandler())

HEARTBEAT_S = 30
"""A connection on which nothing is heard for so long is dead; what is said in the address counts more."""


def address_of(settings: RabbitSettings) -> URL:
    """Where the broker is.

    Raises:
        ConfigurationError: The address is none.
    """
    has_flags = settings.has_flags
    try:
        url = URL(settings.url)
    except ValueError as error:
        raise ConfigurationError(bad_url(str(error), has_flags=has_flags)) from error
    if url.scheme not in ("amqp", "amqps"):
        raise ConfigurationError(bad_url(f"it begins with {url.scheme!r}", has_flags=has_flags))
    if not url.host:
        raise ConfigurationError(bad_url("it names no host", has_flags=has_flags))
    return url if "heartbeat" in url.query else url.update_query(heartbeat=str(HEARTBEAT_S))


class Link:
    """One connection.

    Args:
        url: Where the broker is.
        call_s: How long a call may take, in seconds.
        has_flags: Whether errors may name flags.
    """

    def __init__(self, url: URL, call_s: float, *, has_flags: bool) -> None:
        self._url = url
        self._has_flags = has_flags
        self.call_s = call_s
        self._opening = asyncio.Lock()
        self._connection: AbstractConnection | None = None
        self.version = (0, 0)
        """That of the broker, once there was a connection."""
        self.where = f"{url.host}:{url.port or 5672}"

    async def channel(self, *, confirms: bool = False) -> Channel:
        """A new channel.

        Raises:
            QueueUnavailableError: Nobody is there, or nobody lets us in any more.
        """
        with unavailable(self.where):
            async with asyncio.timeout(self.call_s), self._opening:
                if self._connection is None or self._connection.is_closed:
                    self._connection = await aiormq.connect(self._url)
                    self.version = version_of(self._connection)
                connection = self._connection
            async with asyncio.timeout(self.call_s):
                channel = await connection.channel(publisher_confirms=confirms, on_return_raises=True)
                return cast("Channel", channel)

    @contextlib.asynccontextmanager
    async def borrowed(self) -> AsyncIterator[Channel]:
        """A channel for one call or two: what is refused closes it."""
        channel = await self.channel()
        try:
            with unavailable(self.where):
                async with asyncio.timeout(self.call_s):
                    yield channel
        finally:
            with contextlib.suppress(*SILENCE, RuntimeError):
                await channel.close()

    @contextlib.asynccontextmanager
    async def looking(self) -> AsyncIterator[Channel]:
        """A channel to take messages with, for as long as need be; those that are left go back at the end."""
        channel = await self.channel()
        try:
            with unavailable(self.where):
                yield channel
                async with asyncio.timeout(self.call_s):
                    await channel.basic_nack(0, multiple=True, requeue=True)
                    # The answer comes after they have gone back: who looks next sees them.
                    await channel.basic_qos(prefetch_count=1)
        finally:
            with contextlib.suppress(*SILENCE, RuntimeError):
                await channel.close()

    async def check(self) -> None:
        """See that the broker is there, lets us in and is new enough.

        Raises:
            ConfigurationError: It is not.
            QueueUnavailableError: Nobody could be asked.
        """
        has_flags = self._has_flags
        with unavailable(self.where):
            try:
                async with asyncio.timeout(self.call_s):
                    connection = await aiormq.connect(self._url)
            except (AuthenticationError, ProbableAuthenticationError) as error:
                raise ConfigurationError(refused(self.where, one_line(error), has_flags=has_flags)) from error
            except (ConnectionNotAllowed, InvalidFrameError) as error:
                # Instead of opening the virtual host the broker ends the conversation.
                name = self._url.path.removeprefix("/") or "/"
                raise ConfigurationError(no_virtual_host(self.where, name, has_flags=has_flags)) from error
            except OSError as error:
                if host_is_unknown(error):
                    problem = unknown_host(str(self._url.host), one_line(error), has_flags=has_flags)
                    raise ConfigurationError(problem) from error
                raise
            version = version_of(connection)
            await connection.close()
        if version < OLDEST_VERSION:
            raise ConfigurationError(too_old(self.where, ".".join(map(str, version))))

    async def aclose(self) -> None:
        """Let go; a later call opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed:
            with contextlib.suppress(*SILENCE, RuntimeError):
                async with asyncio.timeout(self.call_s):
                    await connection.close()


def version_of(connection: AbstractConnection) -> tuple[int, int]:
    """The broker's version, as far as it counts."""
    major, minor, *_ = str(connection.server_properties.get("version", "0.0")).split(".")
    return int(major), int(minor)
