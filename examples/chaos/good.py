"""Tasks that do unusual things and end well."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from cloud_tasks.worker import WorkerData
from kinds import Answer, Expectation, kind

_MEGABYTE = 1_000_000
_BIG_RESULT_CHARS = 10 * _MEGABYTE
_FLOOD_BYTES = _MEGABYTE


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


@kind("good", Expectation(result_chars=_BIG_RESULT_CHARS), weight=0.5)
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
