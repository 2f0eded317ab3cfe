"""The beginning and the end of a forked interpreter: what it must forget, and what it must still do.

`_signal` and not `signal`: the latter turns numbers into members of enumerations, at a dozen pages a call.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # the C part of `signal`
import atexit
import os
import sys

from cloud_tasks.runners import prctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

_kept: list[object] = []
"""Old streams stay alive, because their deaths would flush what the forking process had buffered."""


def forget_inherited_exit() -> None:
    """Clear what the forking process wanted done at its exit; it will do that itself."""
    atexit._clear()
    finalize = getattr(sys.modules.get("weakref"), "finalize", None)
    if finalize is not None:
        finalize._registry.clear()
        finalize._registered_with_atexit = False
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util._finalizer_registry.clear()
        util._run_after_forkers()
        atexit.register(util._exit_function)
    logging = sys.modules.get("logging")
    if logging is not None:
        atexit.register(logging.shutdown)


def reset_signals() -> None:
    """Default dispositions, nothing blocked: handlers of the program belong to the program's own process."""
    _signal.set_wakeup_fd(-1)
    for number in _signal.valid_signals():
        if callable(_signal.getsignal(number)):
            _signal.signal(number, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, [])


def use_streams(stdout_fd: int, stderr_fd: int) -> None:
    """Make these the standard streams, with nothing to read, and the text layers line by line."""
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (stdout_fd, 1), (stderr_fd, 2)):
        os.dup2(source, target, inheritable=True)
    for fd in {null, stdout_fd, stderr_fd} - {0, 1, 2}:
        os.close(fd)
    _kept.extend((sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__))
    sys.stdin = sys.__stdin__ = _text(0, "r")  # type: ignore[misc] # a new start for both
    sys.stdout = sys.__stdout__ = _text(1, "w")  # type: ignore[misc] # a new start for both
    sys.stderr = sys.__stderr__ = _text(2, "w")  # type: ignore[misc] # a new start for both


def _text(fd: int, mode: str):  # type: ignore[no-untyped-def] # noqa: ANN202 - as `open` says
    return open(fd, mode, buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def become_task(watcher_pid: int, number: int) -> None:
    """In a fork: lead a session of its own, die with the watcher, and be a process like a fresh one.

    Args:
        watcher_pid: Process id of the parent.
        number: What `multiprocessing` is to number this process by.
    """
    os.setsid()
    prctl.die_with_parent()
    if os.getppid() != watcher_pid:
        os._exit(1)
    _signal.set_wakeup_fd(-1)
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    random = sys.modules.get("numpy.random")
    if random is not None:
        random.seed()
    process = sys.modules.get("multiprocessing.process")
    if process is not None:
        process.current_process().name = f"CloudTask-{number}"


def finish_interpreter() -> None:
    """What an interpreter does at its end: wait for threads, run exit functions, flush.

    The function has come to its end by now. SIGTERM, which would be the process's end, is only that of the
    wait for threads, so that what the function came to can be told; unless the task has a handler of its own.
    """
    threading = sys.modules.get("threading")
    if threading is not None:
        _wait_for(threading._shutdown)
    atexit._run_exitfuncs()
    flush_streams()


def _wait_for(threads) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001 - `typing` is not imported here
    if _signal.getsignal(_signal.SIGTERM) != _signal.SIG_DFL:
        threads()
        return
    waiting = True

    def enough(*_: object) -> None:
        _signal.signal(_signal.SIGTERM, _signal.SIG_IGN)
        if waiting:
            raise _EnoughError

    try:
        _signal.signal(_signal.SIGTERM, enough)
        threads()
        waiting = False
    except _EnoughError:
        waiting = False
    _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)


class _EnoughError(BaseException):
    """There is no time left to wait for threads."""


def flush_streams() -> None:
    """Flush standard output and error; a task may have closed or replaced them."""
    _flush(sys.stdout)
    _flush(sys.stderr)


def _flush(stream: TextIO) -> None:
    try:
        stream.flush()
    except (OSError, ValueError, AttributeError):
        return
