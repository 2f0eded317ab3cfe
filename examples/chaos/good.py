"""Tasks that do unusual things and end well, and tasks that return what nobody can use."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from cloud_tasks.worker import WorkerData
from kinds import COMPLETED, EXCEPTION, EXITED, Answer, kind

_MEGABYTE = 1_000_000
_BIG_RESULT_CHARS = 10 * _MEGABYTE
_FLOOD_BYTES = _MEGABYTE
_RUBBISH = {"events": (EXCEPTION,), "exception_kinds": ("wrong_return", "not_serializable")}


def _square(number: int) -> int:
    return number * number


@kind("good", weight=3)
def ordinary(worker_data: WorkerData) -> Answer:
    """Do a little and return."""
    return False, {"sum": sum(range(1000)), "attempt": worker_data.attempt}


@kind("good", weight=2)
def slow(worker_data: WorkerData) -> Answer:
    """Take a while, and say how far it is."""
    for step in range(10):
        time.sleep(0.02)
        worker_data.progress(step + 1, 10)
    return False, "took a while"


@kind("good", weight=0.5, result_chars=_BIG_RESULT_CHARS)
def big_result(_: WorkerData) -> Answer:
    """Return far more than a pipe holds."""
    return False, "x" * _BIG_RESULT_CHARS


@kind("good")
def asks_for_retry(_: WorkerData) -> Answer:
    """Ask for another attempt, which a local source cannot give."""
    return True, "again, please"


@kind("good")
def threads(_: WorkerData) -> Answer:
    """Work in threads."""
    with ThreadPoolExecutor(4) as pool:
        return False, list(pool.map(_square, range(20)))


@kind("good")
def leaves_thread(_: WorkerData) -> Answer:
    """Leave a daemon thread running."""
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    return False, "a thread is left"


@kind("good", weight=0.5)
def process_pool(_: WorkerData) -> Answer:
    """Work in processes of its own."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return False, pool.map(_square, range(10))


@kind("good")
def event_loop(_: WorkerData) -> Answer:
    """Run an event loop, with a subprocess in it."""

    async def work() -> int:
        process = await asyncio.create_subprocess_exec("/bin/true")
        return await process.wait()

    return False, asyncio.run(work())


@kind("good", weight=0.5)
def floods_stdout(_: WorkerData) -> Answer:
    """Write more to stdout than anybody reads."""
    line = "chaos " * 16 + "\n"
    for _number in range(_FLOOD_BYTES // len(line)):
        sys.stdout.write(line)
    return False, "said enough"


@kind("good")
def nonblocking_stdout(_: WorkerData) -> Answer:
    """Make stdout non-blocking, which is shared with everybody who has it open."""
    os.set_blocking(1, False)
    os.set_blocking(2, False)
    return False, "nobody waits for me"


@kind("rubbish", **_RUBBISH)
def returns_none(_: WorkerData) -> Answer:
    """Return nothing."""
    return None


@kind("rubbish", **_RUBBISH)
def returns_two_letters(_: WorkerData) -> Answer:
    """Return a string that unpacks into two."""
    return "ab"


@kind("rubbish", **_RUBBISH)
def returns_one(_: WorkerData) -> Answer:
    """Return one value in place of two."""
    return (False,)


@kind("rubbish", **_RUBBISH)
def returns_three(_: WorkerData) -> Answer:
    """Return three values in place of two."""
    return False, "result", "and more"


@kind("rubbish", **_RUBBISH)
def returns_word_for_retry(_: WorkerData) -> Answer:
    """Return a word where a boolean belongs: one that a careless worker takes for its own tag."""
    return "exception", "everything is fine"


@kind("rubbish", **_RUBBISH)
def returns_none_for_retry(_: WorkerData) -> Answer:
    """Return None where a boolean belongs."""
    return None, "result"


@kind("rubbish", **_RUBBISH)
def returns_nan(_: WorkerData) -> Answer:
    """Return what JSON has no word for."""
    return False, {"mean": float("nan")}


@kind("rubbish", **_RUBBISH)
def returns_set(_: WorkerData) -> Answer:
    """Return a set."""
    return False, {1, 2, 3}


@kind("rubbish", **_RUBBISH)
def returns_function(_: WorkerData) -> Answer:
    """Return something that can be sent nowhere."""
    return False, {"function": lambda: None}


@kind("rubbish", **_RUBBISH)
def returns_circle(_: WorkerData) -> Answer:
    """Return a list that holds itself."""
    circle: list[object] = []
    circle.append(circle)
    return False, circle


@kind("rubbish", events=(EXCEPTION, EXITED))
def returns_tower(_: WorkerData) -> Answer:
    """Return lists in lists, deeper than Python recurses."""
    tower: list[object] = []
    for _storey in range(20_000):
        tower = [tower]
    return False, tower


@kind("rubbish", events=(EXCEPTION, COMPLETED))
def returns_huge_integer(_: WorkerData) -> Answer:
    """Return an integer of 5,000 digits."""
    return False, 10**5000


@kind("rubbish", events=(EXCEPTION, COMPLETED))
def returns_lone_surrogate(_: WorkerData) -> Answer:
    """Return text that UTF-8 cannot hold."""
    return False, "\ud800"
