"""From what the user calls a task source to a `TaskQueue`."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

from msgspec import Struct

from cloud_tasks.config.settings import Settings
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.task import MalformedTask, Task
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.interfaces import QueueBackend, TaskQueue
from cloud_tasks.queues.local import LocalQueue
from cloud_tasks.task_file import CheckProgress, TaskFile, open_task_file, task_from_item

Checking: TypeAlias = Callable[[int, int | None, int], None]
_T = TypeVar("_T")

_SETTLE_MARGIN_S = 5.0
"""What a lease must leave, beside the longest run, for recording and settling."""


class _ProgramQueue(LocalQueue):
    """The tasks that a function of the program gives, and whether the worker has taken them all."""

    def __init__(self, source: Callable[[], object]) -> None:
        super().__init__(self._followed, convert=self._convert)
        self._source = source
        self._read = 0
        self._at_end = False

    def not_exhausted(self) -> tuple[str, ...]:
        """What to say of tasks that are left: of how many, only the function could tell."""
        if self._at_end and self._read == self._handed_out:
            return ()
        taken = (
            f"the worker took {self._handed_out:,} of its tasks, and ended before it could know of their end"
        )
        return (f"the source was not exhausted: {taken}",)

    def _followed(self) -> Iterable[object]:
        items = self._source()
        if isinstance(items, Iterable) and not isinstance(items, str | bytes | Mapping):
            return self._to_its_end(items)
        return items  # type: ignore[return-value] # no tasks; the queue says so

    def _to_its_end(self, items: Iterable[object]) -> Iterator[object]:
        try:
            yield from items
        except GeneratorExit:
            raise
        except BaseException:  # boundary: the program's own, told by the queue
            self._at_end = True
            raise
        self._at_end = True

    def _convert(self, item: object) -> Task | MalformedTask:
        self._read += 1
        return task_from_item(item)


class Source(Struct, frozen=True):
    """Where tasks come from.

    Attributes:
        queue: The queue that the worker reads.
        tasks_total: Number of tasks; None where that is not known.
        warnings: What is odd about it but no error.
        left_out: What is known at the end alone: that of a file that was not checked.
        left_undone: What is left although nobody said that it may be, known at the end too: a problem.
    """

    queue: TaskQueue
    tasks_total: int | None = None
    warnings: tuple[Problem, ...] = ()
    left_out: Callable[[], tuple[Problem, ...]] = tuple
    left_undone: Callable[[], tuple[str, ...]] = tuple


def is_local(given: object, settings: Settings) -> bool:
    """Whether tasks come from the program or a file, and not from a provider's queue."""
    return given is not None or settings.task_file is not None


async def open_source(
    given: object, settings: Settings, backend: QueueBackend | None, checking: Checking
) -> Source:
    """Open the task source.

    Args:
        given: What the program passed as `task_source`; None if it passed nothing.
        settings: The settings.
        backend: The provider's queues; None only where the source is local.
        checking: Told how far the check of a task file is, from another thread.

    Raises:
        TaskFileError: The task file cannot be used.
        ConfigurationError: There is no such source.
    """
    source = settings.task_file if given is None else given
    if source is None:
        assert backend is not None  # noqa: S101 - the caller has opened it
        return Source(await backend.tasks())
    if isinstance(source, TaskQueue):
        return Source(source)
    if callable(source):
        queue = _ProgramQueue(source)
        left_undone = tuple if settings.max_num_tasks is not None else queue.not_exhausted
        return Source(queue, warnings=_told_to_wait(settings), left_undone=left_undone)
    if isinstance(source, str | os.PathLike) or hasattr(source, "as_posix"):
        return await _open_file(source, settings, checking)
    raise ConfigurationError(_no_source(source))


async def _open_file(source: Any, settings: Settings, checking: Checking) -> Source:
    def progress(so_far: CheckProgress) -> None:
        checking(so_far.done_bytes, so_far.total_bytes, so_far.task_count)

    def open_it() -> TaskFile:
        return open_task_file(
            source,
            check=not settings.no_check,
            allow_partial=settings.allow_partial,
            on_duplicate="skip" if settings.on_duplicate == "skip" else "error",
            skipped=settings.tasks_to_skip,
            progress=progress,
        )

    file = await in_thread(open_it)
    queue, warnings = LocalQueue(_tasks_of(file)), _told_to_wait(settings)
    if settings.no_check:
        return Source(queue, warnings=warnings, left_out=lambda: file.problems)
    return Source(queue, _to_do(file.count, settings), (*file.problems, *warnings))


def _told_to_wait(settings: Settings) -> tuple[Problem, ...]:
    """Whoever says so expects a worker that goes on."""
    if settings.exit_when_empty is not None:
        return ()
    return (
        Problem(
            "`--no-exit-when-empty` has no effect: what tasks are read from has an end, and the worker ends "
            "with it",
            helps=("a function that yields tasks may wait for more of them itself",),
        ),
    )


def _tasks_of(file: TaskFile) -> Callable[[], Iterable[object]]:
    def tasks() -> Iterable[object]:
        try:
            yield from file
        finally:
            file.close()

    return tasks


def _to_do(count: int | None, settings: Settings) -> int | None:
    """How many of the file's tasks will be run."""
    if count is None:
        return None
    left = max(0, count - settings.tasks_to_skip)
    return left if settings.max_num_tasks is None else min(left, settings.max_num_tasks)


async def in_thread(work: Callable[[], _T]) -> _T:
    """Do something that blocks, in a thread that never keeps the process from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def finish(result: _T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(result)  # type: ignore[arg-type] # None only beside an error
        else:
            done.set_exception(error)

    def body() -> None:
        result, failure = None, None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - boundary: raised again where it is awaited
            failure = error
        loop.call_soon_threadsafe(finish, result, failure)

    threading.Thread(target=body, name="cloud-tasks-open", daemon=True).start()
    return await done


def check_lease(settings: Settings, capabilities: QueueCapabilities) -> None:
    """See that a task can run for as long as it may under a lease of this queue.

    Raises:
        ConfigurationError: It cannot.
    """
    limit_s = capabilities.held_s_max
    if limit_s is not None and settings.max_runtime + _SETTLE_MARGIN_S > limit_s:
        raise ConfigurationError(
            Problem(
                f"max_runtime is {settings.max_runtime:g} s, but this queue lets a task be held for "
                f"{limit_s:g} s at most",
                helps=(
                    f"use `--max-runtime {int(limit_s - _SETTLE_MARGIN_S)}` or less, and split longer tasks",
                ),
                notes=("nothing started; 0 tasks taken",),
            )
        )


def _no_source(source: object) -> Problem:
    return Problem(
        f"task_source is {type(source).__name__}, which is no source of tasks",
        helps=("pass a path, a function that returns an iterator of tasks, or a TaskQueue",),
    )
