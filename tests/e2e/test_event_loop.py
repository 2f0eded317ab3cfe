"""`cloud_tasks worker` on another event loop than that of asyncio."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.programs import ROOT, wait_until

APP = """
import asyncio
import time
from pathlib import Path

from cloud_tasks.tasks import task


def note(text):
    with Path("notes").open("a") as out:
        out.write(text + "\\n")


@task
async def on_the_loop(seconds=0.0):
    note(f"loop of {type(asyncio.get_running_loop()).__module__}")
    await asyncio.sleep(seconds)
    note("the loop is done")


@task
def in_a_thread():
    note("thread")


@task(mode="pool")
def in_the_pool():
    note("pool")


@task(mode="process")
def in_a_process():
    note("process")


@task(max_attempts=1, timeout=0.2)
async def too_long():
    await asyncio.sleep(60)


@task(max_attempts=1)
async def leaves_a_thread():
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)
    note("left a thread")


async def dispatch_all():
    for function in (on_the_loop, in_a_thread, in_the_pool, in_a_process, too_long):
        await function.dispatch()


if __name__ == "__main__":
    import sys

    name, *given = sys.argv[1:] or ["all"]
    asyncio.run(dispatch_all() if name == "all" else globals()[name].dispatch(*map(float, given)))
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "tasks.py").write_text(APP)
    return tmp_path


def python(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *arguments],
        cwd=site,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def dispatch(site: Path, *arguments: str) -> None:
    assert python(site, "tasks.py", *arguments).returncode == 0


def start(site: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "cloud_tasks", "worker", "--event-loop", "uvloop", "--json"],
        cwd=site,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def notes(site: Path) -> list[str]:
    path = site / "notes"
    return path.read_text().splitlines() if path.exists() else []


def test_every_kind_of_task_runs_on_it(site: Path) -> None:
    dispatch(site)
    work = ("worker", "--event-loop", "uvloop", "--exit-when-empty", "1", "--json")
    ended = python(site, "-m", "cloud_tasks", *work)
    assert ended.returncode == 0, ended.stderr
    assert sorted(notes(site)) == ["loop of uvloop", "pool", "process", "the loop is done", "thread"]
    summary = json.loads(ended.stdout.splitlines()[-1])
    assert (summary["counts"]["completed"], summary["counts"]["timed_out"]) == (4, 1)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 0)])
def test_a_signal_lets_tasks_end(site: Path, number: signal.Signals, status: int) -> None:
    dispatch(site, "on_the_loop", "1")
    with start(site) as worker:
        wait_until(lambda: notes(site) != [])
        worker.send_signal(number)
        out, err = worker.communicate(timeout=30)
    assert worker.returncode == status, err
    assert notes(site)[-1] == "the loop is done"
    assert json.loads(out.splitlines()[-1])["counts"]["completed"] == 1


def test_a_thread_that_does_not_return_does_not_hold_up_the_end(site: Path) -> None:
    dispatch(site, "leaves_a_thread")
    with start(site) as worker:
        wait_until(lambda: notes(site) != [])
        worker.send_signal(signal.SIGTERM)
        _, err = worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert "1 threads that functions have started do not return" in err


def test_without_the_package_nothing_is_started(site: Path) -> None:
    code = """
import sys
sys.modules["uvloop"] = None
from cloud_tasks.cli import main
sys.exit(main(["worker", "--event-loop", "uvloop"]))
"""
    ended = python(site, "-c", code)
    assert ended.returncode == 2
    assert "--event-loop uvloop needs the package uvloop, which cannot be imported" in ended.stderr
    assert "pip install 'cloud-tasks[uvloop]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_other_names_are_refused(site: Path) -> None:
    ended = python(site, "-m", "cloud_tasks", "worker", "--event-loop", "trio")
    assert ended.returncode == 2
    assert "--event-loop" in ended.stderr
    assert "asyncio" in ended.stderr
