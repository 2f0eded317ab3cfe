"""Where dispatched tasks go: a connection for each event loop, opened for the first of them."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

from cloud_tasks.core.task import Task
from cloud_tasks.errors import QueueError
from cloud_tasks.task_app.serializing import Serializer

T = TypeVar("T")


class NotConnectedError(QueueError):
    """A task was dispatched, and nobody has said where to."""


class Outbox(Protocol):
    """A connection to the queues, for a producer."""

    @property
    def serializer(self) -> Serializer | None:
        """What writes arguments; None: JSON."""
        ...

    async def send(self, queue: str | None, task: Task, delay_s: float, name: str) -> None:
        """Put a task of the function `name` into a queue; None: into the one for functions that name none."""
        ...

    async def aclose(self) -> None:
        """Let go."""
        ...


_opener: Callable[[], Awaitable[Outbox]] | None = None
_outboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Outbox] = weakref.WeakKeyDictionary()


def set_opener(way: Callable[[], Awaitable[Outbox]] | None) -> None:
    """Say how to connect when the first task is dispatched on an event loop."""
    global _opener  # noqa: PLW0603 - what a program dispatches to is one thing for all its modules
    _opener = way


def opener() -> Callable[[], Awaitable[Outbox]] | None:
    """How to connect, as `set_opener` was told."""
    return _opener


def set_outbox(outbox: Outbox | None) -> None:
    """Say where tasks that are dispatched on the running loop go from now on; None: as nobody had said."""
    loop = asyncio.get_running_loop()
    if outbox is None:
        _outboxes.pop(loop, None)
    else:
        _outboxes[loop] = outbox


def is_open() -> bool:
    """Whether there is a connection for the running loop."""
    return asyncio.get_running_loop() in _outboxes


async def outbox() -> Outbox:
    """Where tasks go.

    Raises:
        NotConnectedError: Nobody has said that.
        ConfigurationError: What the settings name cannot be used.
        QueueUnavailableError: Nobody answers there.
    """
    loop = asyncio.get_running_loop()
    found = _outboxes.get(loop)
    if found is None:
        if _opener is None:
            raise NotConnectedError("nobody has said where tasks go: import `task` from cloud_tasks.tasks")
        opened = await _opener()
        found = _outboxes.setdefault(loop, opened)
        if found is not opened:  # somebody else was faster
            await opened.aclose()
    return found


async def close_outbox() -> None:
    """Let go of the connection of the running loop, if there is one."""
    found = _outboxes.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.aclose()


class _LoopThread:
    """An event loop in a thread, for programs that have none."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Have it done there, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._running()).result()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                name = "cloud-tasks-sync"
                self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
                self._thread.start()
            return self._loop

    def aclose(self) -> None:
        """Let go of its connection and end it."""
        with self._lock:
            loop, self._loop = self._loop, None
            thread, self._thread = self._thread, None
        if loop is not None and thread is not None:
            asyncio.run_coroutine_threadsafe(close_outbox(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


_thread = _LoopThread()
_of_parents: list[_LoopThread] = []


def _begin_anew() -> None:
    """In a forked child: the thread has stayed with the parent, and so may have whoever holds the lock.

    What was the parent's is kept: closing a loop or a connection that both have would disturb the parent.
    """
    global _thread  # noqa: PLW0603 - one thread for all that this process dispatches so
    _of_parents.append(_thread)
    _thread = _LoopThread()


os.register_at_fork(after_in_child=_begin_anew)


def run_sync(work: Coroutine[Any, Any, T]) -> T:
    """Do something that awaits, from a program without an event loop; one connection for all such calls."""
    return _thread.run(work)


def close_sync() -> None:
    """Let go of the connection of `run_sync`; the next call makes another."""
    _thread.aclose()
