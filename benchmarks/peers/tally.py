"""Which tasks were run, how often, and when: written by every process that runs them.

A process has a file of its own in the directory `BENCH_TALLY`: when it ran its first and its latest task, and
a byte for each task. The standard library alone is used; it costs a task of any system the same half a
microsecond.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import time
from pathlib import Path
from typing import NamedTuple

DIRECTORY = "BENCH_TALLY"
COUNT = "BENCH_COUNT"
_TIMES = struct.Struct("dd")
_own: tuple[int, mmap.mmap] | None = None
_opening = threading.Lock()


class Tally(NamedTuple):
    """What all processes have written so far.

    Attributes:
        done: Tasks that were run at least once.
        again: Runs beyond the first of a task.
        processes: That have run any.
        took_s: From the start of the first task to the end of the last one.
    """

    done: int
    again: int
    processes: int
    took_s: float


def ran(number: int) -> None:
    """Task `number` is run now."""
    global _own  # noqa: PLW0603 - one file for each process, opened after the last fork
    if _own is None or _own[0] != os.getpid():
        with _opening:
            if _own is None or _own[0] != os.getpid():
                _own = os.getpid(), _open()
    pages = _own[1]
    pages[_TIMES.size + number] += 1
    now_s = time.monotonic()
    _TIMES.pack_into(pages, 0, _TIMES.unpack_from(pages)[0] or now_s, now_s)


def read(directory: Path, count: int) -> Tally:
    """Add up what is there."""
    times = []
    runs = [0] * count
    for path in directory.glob("*.runs"):
        content = path.read_bytes()
        times.append(_TIMES.unpack_from(content))
        runs = [before + more for before, more in zip(runs, content[_TIMES.size :], strict=True)]
    done = sum(map(bool, runs))
    took_s = max(last for _, last in times) - min(first for first, _ in times) if times else 0.0
    return Tally(done, sum(runs) - done, len(times), took_s)


def tasks_so_far(directory: Path) -> int:
    """How many were run; one that two processes ran is two. It costs next to nothing while others work."""
    contents = (path.read_bytes()[_TIMES.size :] for path in directory.glob("*.runs"))
    return sum(len(content) - content.count(0) for content in contents)


def _open() -> mmap.mmap:
    size = _TIMES.size + int(os.environ[COUNT])
    path = Path(os.environ[DIRECTORY]) / f"{os.getpid()}.new"
    path.write_bytes(bytes(size))
    path = path.rename(path.with_suffix(".runs"))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), size)
