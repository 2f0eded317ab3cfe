"""Workers of queues under a supervisor: what hundreds cost that wait, how soon a dead one is replaced."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.draining import absent, running
from benchmarks.measuring import ROOT, Finding, at_most, figure
from cloud_tasks.workers import get_transport
from tests.services.binaries import POSTGRES, REDIS
from tests.services.postgres import PostgresServer
from tests.services.redis import RedisServer

WORKERS = int(os.environ.get("BENCH_WORKERS", "200"))
IDLE_S = float(os.environ.get("BENCH_IDLE_S", "30"))
KILLS = int(os.environ.get("BENCH_KILLS", "20"))
_SETTLED_S = 3.0
_TICKS = os.sysconf("SC_CLK_TCK")


def idle_workers(scratch: Path) -> Iterator[Finding]:
    """Processor time of workers whose queues are empty, the supervisor and all their processes together."""
    yield from _idle(f"sqlite:///{scratch / 'idle.db'}", "SQLite")
    if absent(REDIS) is None:
        with running(RedisServer) as redis:
            yield from _idle(redis.url, "Redis")
    if absent(POSTGRES) is None:
        with running(PostgresServer) as postgres:
            url = postgres.dsn("postgres")
            _run("migrate", "--driver", "postgres", "--postgres-dsn", url)
            yield from _idle(url, "PostgreSQL")


def restarts(scratch: Path) -> Iterator[Finding]:
    """From the SIGKILL of a worker to its successor beginning with the same payload, among many that wait."""
    url = f"sqlite:///{scratch / 'restarts.db'}"
    get_transport(url).submit_task("killed", {"id": 1})
    took_s: list[float] = []
    attempts = f"--set=asynctask_workers_max_attempts={KILLS + 2}"
    # Each dies before it has finished a payload: the pauses of a crash loop are not what is measured.
    pause = "--set=asynctask_workers_check_child_interval=0.001"
    with _supervised(url, attempts, pause, extra="killed: killed") as workers:
        pid, _ = _begun(workers)
        for _ in range(KILLS):
            killed_at = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            pid, began_at = _begun(workers)
            took_s.append(began_at - killed_at)
    name = f"restart of one of {WORKERS + 1} workers"
    yield at_most(f"{name}, median", statistics.median(took_s), 0.5, "s", f"{KILLS} kills")
    yield at_most(f"{name}, longest", max(took_s), 0.5, "s")


def _idle(url: str, name: str) -> Iterator[Finding]:
    began = time.monotonic()
    with _supervised(url) as workers:
        assert workers.stdout is not None
        started = 0
        while started < WORKERS:
            started += "Starting; queue=" in workers.stdout.readline()
        start_s = time.monotonic() - began
        time.sleep(_SETTLED_S)
        pids = _family(workers.pid)
        before_s, began = _processor_s(pids), time.monotonic()
        time.sleep(IDLE_S)
        share = (_processor_s(pids) - before_s) / (time.monotonic() - began)
    yield at_most(
        f"{WORKERS} idle workers on {name}", 100 * share, 5, "% of a core", f"{len(pids)} processes"
    )
    yield figure(f"{WORKERS} workers on {name}, until all are ready", start_s, "s")


@contextmanager
def _supervised(url: str, *options: str, extra: str = "") -> Iterator[subprocess.Popen[str]]:
    waiting = [f"waiting{number}: waiting" for number in range(WORKERS)]
    workers = "{" + ", ".join([*waiting, *([extra] if extra else [])]) + "}"
    process = subprocess.Popen(  # noqa: S603 - our own program
        [
            *(
                sys.executable,
                "-m",
                "cloud_tasks",
                "workers",
                "--require",
                "benchmarks.programs.queue_workers",
            ),
            *("--set", f"asynctask_workers={workers}", *options),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT), "ASYNCTASK_TRANSPORT": url},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def _run(*arguments: str) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "cloud_tasks", *arguments]
    subprocess.run(command, env=environ, check=True, capture_output=True)  # noqa: S603 - our own program


def _begun(workers: subprocess.Popen[str]) -> tuple[int, float]:
    """Who has begun with the payload, and when."""
    assert workers.stdout is not None
    for line in workers.stdout:
        if line.startswith("BEGAN "):
            _, moment, pid = line.split()
            return int(pid), float(moment)
    raise AssertionError("the workers have ended")


def _family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (fields := _fields(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def _processor_s(pids: list[int]) -> float:
    return sum((int(fields[11]) + int(fields[12])) / _TICKS for pid in pids if (fields := _fields(pid)))


def _fields(pid: int) -> list[str]:
    """What /proc says of a process, from its state on; [] if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
