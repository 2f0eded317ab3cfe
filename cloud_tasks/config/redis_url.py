"""Addresses of servers of Redis, read into what a connection is opened with."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

_OF_POOLS = ("connection_class", "max_connections", "timeout")
_ESCAPES = "its host and its port cannot be made out (/ ? # @ : % in a password are %2F %3F %23 %40 %3A %25)"


def read_redis_url(url: str, password: str | None, db: int) -> dict[str, Any]:
    """The options of a pool of connections, and of the connections in it. Nothing is asked of the network.

    Args:
        url: The address.
        password: The password; None: the one in the address, if any.
        db: Number of the database; 0: the one in the address, if any.

    Raises:
        ValueError: It is no such address; says why, without anything that may be a password.
        ImportError: The package redis is missing.
    """
    from redis.asyncio.connection import parse_url

    parts = _split(url)
    options: dict[str, Any] = dict(parse_url(url))
    if password is not None:
        options["password"] = password
    if db:
        options["db"] = db
    if parts.scheme == "unix":
        _check_path(parts)
        options.pop("socket_keepalive", None)  # there is nothing between the two ends that could fail
    else:
        options["socket_keepalive"] = True
    _try(options)
    return options


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError(_ESCAPES) from None
    return parts


def _check_path(parts: SplitResult) -> None:
    """Two slashes are not enough: what follows them is a host."""
    if parts.hostname or not parts.path.startswith("/"):
        raise ValueError("it names no path from the root, as in unix:///run/redis.sock")


def _try(options: dict[str, Any]) -> None:
    """Make a connection, and do not open it: the library refuses late what it does not know."""
    from redis.asyncio.connection import Connection
    from redis.exceptions import RedisError

    kind = options.get("connection_class", Connection)
    try:
        kind(**{name: value for name, value in options.items() if name not in _OF_POOLS})
    except (TypeError, RedisError) as error:
        unknown = re.search(r"unexpected keyword argument '(.+)'", str(error))
        raise ValueError(f"it has no parameter `{unknown[1]}`" if unknown else str(error)) from None
