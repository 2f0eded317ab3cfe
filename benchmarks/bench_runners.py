"""How fast the runners are, each as a ratio to a raw limit measured in the same run (medians of five).

python benchmarks/bench_runners.py [process] [pool] [sizes] [latency]
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from bench_tasks import no_op, sized, timed

from cloud_tasks.core.task import Json, RunEnd, Task
from cloud_tasks.interfaces import RunSpec, TaskRunner
from cloud_tasks.runners.pool import PoolRunner
from cloud_tasks.runners.process import ProcessRunner
from cloud_tasks.runners.program import Program
from cloud_tasks.runners.worker_data import WorkerData

ROUNDS = 5
TASKS = 1000
POOL_TASKS = 20000
AT_A_TIME = 2


class Drive:
    """Runs so many tasks, so many at a time, with callbacks and nothing else; listens to all of them."""

    def __init__(self, runner: TaskRunner, tasks: int, data: dict[str, Json]) -> None:
        self._runner = runner
        self._left = tasks
        self._open = tasks
        self._data = data
        self._done = asyncio.get_running_loop().create_future()
        self.ends: list[tuple[float, RunEnd]] = []

    async def run(self) -> float:
        """Tasks per second."""
        total = self._left
        began = time.perf_counter()
        for _ in range(AT_A_TIME):
            self._start()
        await self._done
        return total / (time.perf_counter() - began)

    def _start(self) -> None:
        if self._left:
            self._left -= 1
            self._runner.start(RunSpec(Task(f"task-{self._left}", self._data), 1), self)

    def started(self, pid: int | None) -> None:
        """Not of interest."""

    def start_failed(self, reason: str) -> None:
        """A benchmark that fails is no benchmark."""
        self._done.set_exception(RuntimeError(reason))

    def progress(self, done: float, total: float | None) -> None:
        """Not of interest."""

    def ended(self, end: RunEnd) -> None:
        """Take note."""
        self.ends.append((time.monotonic(), end))

    def gone(self) -> None:
        """Go on."""
        self._open -= 1
        self._start()
        if not self._open and not self._done.done():
            self._done.set_result(None)


def process_floor(tasks: int) -> float:
    """A bare loop: fork, JSON in and out through pipes, reap; two at a time, same modules loaded."""
    code = (
        "import sys; sys.path[:0] = " + ascii([str(Path(__file__).parent), *sys.path]) + "; "
        "import cloud_tasks.runners.template, bench_tasks, floor_fork; floor_fork.main(int(sys.argv[1]))"
    )
    out = subprocess.run(  # noqa: S603 - the interpreter itself
        [sys.executable, "-c", code, str(tasks)], capture_output=True, check=True, text=True
    )
    return float(out.stdout)


async def with_runner(runner: TaskRunner, body: Callable[[TaskRunner], Awaitable[float]]) -> float:
    """Open, measure, close."""
    await runner.open()
    try:
        return await body(runner)
    finally:
        await runner.aclose()


def process_rate() -> float:
    """Tasks per second of the process runner."""

    async def body(runner: TaskRunner) -> float:
        await Drive(runner, 50, {}).run()
        return await Drive(runner, TASKS, {"x": 1}).run()

    return asyncio.run(with_runner(ProcessRunner(Program(no_op, WorkerData())), body))


def pool_floor(tasks: int) -> float:
    """A bare epoll loop over two children with a pipe pair each, same JSON."""
    poll = select.epoll()
    ends = {}
    for _ in range(AT_A_TIME):
        there_r, there_w = os.pipe()
        back_r, back_w = os.pipe()
        if os.fork() == 0:
            os.close(there_w)
            while data := os.read(there_r, 65536):
                os.write(back_w, json.dumps({"result": json.loads(data)["data"]}).encode())
            os._exit(0)
        os.close(there_r)
        os.close(back_w)
        poll.register(back_r, select.EPOLLIN)
        ends[back_r] = there_w
    began = time.perf_counter()
    left, done = tasks, 0
    task = {"task_id": "task", "data": {"x": 1}}
    for there_w in ends.values():
        os.write(there_w, json.dumps(task).encode())
        left -= 1
    while done < tasks:
        for fd, _ in poll.poll():
            json.loads(os.read(fd, 65536))
            done += 1
            if left > 0:
                left -= 1
                os.write(ends[fd], json.dumps(task).encode())
    rate = tasks / (time.perf_counter() - began)
    for fd, there_w in ends.items():
        os.close(there_w)
        os.close(fd)
    for _ in ends:
        os.wait()
    return rate


def pool_rate() -> float:
    """Tasks per second of the pool."""

    async def body(runner: TaskRunner) -> float:
        await Drive(runner, 1000, {}).run()
        return await Drive(runner, POOL_TASKS, {"x": 1}).run()

    return asyncio.run(with_runner(PoolRunner(Program(no_op, WorkerData()), members=AT_A_TIME), body))


def executor_rate() -> float:
    """Tasks per second of `ProcessPoolExecutor.submit`, for comparison."""
    with ProcessPoolExecutor(AT_A_TIME, mp_context=get_context("fork")) as executor:
        began = time.perf_counter()
        for future in [executor.submit(no_op, "task", {"x": 1}, WorkerData()) for _ in range(POOL_TASKS)]:
            future.result()
        return POOL_TASKS / (time.perf_counter() - began)


def multiprocessing_rate(method: str, tasks: int) -> float:
    """Processes per second of multiprocessing, two at a time, started by a program that imports little."""
    script = Path(__file__).with_name("floor_multiprocessing.py")
    command = [sys.executable, str(script), method, str(tasks)]
    path = os.pathsep.join(sys.path)
    out = subprocess.run(  # noqa: S603 - the interpreter itself
        command, capture_output=True, check=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    return float(out.stdout)


def show_sizes() -> None:
    """MB/s of results, by their size."""

    async def body(runner: TaskRunner) -> float:
        for size in (1_000, 10_000, 60_000, 70_000, 300_000, 1_000_000, 10_000_000, 50_000_000):
            rates = []
            for _ in range(ROUNDS):
                tasks = max(4, min(100, 20_000_000 // size))
                rates.append(await Drive(runner, tasks, {"size": size}).run())
            print(f"{size:>12,} bytes {statistics.median(rates) * size / 1e6:10.1f} MB/s")
        return 0.0

    asyncio.run(with_runner(ProcessRunner(Program(sized, WorkerData())), body))


def show_latency() -> None:
    """Milliseconds from the function's return to `ended`."""

    async def body(runner: TaskRunner) -> float:
        drive = Drive(runner, TASKS, {})
        await drive.run()
        late = sorted((at - float(bytes(end.result))) * 1000 for at, end in drive.ends)  # type: ignore[arg-type]
        print(f"return to ended: median {statistics.median(late):.2f} ms, worst {late[-1]:.2f} ms")
        return 0.0

    asyncio.run(with_runner(ProcessRunner(Program(timed, WorkerData())), body))


