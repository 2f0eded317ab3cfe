"""Where dispatched tasks go: a connection for each event loop and place, opened for the first of them.

A task's own go where the queues of its worker are; what a program dispatches beside tasks goes where it says.
Which of the two it is, a context variable tells, so that what a task starts on an event loop knows as well.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import selectors
import socket
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

from msgspec import Struct

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


class WorkersOutbox(Struct, frozen=True):
    """A worker's own connection, for the tasks that run in its process.

    Attributes:
        outbox: The connection.
        loop: The event loop that it belongs to.
        elsewhere: Whether another can be opened to the same place, for other event loops.
    """

    outbox: Outbox
    loop: asyncio.AbstractEventLoop
    elsewhere: bool


_opener: Callable[[], Awaitable[Outbox]] | None = None
_outboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Outbox]] = (
    weakref.WeakKeyDictionary()
)
_place: contextvars.ContextVar[str] = contextvars.ContextVar("cloud_tasks_place", default="")
_of_worker: contextvars.ContextVar[WorkersOutbox | None] = contextvars.ContextVar(
    "cloud_tasks_workers_outbox", default=None
)


def set_opener(way: Callable[[], Awaitable[Outbox]] | None) -> None:
    """Say how to connect when the first task is dispatched on an event loop."""
    global _opener  # noqa: PLW0603 - what a program dispatches to is one thing for all its modules
    _opener = way


def opener() -> Callable[[], Awaitable[Outbox]] | None:
    """How to connect, as `set_opener` was told."""
    return _opener


def enter_place(place: str) -> None:
    """A task begins here, of a worker with such queues: connections for its kind are kept apart.

    Args:
        place: Tells one place from another; "": the program's own.
    """
    _place.set(place)


def enter_worker(own: WorkersOutbox | None) -> None:
    """A task begins here, in the process of the worker with this connection."""
    _of_worker.set(own)


def _workers() -> Outbox | None:
    """The worker's own connection, where it can be used as it is."""
    own = _of_worker.get()
    return own.outbox if own is not None and own.loop is asyncio.get_running_loop() else None


def is_open() -> bool:
    """Whether there is a connection for the running loop."""
    return _workers() is not None or _place.get() in _outboxes.get(asyncio.get_running_loop(), {})


async def outbox() -> Outbox:
    """Where tasks go.

    Raises:
        NotConnectedError: Nobody has said that.
        ConfigurationError: What the settings name cannot be used.
        QueueUnavailableError: Nobody answers there.
    """
    found = _workers()
    if found is not None:
        return found
    of_loop, place = _outboxes.setdefault(asyncio.get_running_loop(), {}), _place.get()
    found = of_loop.get(place)
    if found is None:
        if _opener is None:
            raise NotConnectedError("nobody has said where tasks go: import `task` from cloud_tasks.tasks")
        opened = await _opener()
        found = of_loop.setdefault(place, opened)
        if found is not opened:  # somebody else was faster
            await opened.aclose()
    return found


async def close_outbox() -> None:
    """Let go of the connection of the running loop, if there is one; the worker's own stays."""
    found = _outboxes.get(asyncio.get_running_loop(), {}).pop(_place.get(), None)
    if found is not None:
        await found.aclose()


async def _close_all() -> None:
    """Let go of every connection of the running loop."""
    for found in _outboxes.pop(asyncio.get_running_loop(), {}).values():
        await found.aclose()


class _LoopThread:
    """An event loop in a thread, for programs that have none."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._selector: selectors.BaseSelector | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Have it done there, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._running()).result()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._selector = selectors.DefaultSelector()
                self._loop = asyncio.SelectorEventLoop(self._selector)
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
            asyncio.run_coroutine_threadsafe(_close_all(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def cut_off(self) -> None:
        """In a forked child: put the end of a dead connection in the place of each that is the parent's.

        What holds them is destroyed when the child ends, at the latest. It then takes them out of the
        selector, which is one for both processes, so that the parent would hear of them no more; and with TLS
        it says farewell.
        """
        if self._selector is None:
            return
        ours, other = socket.socketpair()
        other.close()
        with ours:
            for key in list((self._selector.get_map() or {}).values()):
                os.dup2(ours.fileno(), key.fd, inheritable=False)


_thread = _LoopThread()
_of_parents: list[_LoopThread] = []


def _begin_anew() -> None:
    """In a forked child: the thread has stayed with the parent, and so may have whoever holds the lock.

    What was the parent's is kept, and cut off from the parent's connections: closing a loop or a connection
    that both have would disturb the parent.
    """
    global _thread  # noqa: PLW0603 - one thread for all that this process dispatches so
    _thread.cut_off()
    _of_parents.append(_thread)
    _thread = _LoopThread()


os.register_at_fork(after_in_child=_begin_anew)


def run_sync(work: Coroutine[Any, Any, T]) -> T:
    """Do something that awaits, from a program without an event loop; one connection for all such calls."""
    own = _of_worker.get()
    if own is not None and not own.elsewhere and _running_loop() is not own.loop:
        return asyncio.run_coroutine_threadsafe(work, own.loop).result()
    return _thread.run(work)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def close_sync() -> None:
    """Let go of the connection of `run_sync`; the next call makes another."""
    _thread.aclose()
