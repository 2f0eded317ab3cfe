"""Many runs, in as many processes as there are cores."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import closing, contextmanager
from functools import partial
from multiprocessing import forkserver, resource_tracker
from typing import ParamSpec, TypeVar

from msgspec import Struct

from simulation.garbage import look_for_garbage_rarely
from simulation.plan import RunPlan
from simulation.rows import watched_rows
from simulation.run import run
from simulation.tally import Tally

BLOCK_S = 0.5
"""About how long a block of runs takes: long enough to be worth a message, short enough for a live table."""
BLOCK_SEEDS = 64
"""Most seeds of a block."""
P = ParamSpec("P")
T = TypeVar("T")
_Work = Callable[["Span", float], tuple[Tally, int]]
Draw = Callable[[int], RunPlan]
"""Makes the plan of a seed; must be fit to be pickled."""


class Span(Struct, frozen=True):
    """Seeds from `first` up to `last`.

    Attributes:
        first: The first.
        last: The one after the last; None: without end.
    """

    first: int = 0
    last: int | None = None

    def blocks(self) -> Iterator[Span]:
        """Them in blocks."""
        first, last = self.first, math.inf if self.last is None else self.last
        while first < last:
            end = int(min(first + BLOCK_SEEDS, last))
            yield Span(first, end)
            first = end


def run_many(
    draw: Draw, seeds: Span, *, jobs: int, time_s: float | None, watch_rows: bool = False
) -> Generator[Tally, None, None]:
    """Run seeds until all are done or the time is over; yields the sums of each block as it comes in.

    Args:
        draw: Makes the plan of a seed.
        seeds: Which.
        jobs: How many processes.
        time_s: For how long; None: until all are done.
        watch_rows: Whether to count which rows of the attempt's table fire, which takes its time.

    Raises:
        ValueError: There would be no end.
    """
    if seeds.last is None and time_s is None:
        raise ValueError("seeds without end take a time")
    with closing(run_spans(draw, [seeds], jobs=jobs, time_s=time_s, watch_rows=watch_rows)) as done:
        for _, tally in done:
            yield tally


def run_spans(
    draw: Draw, spans: Iterable[Span], *, jobs: int, time_s: float | None, watch_rows: bool = False
) -> Generator[tuple[Span, Tally], None, None]:
    """As `run_many`, for several spans, one after the other; says which seeds each sum is about."""
    until = math.inf if time_s is None else time.monotonic() + time_s
    fresh = (block for span in spans for block in span.blocks())
    with pool(jobs) as processes:
        work = partial(run_block, draw, watch_rows=watch_rows)
        yield from _feed(processes, work, fresh, jobs, until)


def _feed(
    processes: ProcessPoolExecutor, work: _Work, fresh: Iterator[Span], jobs: int, until: float
) -> Iterator[tuple[Span, Tally]]:
    again = deque[Span]()
    under_way: dict[Future[tuple[Tally, int]], Span] = {}
    while True:
        while len(under_way) < 2 * jobs and time.monotonic() < until:
            block = again.popleft() if again else next(fresh, None)
            if block is None:
                break
            under_way[processes.submit(work, block, until)] = block
        if not under_way:
            return
        for future in wait(under_way, return_when=FIRST_COMPLETED).done:
            block = under_way.pop(future)
            tally, reached = future.result()
            if block.last is not None and reached < block.last:
                again.append(Span(reached, block.last))
            yield Span(block.first, reached), tally


def run_block(draw: Draw, block: Span, until: float, *, watch_rows: bool = False) -> tuple[Tally, int]:
    """Run seeds one after the other, for `BLOCK_S` at most; returns the sums and the seed that comes next.

    Args:
        draw: Makes the plan of a seed.
        block: Which seeds.
        until: When there is no time left, on `time.monotonic()`, which all processes share.
        watch_rows: Whether to count which rows of the attempt's table fire.
    """
    if watch_rows:
        with watched_rows() as rows:
            tally, seed = run_block(draw, block, until)
        tally.rows.update(rows)
        return tally, seed
    tally = Tally()
    ends = min(until, time.monotonic() + BLOCK_S)
    seed, last = block.first, math.inf if block.last is None else block.last
    while seed < last:
        began = time.process_time()
        report = run(draw(seed))
        tally.add_run(report, time.process_time() - began)
        seed += 1
        if time.monotonic() >= ends:
            break
    return tally, seed


@contextmanager
def pool(jobs: int) -> Generator[ProcessPoolExecutor, None, None]:
    """Processes for runs. Whoever leaves early, by Ctrl-C for instance, ends them: a run may take minutes.

    Args:
        jobs: How many.
    """
    others = {child.pid for child in multiprocessing.active_children()}
    context = multiprocessing.get_context("forkserver")
    _start_server()
    processes = _Pool(jobs, context, initializer=_prepare)
    try:
        yield processes
    except BaseException:  # boundary: ended, and raised again
        for child in multiprocessing.active_children():
            if child.pid not in others:
                child.kill()
        processes.shutdown(
            cancel_futures=True
        )  # at once, now; a thread of it that is left may fail at our end
        raise
    processes.shutdown()


class _Pool(ProcessPoolExecutor):
    """Starts each process whole: one that is half started when we go complains of what it finds gone."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As in the base class; Ctrl-C and SIGTERM are heard after it."""
        with _held_back():
            return super().submit(fn, *args, **kwargs)


@contextmanager
def _held_back() -> Generator[None, None, None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])


def _start_server() -> None:
    """Start the server that processes are forked from, deaf to Ctrl-C, as they are from their birth then."""
    resource_tracker.ensure_running()  # which would end what is blocked here, were it started with the server
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prepare() -> None:
    """Leave Ctrl-C, which goes to all, to the one that is in charge; and end when that one is gone."""
    look_for_garbage_rarely()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
