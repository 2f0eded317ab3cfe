"""The inline runner: `async def` functions on the worker's own loop, plain functions in threads.

For functions that wait more than they compute. Nothing is isolated: a function that blocks the loop blocks
the worker, one that crashes the interpreter takes the worker with it, and a thread cannot be killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
from collections import deque
from collections.abc import Awaitable, Coroutine

from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.interfaces import RunListener, RunSpec
from cloud_tasks.runners.forks import end_other_than
from cloud_tasks.runners.inline_run import CANCELLED, InlineRun, end_of_exception, end_of_value
from cloud_tasks.runners.program import Program
from cloud_tasks.runners.stuck import StuckWatch
from cloud_tasks.runners.threads import DaemonThreads
from cloud_tasks.runners.worker_data import FLAGS_SIZE_BYTES, SHUTDOWN_FLAG, TERMINATION_FLAG

CLOSE_S_MAX = 3.0
_NAMES_MAX = 5
_log = logging.getLogger("cloud_tasks")


class InlineRunner:
    """Runs attempts inside the worker's own process, up to a number at a time."""

    def __init__(self, program: Program, concurrency: int, stuck: StuckWatch | None = None) -> None:
        """Take note of what to run.

        Args:
            program: The function and its settings.
            concurrency: How many attempts at a time.
            stuck: Told of those that are given up, and of those that return; None: nobody is.

        Raises:
            ConfigurationError: Less than one at a time, or a memory limit, which only processes can have.
        """
        problems = []
        if concurrency < 1:
            problems.append(
                Problem(f"the inline runner must run at least one task at a time, not {concurrency}")
            )
        if program.worker_data.max_memory_allowed_per_task is not None:
            problems.append(
                Problem(
                    "the inline runner cannot limit a task's memory",
                    helps=(
                        "leave `--max-memory-allowed-per-task` out",
                        "or use `--runner process` or `--runner pool`",
                    ),
                )
            )
        if problems:
            raise ConfigurationError(*problems)
        self._program = program
        self._concurrency = concurrency
        self._stuck = stuck
        self._flags = bytearray(FLAGS_SIZE_BYTES)
        function = program.function
        self._is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004 - objects with an `async def __call__`
        )
        self._threads: DaemonThreads | None = None
        self._running: dict[InlineRun, None] = {}
        self._waiting: deque[InlineRun] = deque()
        self._awaited: dict[InlineRun, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._all_over: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def open(self) -> None:
        """Get ready."""
        self._loop = asyncio.get_running_loop()
        self._threads = DaemonThreads(self._concurrency)
        self._program.worker_data._flags = self._flags  # noqa: SLF001 - the runners own this

    def start(self, spec: RunSpec, listener: RunListener) -> InlineRun:
        """Start one attempt; returns at once."""
        assert self._loop is not None, "open() comes first"  # noqa: S101 - a mistake in our own shell
        run = InlineRun(self, self._program.worker_data, spec, listener, self._loop)
        if spec.memory_limit_bytes is not None:
            self._loop.call_soon(run.fail, "the inline runner cannot limit a task's memory")
        elif self._all_over is not None:
            self._loop.call_soon(run.fail, "the runner is being closed")
        else:
            self._waiting.append(run)
            self._start_waiting()
        return run

    def _start_waiting(self) -> None:
        while self._waiting and len(self._running) < self._concurrency:
            run = self._waiting.popleft()
            self._running[run] = None
            self._begin(run)

    def _begin(self, run: InlineRun) -> None:
        assert self._loop is not None  # noqa: S101 - the caller has looked
        assert self._threads is not None  # noqa: S101 - the caller has looked
        if self._is_async:
            self._spawn(run, None)
        else:
            self._loop.call_soon(run.tell_started)
            self._threads.submit(lambda: self._in_thread(run))

    def _spawn(self, run: InlineRun, value: Awaitable[object] | None) -> None:
        assert self._loop is not None  # noqa: S101 - the caller has looked
        if run.asked:
            _end_unstarted(run, value)
            return
        task = self._loop.create_task(self._on_loop(run, value))
        run.task = task
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._task_done(task, run, value))

    def _task_done(self, task: asyncio.Task[None], run: InlineRun, value: Awaitable[object] | None) -> None:
        self._tasks.discard(task)
        # `_on_loop` lets no cancellation out: this one came before its first step.
        if task.cancelled():
            _end_unstarted(run, value)

    async def _on_loop(self, run: InlineRun, value: Awaitable[object] | None) -> None:
        pid = os.getpid()
        try:
            run.tell_started()
            if value is None:
                value = self._call(run)  # type: ignore[assignment] # an async function returns what can be awaited
            try:
                found = await value  # type: ignore[misc] # can be awaited
            finally:
                # A second worker in a fork would take tasks as this one does.
                end_other_than(pid)
            end = end_of_value(found, success_first=self._program.success_first)
        except BaseException as error:  # noqa: BLE001 - boundary: the user's function
            end = end_of_exception(error, asked=run.asked)
        run.over(end)

    def _call(self, run: InlineRun) -> object:
        function = self._program.function
        data = dict(run.spec.task.data)
        pid = os.getpid()
        try:
            if self._program.success_first:
                return function(run.spec.task.task_id, data)
            return function(run.spec.task.task_id, data, run.worker_data)
        finally:
            end_other_than(pid)

    def _in_thread(self, run: InlineRun) -> None:
        assert self._loop is not None  # noqa: S101 - the caller has looked
        try:
            value = self._call(run)
            if isinstance(value, Awaitable):
                self._loop.call_soon_threadsafe(self._spawn, run, value)
                return
            end = end_of_value(value, success_first=self._program.success_first)
        except BaseException as error:  # noqa: BLE001 - boundary: the user's function
            end = end_of_exception(error, asked=run.asked)
        try:
            self._loop.call_soon_threadsafe(run.over, end)
        except RuntimeError:
            # The loop was closed over a thread that was abandoned; nobody waits for it any more.
            return

    def forget(self, run: InlineRun) -> bool:
        """Take back a run that waits."""
        try:
            self._waiting.remove(run)
        except ValueError:
            return False
        return True

    def run_abandoned(self, run: InlineRun) -> None:
        """Take note; what is given up at the end of the worker is nobody's concern."""
        if self._stuck is not None and self._all_over is None:
            self._stuck.abandoned(run)

    def run_over(self, run: InlineRun) -> None:
        """Start the next."""
        if self._stuck is not None:
            self._stuck.over(run)
        self._running.pop(run, None)
        self._start_waiting()
        self._awaited.pop(run, None)
        if self._all_over is not None and not self._awaited:
            self._all_over.set()

    def notify(self, *, termination: bool = False, shutdown: bool = False) -> None:
        """Set the flags that every task sees; they stay set."""
        if termination:
            self._flags[TERMINATION_FLAG] = 1
        if shutdown:
            self._flags[SHUTDOWN_FLAG] = 1

    async def aclose(self) -> None:
        """Cancel what still runs; threads that do not return within seconds are left behind as daemons."""
        self._all_over = asyncio.Event()
        if self._stuck is not None:
            self._stuck.close()
        while self._waiting:
            self._waiting.popleft().fail("the runner is being closed")
        # The end of abandoned ones has been told. A second call finds no others, and has nothing to wait for.
        self._awaited = {run: None for run in self._running if not run.abandoned}
        for run in list(self._awaited):
            run.kill()
        if self._awaited:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._all_over.wait(), CLOSE_S_MAX)
            for run in self._awaited:
                run.abandon()
        if self._threads is not None:
            self._threads.close()
            self._threads = None
            self._warn_of_the_uncancelled()

    def _warn_of_the_uncancelled(self) -> None:
        """Name those that hold up the end of a program that waits for them, as `asyncio.run` does."""
        names = [run.spec.task.task_id for run in self._running if run.task is not None]
        if names:
            shown = ", ".join(names[:_NAMES_MAX]) + (", ..." if len(names) > _NAMES_MAX else "")
            _log.warning(
                "%d functions were cancelled and go on (%s); `asyncio.run` waits for them", len(names), shown
            )


def _end_unstarted(run: InlineRun, value: Awaitable[object] | None) -> None:
    """End a run that was to be stopped before anybody awaited what its function returned."""
    try:
        if isinstance(value, Coroutine):
            value.close()
        elif isinstance(value, asyncio.Future):
            value.cancel()
    except BaseException as error:  # noqa: BLE001 - boundary: the user's object
        run.over(end_of_exception(error, asked=True))
    else:
        run.over(CANCELLED)