def compare(name: str, measured: Callable[[], float], floor: Callable[[], float]) -> None:
    """Print medians and their ratio; rounds alternate, so that a busy machine hurts both."""
    pairs = [(measured(), floor()) for _ in range(ROUNDS)]
    ours = statistics.median(pair[0] for pair in pairs)
    raw = statistics.median(pair[1] for pair in pairs)
    ratio = statistics.median(pair[0] / pair[1] for pair in pairs)
    print(f"{name:<34} {ours:10.0f}/s  raw {raw:10.0f}/s  ratio {ratio:.2f}")


def main() -> None:
    """Measure what was asked for."""
    wanted = set(sys.argv[1:]) or {"process", "pool", "sizes", "latency"}
    if "process" in wanted:
        compare("process runner / bare fork loop", process_rate, lambda: process_floor(TASKS))
    if "multiprocessing" in wanted:
        compare("process runner / mp spawn", process_rate, lambda: multiprocessing_rate("spawn", 20))
        compare(
            "process runner / mp forkserver", process_rate, lambda: multiprocessing_rate("forkserver", 200)
        )
    if "pool" in wanted:
        compare("pool / bare epoll loop", pool_rate, lambda: pool_floor(POOL_TASKS))
        compare("pool / ProcessPoolExecutor", pool_rate, executor_rate)
    if "sizes" in wanted:
        show_sizes()
    if "latency" in wanted:
        show_latency()


if __name__ == "__main__":
    main()
