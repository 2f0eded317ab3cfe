"""What the errors of the library mean."""

from __future__ import annotations

import asyncio
import socket

from redis.exceptions import ConnectionError as LostError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as SilenceError

from cloud_tasks.errors import QueueError, QueueUnavailableError

# What a server says that may do it later: a failover, a start, a disk or a memory that is full.
_LATER = (
    "READONLY",
    "LOADING",
    "BUSY",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "NOREPLICAS",
    "MISCONF",
    "OOM",
    "UNBLOCKED",
    "UNKILLABLE",
)
SILENCE = (LostError, SilenceError, OSError, asyncio.TimeoutError)
"""Nobody answered."""


def is_for_now(error: Exception) -> bool:
    """Whether trying again later may help."""
    if isinstance(error, SILENCE):
        return True
    return isinstance(error, RedisError) and _code(error) in _LATER


def refused_for_good(where: str, prefix: str, error: Exception) -> QueueError:
    """What the server would refuse again."""
    hint = f"; look at the keys of the queue, which begin with {{{prefix}:" if _is_wrong_type(error) else ""
    return QueueError(f"Redis at {where}: {one_line(error)}{hint}")


def _is_wrong_type(error: Exception) -> bool:
    """Whether a key is somebody else's; in a script the word is not the first."""
    return isinstance(error, ResponseError) and "WRONGTYPE" in str(error)


def unavailable(where: str, error: Exception) -> QueueUnavailableError:
    """For the worker."""
    return QueueUnavailableError(f"Redis at {where}: {one_line(error)}")


def one_line(error: Exception) -> str:
    """What happened, in a line."""
    return " ".join(str(error).split()) or type(error).__name__


def is_no_database(error: Exception) -> bool:
    """Whether the number of the database is wrong."""
    return isinstance(error, ResponseError) and "DB index" in str(error)


def host_is_unknown(error: BaseException | None) -> bool:
    """Whether it is the name that nobody knows, now or ever."""
    seen: list[BaseException] = []  # chains of libraries may be rings
    while error is not None and error not in seen:
        if isinstance(error, socket.gaierror):
            return error.errno == socket.EAI_NONAME
        seen.append(error)
        error = error.__cause__ or error.__context__
    return False


def _code(error: RedisError) -> str:
    """The first word; the library takes it away from some, whose classes say it."""
    name = type(error).__name__
    classes = {"ReadOnlyError": "READONLY", "BusyLoadingError": "LOADING", "OutOfMemoryError": "OOM"}
    if name in classes:
        return classes[name]
    words = str(error).split(maxsplit=1)
    return words[0].lstrip("-") if words else ""
