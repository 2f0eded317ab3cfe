"""`Connection`: calls to a server, with errors that a worker understands."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    NoScriptError,
    RedisError,
)

from cloud_tasks.config.redis_url import read_redis_url
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.queues.absence import away
from cloud_tasks.queues.redis_streams.failures import (
    SILENCE,
    host_is_unknown,
    is_for_now,
    is_no_database,
    one_line,
    refused_for_good,
    unavailable,
)
from cloud_tasks.queues.redis_streams.problems import (
    OLDEST_VERSION,
    bad_url,
    no_database,
    refused,
    too_old,
    unknown_host,
)
from cloud_tasks.queues.redis_streams.scripts import Script
from cloud_tasks.queues.redis_streams.settings import RedisSettings

BLOCK_S_MAX = 5.0
"""How long one call waits for tasks at most: what waits notices after so long that its connection is dead."""


class Connection:
    """A pool of connections, opened when they are needed, and again when they were lost.

    Nothing is tried twice: a call whose answer was lost may have been carried out.

    Args:
        settings: Which server.

    Raises:
        ConfigurationError: The address is none.
    """

    def __init__(self, settings: RedisSettings) -> None:
        self._settings = settings
        options = _options(settings)
        self.where = _where(options)
        self._db = int(options.get("db", 0))
        self._host = str(options.get("host", "localhost"))
        self._calls = _client(options, settings.call_s)
        # A connection that waits answers late: it must not be taken for dead too soon.
        self._waits = _client(options, BLOCK_S_MAX + settings.call_s)

    async def check(self) -> None:
        """See that the server is there, lets us in and is new enough.

        Raises:
            ConfigurationError: It is not.
            QueueUnavailableError: Nobody could be asked.
        """
        has_flags = self._settings.has_flags
        try:
            facts = await _execute(self._calls, b"INFO", b"server")
        except (AuthenticationError, AuthorizationError, NoPermissionError) as error:
            raise ConfigurationError(refused(self.where, one_line(error), has_flags=has_flags)) from error
        except (RedisError, *SILENCE) as error:
            if is_no_database(error):
                raise ConfigurationError(
                    no_database(self.where, self._db, one_line(error), has_flags=has_flags)
                ) from error
            if "NOAUTH" in str(error) or "Authentication" in str(error):
                raise ConfigurationError(refused(self.where, one_line(error), has_flags=has_flags)) from error
            if host_is_unknown(error):
                raise ConfigurationError(
                    unknown_host(self._host, one_line(error), has_flags=has_flags)
                ) from error
            raise away(unavailable(self.where, error), "--redis-url", has_flags=has_flags) from error
        version = next(line[14:] for line in facts.decode().splitlines() if line.startswith("redis_version:"))
        if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_VERSION:
            raise ConfigurationError(too_old(self.where, version))

    async def run(self, script: Script, keys: tuple[bytes, ...], *values: bytes | int) -> Any:
        """Run a script; the server is given its text when it does not know it (any more).

        Raises:
            QueueUnavailableError: Nobody knows whether it ran.
            QueueError: It was refused, and would be again.
        """
        try:
            return await self.call(b"EVALSHA", script.digest, len(keys), *keys, *values)
        except NoScriptError:
            return await self.call(b"EVAL", script.text, len(keys), *keys, *values)

    async def call(self, *words: bytes | int) -> Any:
        """Carry out a command.

        Raises:
            QueueUnavailableError: Nobody knows whether it was.
            QueueError: It was refused, and would be again.
        """
        return await self._carried_out(self._calls, words)

    async def wait(self, *words: bytes | int) -> Any:
        """Carry out a command that waits for at most `BLOCK_S_MAX`."""
        return await self._carried_out(self._waits, words)

    async def aclose(self) -> None:
        """Let go of all connections; a later call opens new ones."""
        for client in (self._calls, self._waits):
            await client.connection_pool.disconnect()

    async def _carried_out(self, client: Redis, words: tuple[bytes | int, ...]) -> Any:
        try:
            return await _execute(client, *words)
        except (RedisError, *SILENCE) as error:
            if isinstance(error, asyncio.CancelledError | NoScriptError):
                raise
            if is_for_now(error):
                raise unavailable(self.where, error) from error
            raise refused_for_good(self.where, self._settings.prefix, error) from error


async def _execute(client: Redis, *words: bytes | int) -> Any:
    return await client.execute_command(*words)  # type: ignore[no-untyped-call] # redis-py gives it no types


def _client(options: dict[str, Any], silence_s: float) -> Redis:
    # What the calls here build on is ours to say, whatever the address says of it.
    ours = {
        "socket_timeout": silence_s,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "decode_responses": False,
    }
    pool = BlockingConnectionPool(**{**options, **ours})
    client = Redis(connection_pool=pool)
    # Answers are taken as they come.
    client.response_callbacks.clear()
    return client


def _options(settings: RedisSettings) -> dict[str, Any]:
    try:
        options = read_redis_url(settings.url, settings.password, settings.db)
    except ValueError as error:
        raise ConfigurationError(bad_url(one_line(error), has_flags=settings.has_flags)) from error
    connect_s = min(settings.call_s, 5.0)
    return {
        "max_connections": settings.max_connections,
        "timeout": settings.call_s,
        "socket_connect_timeout": connect_s,
        **options,
    }


def _where(options: dict[str, Any]) -> str:
    path = options.get("path")
    return str(path) if path else f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
