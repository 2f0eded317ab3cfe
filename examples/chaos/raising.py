"""Tasks that raise, or make the interpreter raise."""

from __future__ import annotations

import sys

from cloud_tasks.worker import WorkerData
from kinds import EXCEPTION, EXITED, Answer, Expectation, kind

_LEAK_STEP_BYTES = 10_000_000
_LEAK_BYTES_MAX = 300_000_000


class _WordlessError(Exception):
    def __str__(self) -> str:
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
    for _storey in range(150_000):
        one, other = [one], [other]
    return False, one == other


@kind("raising", Expectation(events=(EXCEPTION,), exception_kinds=("memory_limit",)), weight=0.5)
def leaks(_: WorkerData) -> Answer:
    """Take more and more memory, up to 300 MB, which `--max-memory-allowed-per-task` should stop."""
    hoard: list[bytearray] = []
    while len(hoard) * _LEAK_STEP_BYTES < _LEAK_BYTES_MAX:
        hoard.append(bytearray(_LEAK_STEP_BYTES))
    return False, "nobody stopped me"
