"""What running a worker needs, whatever it is put together from."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator
from typing import Any, NoReturn, Protocol, TypeVar

from cloud_tasks.compose.signals import SignalWatch
from cloud_tasks.console import Console, Level
from cloud_tasks.summary.values import EXIT_STATUS_OF_SIGNAL

T = TypeVar("T")


class ConsoleObserver:
    """The console, as one who watches the shell."""

    def __init__(self, console: Console) -> None:
        self.task_started = console.task_started
        self.task_progress = console.task_progress
        self._console = console

    def worker_message(self, text: str) -> None:
        """Show a warning."""
        self._console.message(Level.WARNING, text)


class Failing(Protocol):
    """What can be ended with an error: a worker, or all of a fleet."""

    def fail(self, error: Exception) -> None:
        """End with an error that should not have been possible."""
        ...


@contextlib.contextmanager
def failures_told_to(worker: Failing, *, loop_is_shared: bool) -> Iterator[None]:
    """An error in a callback on the loop ends the worker; asyncio would log it and leave a wedged worker.

    Where the loop is the tasks' own as well, what they leave to it is theirs.
    """
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()

    def on_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if "handle" in context and isinstance(error, Exception):
            worker.fail(error)
        else:
            loop.default_exception_handler(context)

    if not loop_is_shared:
        loop.set_exception_handler(on_error)
    try:
        yield
    finally:
        loop.set_exception_handler(before)


def nobody(signal_name: str) -> None:
    """Nothing is under way that could be ended."""


async def unless_signalled(signals: SignalWatch, work: Coroutine[object, object, T]) -> T:
    """Do the preparations; a signal gives them up and ends the program with its status."""
    task = asyncio.ensure_future(work)
    came: list[str] = []

    def give_up(name: str) -> None:
        came.append(name)
        task.cancel()

    signals.receiver = give_up
    try:
        return await task
    except asyncio.CancelledError:
        if came:
            _end_by_signal(came[0])
        raise


def _end_by_signal(name: str) -> NoReturn:
    raise SystemExit(EXIT_STATUS_OF_SIGNAL[name])
