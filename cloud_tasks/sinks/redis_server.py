"""Where a server of Redis is, and a client for it that tries nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cloud_tasks.config.redact import HIDDEN, redact
from cloud_tasks.config.redis_url import read_redis_url
from cloud_tasks.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from redis.asyncio import Redis

CONNECT_S = 5.0


class RedisServer(Struct, frozen=True):
    """A server.

    Attributes:
        url: Its address.
        password: Its password; None: the one in the address, if any.
        db: Number of the database; 0: the one in the address, if any.
    """

    url: str
    password: str | None = None
    db: int = 0

    def __str__(self) -> str:
        """Its address without passwords."""
        return redact(self.url)

    def __repr__(self) -> str:
        """Without passwords."""
        return f"RedisServer({self})"


def open_client(server: RedisServer, purpose: str) -> Redis:
    """A client; nothing is asked of the network yet.

    Args:
        server: Where it is.
        purpose: What it is for, as the subject of a sentence.

    Raises:
        ConfigurationError: The address is none, or the package is missing.
    """
    try:
        from redis.asyncio import Redis as Client
        from redis.asyncio.connection import ConnectionPool
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError:
        raise ConfigurationError(
            Problem(f"{purpose} need the package redis", helps=("pip install 'cloud-tasks[redis]'",))
        ) from None
    try:
        options = read_redis_url(server.url, server.password, server.db)
    except ValueError as error:
        raise ConfigurationError(_no_address(server, purpose, error)) from None
    options.pop("timeout", None)  # this pool has no such option: nobody waits for a connection
    options = {"socket_connect_timeout": CONNECT_S, **options, "retry": Retry(NoBackoff(), 0)}
    return Client.from_pool(ConnectionPool(**options))


def _no_address(server: RedisServer, purpose: str, error: ValueError) -> Problem:
    shown = str(server)
    # What is no address may hold a password where nobody looks for one; all that is before an @ may be one.
    given = "what is given" if "@" in shown.replace(f"{HIDDEN}@", "") else repr(shown)
    return Problem(
        f"{purpose} need the address of a server of Redis, and {given} is none: {error}",
        helps=(
            "it looks like redis://HOST:PORT or unix:///PATH",
            "`--events-redis-url` names it, or `--redis-url` where that is not given",
        ),
    )
