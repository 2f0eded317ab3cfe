"""What the standard library offers for the same work; prints tasks a second."""

import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor, wait
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for_connections

from benchmarks.programs.noop import noop
from cloud_tasks.worker import WorkerData


def run_one(answer: Connection, number: int) -> None:
    """One task in a process of its own."""
    answer.send(noop(f"task-{number:07d}", {"n": number}, WorkerData()))


def processes(method: str, count: int, width: int) -> None:
    """A `multiprocessing.Process` per task, `width` at a time."""
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["benchmarks.programs.noop", "benchmarks.programs.peers"])
    running: dict[Connection, multiprocessing.Process] = {}
    started = done = 0
    began = time.perf_counter()
    while done < count:
        while started < count and len(running) < width:
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=run_one, args=(theirs, started))  # type: ignore[attr-defined] # the stubs know it of concrete contexts only
            process.start()
            theirs.close()
            running[ours] = process
            started += 1
        for ready in wait_for_connections(list(running)):
            assert isinstance(ready, Connection)
            ready.recv()
            running.pop(ready).join()
            ready.close()
            done += 1
    print(count / (time.perf_counter() - began))


def executor(count: int, width: int) -> None:
    """`ProcessPoolExecutor.submit` with a bounded number of futures under way."""
    with ProcessPoolExecutor(width) as pool:
        pool.submit(noop, "warm", {}, WorkerData()).result()
        began = time.perf_counter()
        pending = [
            pool.submit(noop, f"task-{number:07d}", {"n": number}, WorkerData()) for number in range(count)
        ]
        wait(pending)
        print(count / (time.perf_counter() - began))


if __name__ == "__main__":
    kind, size, parallel = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if kind == "executor":
        executor(size, parallel)
    else:
        processes(kind, size, parallel)
