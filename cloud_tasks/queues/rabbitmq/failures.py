"""What the errors of the library mean."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from aiormq.exceptions import AMQPError, ChannelInvalidStateError

from cloud_tasks.errors import QueueUnavailableError

SILENCE = (AMQPError, ChannelInvalidStateError, OSError, asyncio.TimeoutError, EOFError)
"""The broker did not do what it was asked, or nobody knows."""


@contextmanager
def unavailable(where: str) -> Iterator[None]:
    """Turn what the library raises into what a worker understands."""
    try:
        yield
    except asyncio.CancelledError as error:
        # A connection that is lost cancels what waits for it.
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise QueueUnavailableError(f"RabbitMQ at {where}: the connection was lost") from error
    except SILENCE as error:
        raise QueueUnavailableError(f"RabbitMQ at {where}: {one_line(error)}") from error
    except RuntimeError as error:
        if "closed" not in str(error):
            raise
        raise QueueUnavailableError(f"RabbitMQ at {where}: {one_line(error)}") from error


def one_line(error: BaseException) -> str:
    """What happened, in a line."""
    words = " ".join(str(part) for part in error.args if part is not None) or str(error)
    return " ".join(words.split()) or type(error).__name__


def host_is_unknown(error: BaseException | None) -> bool:
    """Whether it is the name that nobody knows, now or ever."""
    seen: list[BaseException] = []  # chains of libraries may be rings
    while error is not None and error not in seen:
        if isinstance(error, socket.gaierror):
            return error.errno == socket.EAI_NONAME
        seen.append(error)
        error = error.__cause__ or error.__context__
    return False
