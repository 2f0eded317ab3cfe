"""Reads an iterator that may block or raise, in a thread of its own, a bounded number of items ahead."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

from cloud_tasks.core.task import MalformedTask, Task
from cloud_tasks.errors import Problem, ProgramError

_END = object()


class SourceReader:
    """The thread on one side, the event loop on the other, and a bounded buffer between them.

    The thread is a daemon and not one of the executor's: neither the end of the process nor anything else
    that needs a thread ever waits for the user's iterator. It wakes the loop only when somebody there waits,
    and the loop wakes it when the buffer is half empty, so that handing over costs little.

    Attributes:
        failure: What the iterator raised; None if it did not (yet).
        read_count: How many items it gave so far.
    """

    def __init__(
        self,
        tasks: Callable[[], Iterable[object]] | Iterable[object],
        convert: Callable[[object], Task | MalformedTask],
        read_ahead_max: int,
    ) -> None:
        self.failure: BaseException | None = None
        self.read_count = 0
        self._tasks = tasks
        self._convert = convert
        self._read_ahead_max = read_ahead_max
        self._buffer: deque[Task | MalformedTask] = deque()
        self._room = threading.Event()
        self._ended = False
        self._closing = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_waits = False
        self._waiters: list[asyncio.Future[None]] = []

    # --- on the event loop

    @property
    def ended(self) -> bool:
        """Whether nothing will be added to the buffer any more."""
        return self._ended or self._closing

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start reading; no effect if it was started, or closed."""
        if self._thread is None and not self._closing:
            self._loop = loop
            self._thread = threading.Thread(target=self._run, name="task-source", daemon=True)
            self._thread.start()

    def take(self, items_max: int) -> list[Task | MalformedTask]:
        """What has been read, up to `items_max`, in order; nothing once closed."""
        if self._closing:
            return []
        buffer = self._buffer
        items = [buffer.popleft() for _ in range(min(items_max, len(buffer)))]
        if len(buffer) <= self._read_ahead_max // 2 and not self._room.is_set():
            self._room.set()
        return items

    async def wait(self, wait_s: float) -> None:
        """Wait until there may be something to take, or the end; `wait_s` seconds at most."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiters.append(future)
        self._loop_waits = True
        if self._buffer or self.ended:  # it came before the thread could see that somebody waits
            self._wake_all()
        timer = loop.call_later(wait_s, _release, future)
        try:
            await future
        finally:
            timer.cancel()
            self._waiters.remove(future)

    def close(self) -> None:
        """Stop reading, without waiting for the iterator. What was read and not taken is dropped."""
        self._closing = True
        self._room.set()
        self._wake_all()

    def _wake_all(self) -> None:
        for future in self._waiters:
            _release(future)

    # --- in the thread

    def _run(self) -> None:
        try:
            self._read()
        except BaseException as error:  # noqa: BLE001 # boundary: the user's iterator, which may even exit
            self.failure = error
        self._ended = True
        self._wake_loop()

    def _read(self) -> None:
        iterator = _iterator_of(self._tasks)
        try:
            while self._wait_for_room() and (item := next(iterator, _END)) is not _END:
                task = self._convert(item)
                self.read_count += 1
                self._buffer.append(task)
                if self._loop_waits:
                    self._wake_loop()
        finally:
            if isinstance(iterator, Generator):
                iterator.close()

    def _wait_for_room(self) -> bool:
        """Wait while the buffer is full; returns whether to go on reading."""
        if len(self._buffer) >= self._read_ahead_max:
            self._room.clear()
            # Looked at again, because the loop may have made room before it could see that it is wanted.
            if len(self._buffer) >= self._read_ahead_max and not self._closing:
                self._room.wait()
        return not self._closing

    def _wake_loop(self) -> None:
        self._loop_waits = False
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
                self._loop.call_soon_threadsafe(self._wake_all)


def _iterator_of(tasks: Callable[[], Iterable[object]] | Iterable[object]) -> Iterator[object]:
    items: object = tasks() if callable(tasks) else tasks
    if isinstance(items, Iterable) and not isinstance(items, str | bytes | Mapping):
        return iter(items)
    raise ProgramError(
        Problem(
            f"the task source gave a value of type `{type(items).__name__}`, which is not a series of tasks",
            helps=("return a list or an iterator of tasks, or write the function with `yield`",),
        )
    )


def _release(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
