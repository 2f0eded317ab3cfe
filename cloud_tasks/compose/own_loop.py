"""The event loop of a program that does nothing but work: it ends, whatever functions leave on it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import threading
import time
from collections.abc import Callable, Collection, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from cloud_tasks.compose.event_loop import MakeLoop
from cloud_tasks.compose.telling import tell
from cloud_tasks.errors import Problem
from cloud_tasks.runners.endings import flush_streams

T = TypeVar("T")

LEAVE_S_MAX = 2.0
"""How long what is left may take to heed its cancellation; threads, as long again to return."""


def run_on_own_loop(
    work: Coroutine[object, object, T], status_of: Callable[[T], int], make_loop: MakeLoop | None = None
) -> int:
    """Run a worker as `asyncio.run` does, and return its exit status.

    A thread that does not return would hold up the end of the interpreter: the process ends here then.
    """
    result, stuck = run_and_leave(work, make_loop)
    status = status_of(result)
    if stuck:
        _end_process(status, stuck)
    return status


def run_and_leave(
    work: Coroutine[object, object, T], make_loop: MakeLoop | None = None
) -> tuple[T, Collection[threading.Thread]]:
    """Run a worker, and return what it comes to and the threads that do not return.

    `asyncio.run` waits until the last task on the loop has ended, and the last thread of `asyncio.to_thread`:
    those that heed no cancellation kept a worker that had said goodbye. Here they are left out after a while.
    Nothing runs such tasks any more.
    """
    runner = asyncio.Runner(loop_factory=make_loop)
    loop = runner.get_loop()
    executor = ThreadPoolExecutor(thread_name_prefix="asyncio")  # not every loop tells which one it has made
    loop.set_default_executor(executor)
    try:
        result = runner.run(work)
    except BaseException:  # boundary: closed, and raised again
        _close(runner, loop, executor)
        raise
    return result, _close(runner, loop, executor)


def _close(
    runner: asyncio.Runner, loop: asyncio.AbstractEventLoop, executor: ThreadPoolExecutor
) -> Collection[threading.Thread]:
    """Close the loop; returns the threads that do not return."""
    left = _cancel_all(loop)
    stuck = _let_threads_return(getattr(loop, "_default_executor", executor))
    if not left and not stuck:
        runner.close()
        return ()
    with contextlib.suppress(TimeoutError):
        loop.run_until_complete(asyncio.wait_for(loop.shutdown_asyncgens(), LEAVE_S_MAX))
    for task in left:
        _keep_for_good(task)
    asyncio.set_event_loop(None)
    loop.close()
    return stuck


def _cancel_all(loop: asyncio.AbstractEventLoop) -> Collection[asyncio.Task[object]]:
    """Cancel all tasks, and wait for a moment; returns those that go on."""
    tasks = asyncio.all_tasks(loop)
    if not tasks:
        return ()
    for task in tasks:
        task.cancel()
    return loop.run_until_complete(asyncio.wait(tasks, timeout=LEAVE_S_MAX))[1]


def _let_threads_return(executor: object) -> Collection[threading.Thread]:
    if not isinstance(executor, ThreadPoolExecutor):
        return ()
    executor.shutdown(wait=False, cancel_futures=True)
    deadline = time.monotonic() + LEAVE_S_MAX
    threads: Collection[threading.Thread] = tuple(executor._threads)  # noqa: SLF001 - nothing public tells
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [thread for thread in threads if thread.is_alive()]


def _keep_for_good(task: asyncio.Task[object]) -> None:
    """Never let go of it: the interpreter would run what does not want to end once more, to close it."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(task))


def _end_process(status: int, stuck: Collection[threading.Thread]) -> None:
    text = f"{len(stuck)} threads that functions have started do not return; the process ends without them"
    tell([Problem(text)], "warning")
    flush_streams()
    os._exit(status)
