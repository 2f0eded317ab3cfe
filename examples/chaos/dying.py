"""Tasks that raise, tasks whose process dies, and tasks that never end."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from typing import NoReturn

from cloud_tasks.worker import WorkerData
from kinds import EXCEPTION, EXITED, TIMED_OUT, Answer, Expectation, kind

_FOR_EVER_S = 600
_LEAK_STEP_BYTES = 10_000_000
_LEAK_BYTES_MAX = 300_000_000
_LAST_WORDS = "these are my last words"
_PR_SET_PDEATHSIG = 1


def _hang() -> NoReturn:
    while True:
        time.sleep(_FOR_EVER_S)


class _WordlessError(Exception):
    def __str__(self) -> str:  # type: ignore[explicit-override]
        raise RuntimeError("an exception that cannot even be printed")


@kind("raising", Expectation(events=(EXCEPTION,), exception_kinds=("raised",), told="no luck today"))
def raises(_: WorkerData) -> Answer:
    """Raise."""
    raise ValueError("no luck today")


@kind("raising", Expectation(events=(EXCEPTION,)))
def raises_wordless(_: WorkerData) -> Answer:
    """Raise an exception that cannot be turned into text."""
    raise _WordlessError


@kind("raising", Expectation(events=(EXCEPTION,)))
def raises_novel(_: WorkerData) -> Answer:
    """Raise an exception with a message of 2 MB and a lone surrogate at its end."""
    raise ValueError("a long story " * 160_000 + "\ud800")


@kind("raising", Expectation(events=(EXCEPTION,)))
def raises_base_exception(_: WorkerData) -> Answer:
    """Raise what `except Exception` does not catch."""
    raise BaseException("beyond Exception")  # noqa: TRY002 - the point of this kind


@kind("raising", Expectation(events=(EXCEPTION, EXITED)))
def raises_keyboard_interrupt(_: WorkerData) -> Answer:
    """Raise what Ctrl-C raises."""
    raise KeyboardInterrupt


@kind("raising", Expectation(events=(EXCEPTION,), exception_kinds=("raised",), told="RecursionError"))
def recurses(worker_data: WorkerData) -> Answer:
    """Call itself until Python says stop."""
    return recurses(worker_data)


@kind("raising", Expectation(events=(EXCEPTION, EXITED)), weight=0.5)
def overflows_stack(_: WorkerData) -> Answer:
    """Lift the recursion limit, then recurse in C."""
    sys.setrecursionlimit(10**9)
    one: list[object] = []
    other: list[object] = []
    for _storey in range(500_000):
        one, other = [one], [other]
    return False, one == other


@kind("raising", Expectation(events=(EXCEPTION,), exception_kinds=("memory_limit",)), weight=0.5)
def leaks(_: WorkerData) -> Answer:
    """Take more and more memory, up to 300 MB, which `--max-memory-allowed-per-task` should stop."""
    hoard: list[bytearray] = []
    while len(hoard) * _LEAK_STEP_BYTES < _LEAK_BYTES_MAX:
        hoard.append(bytearray(_LEAK_STEP_BYTES))
    return False, "nobody stopped me"


@kind("dying", Expectation(events=(EXITED,), signals=("SIGSEGV",)))
def crashes(_: WorkerData) -> Answer:
    """Read the memory at address 0."""
    return False, ctypes.string_at(0)


@kind("dying", Expectation(events=(EXITED,), signals=("SIGABRT",)))
def aborts(_: WorkerData) -> Answer:
    """Call abort()."""
    os.abort()


@kind("dying", Expectation(events=(EXITED,), signals=("SIGBUS",)))
def bus_error(_: WorkerData) -> Answer:
    """Send itself a signal that only hardware sends."""
    os.kill(os.getpid(), signal.SIGBUS)
    _hang()


@kind("dying", Expectation(events=(EXITED,), signals=("SIGKILL",)))
def kills_itself(_: WorkerData) -> Answer:
    """Die as if the out-of-memory killer had come."""
    os.kill(os.getpid(), signal.SIGKILL)
    _hang()


@kind("dying", Expectation(events=(EXITED, EXCEPTION)))
def terminates_itself(_: WorkerData) -> Answer:
    """Send itself the signal that the worker would send."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.2)
    sys.exit(1)


@kind("dying", Expectation(events=(EXITED,), exit_code=0))
def exits_as_if_well(_: WorkerData) -> Answer:
    """Exit with status 0, but without a result."""
    sys.exit(0)


@kind("dying", Expectation(events=(EXITED,), exit_code=3))
def exits(_: WorkerData) -> Answer:
    """Exit with status 3."""
    sys.exit(3)


@kind("dying", Expectation(events=(EXITED,), exit_code=7))
def exits_at_once(_: WorkerData) -> Answer:
    """Exit with status 7, without cleaning up."""
    os._exit(7)


@kind("dying", Expectation(events=(EXITED,), exit_code=9, told=_LAST_WORDS))
def dies_talking(_: WorkerData) -> Answer:
    """Print to stderr, then die."""
    for number in range(200):
        print(f"line {number} before the end", file=sys.stderr)
    print(_LAST_WORDS, file=sys.stderr, flush=True)
    os._exit(9)


@kind("dying", Expectation(events=(EXITED,), signals=("SIGKILL",)))
def kills_its_group(_: WorkerData) -> Answer:
    """Kill everybody in its process group, which should be nobody else."""
    os.killpg(0, signal.SIGKILL)
    _hang()


@kind("hanging", Expectation(events=(TIMED_OUT,)), weight=0.7)
def hangs(_: WorkerData) -> Answer:
    """Never end."""
    _hang()


@kind("hanging", Expectation(events=(TIMED_OUT,)), weight=0.7)
def ignores_sigterm(_: WorkerData) -> Answer:
    """Never end, and do not listen."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _hang()


@kind("hanging", Expectation(events=(TIMED_OUT,)), weight=0.5)
def holds_the_lock(_: WorkerData) -> Answer:
    """Sleep in C with the interpreter's lock held, so that no other line of Python runs."""
    ctypes.PyDLL(None).sleep(_FOR_EVER_S)
    _hang()


@kind("hanging", Expectation(events=(TIMED_OUT,)), weight=0.5)
def stops_itself(_: WorkerData) -> Answer:
    """Stop, as with Ctrl-Z; only SIGKILL reaches it now."""
    os.kill(os.getpid(), signal.SIGSTOP)
    _hang()


@kind("hanging", Expectation(events=(TIMED_OUT,)), weight=0.5)
def outlives_its_parent(_: WorkerData) -> Answer:
    """Never end, and ask the kernel not to be told when the parent dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})
    _hang()


@kind("hanging", Expectation(events=(TIMED_OUT, EXITED, EXCEPTION)), weight=0.3)
def hangs_without_files(_: WorkerData) -> Answer:
    """Close every file descriptor, then never end."""
    os.closerange(0, 4096)
    _hang()
