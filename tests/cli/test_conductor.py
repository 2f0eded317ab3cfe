"""`cloud_tasks conductor`, as its users type it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.compose.conductor.hosting import Rig

ROOT = Path(__file__).parents[2]
APP = """
from cloud_tasks.conductor import Worker, worker_task

def add(a: int, b: int) -> dict[str, int]:
    return {"sum": a + b}

workers = [Worker("sums", add, poll_interval=250)]

@worker_task("greet", domain="nice")
def greet(name: str) -> str:
    return f"hello {name}"
"""


def run(directory: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "cloud_tasks", "conductor", *arguments],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "workers.py").write_text(APP)
    return tmp_path


@pytest_asyncio.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path / "results")
    async with rig.server:
        yield rig


async def test_it_runs_the_workers_of_a_module_until_there_is_nothing_left(app: Path, rig: Rig) -> None:
    sums = rig.service.start_tasks("sums", [{"a": number, "b": 1} for number in range(5)])
    greeting = rig.service.start_task("greet", {"name": "Ann"}, domain="nice")
    ended = await asyncio.to_thread(
        run,
        app,
        "--json",
        "--exit-when-empty=0.5",
        "--results-dir=results",
        CONDUCTOR_SERVER_URL=rig.server.url,
    )
    assert ended.returncode == 0, ended.stderr
    told = {one["worker"]: one["summary"] for one in map(json.loads, ended.stdout.splitlines())}
    assert {name: one["counts"]["completed"] for name, one in told.items()} == {"sums": 5, "greet": 1}
    last = rig.service.task(sums[4].task_id)
    assert last is not None
    assert last.output_data == {"sum": 5}
    assert rig.status(greeting) == "COMPLETED"


async def test_a_signal_ends_it(app: Path, rig: Rig) -> None:
    task = rig.service.start_task("sums", {"a": 1, "b": 1})
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "cloud_tasks", "conductor", "--server-api-url", rig.server.url],
        "--results-dir=results",
        cwd=app,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=asyncio.subprocess.PIPE,
    )
    await rig.until_status("COMPLETED", task)
    process.send_signal(signal.SIGTERM)
    _, said = await process.communicate()
    assert process.returncode == 0
    assert "sums: 1 completed" in said.decode().splitlines()
    assert "greet: no task" in said.decode().splitlines()


async def test_the_service_manager_hears_of_its_beginning_and_end(app: Path, rig: Rig) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(app / "notify"))
        manager.settimeout(30)
        task = rig.service.start_task("sums", {"a": 1, "b": 1})
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "cloud_tasks", "conductor", "--server-api-url", rig.server.url],
            "--results-dir=results",
            cwd=app,
            env={**os.environ, "PYTHONPATH": str(ROOT), "NOTIFY_SOCKET": str(app / "notify")},
        )
        heard = [await asyncio.to_thread(manager.recv, 4096)]
        await rig.until_status("COMPLETED", task)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
        manager.settimeout(0.1)
        with contextlib.suppress(TimeoutError):
            while True:
                heard.append(manager.recv(4096))
    words = [one.split(b"\n")[0] for one in heard]
    assert words.index(b"READY=1") < words.index(b"STOPPING=1")


def test_each_value_is_shown_with_where_it_came_from(app: Path) -> None:
    (app / "worker.ini").write_text("[DEFAULT]\npolling_interval = 2000\n[sums]\ndomain = cool\n")
    ended = run(
        app,
        "--show-config",
        conductor_worker_greet_polling_interval="50",
        CONDUCTOR_SERVER_URL="http://there/api",
    )
    assert ended.returncode == 0, ended.stderr
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in ended.stdout.splitlines() if line}
    assert rows["server_api_url"] == "http://there/api CONDUCTOR_SERVER_URL"
    assert rows["sums.domain"] == f"cool {app}/worker.ini [sums]"
    assert rows["sums.polling_interval"] == f"2000 ms {app}/worker.ini [DEFAULT]"
    assert rows["greet.domain"] == "nice constructor"
    assert rows["greet.polling_interval"] == "50 ms variable conductor_worker_greet_polling_interval"
    assert rows["greet.thread_count"] == "1 default"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--app", "nowhere"], "cannot import `nowhere`"),
        (["--app", "json"], "there is no Conductor worker in json"),
        (["--layout", "soap", "--exit-when-empty", "soon"], "expected swift or oss"),
        (["--config-file", "none.ini"], "cannot read none.ini"),
        (["--server-api-url", "there"], "the address of the server is 'there'"),
        (["--colour"], "--colour"),
    ],
    ids=["no-module", "no-worker", "values", "no-file", "address", "flag"],
)
def test_a_mistake_is_told_in_words(app: Path, arguments: list[str], told: str) -> None:
    ended = run(app, *arguments)
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "task_app.py" not in ended.stderr
    assert ended.returncode == 2


def test_without_an_application_it_says_what_is_missing(tmp_path: Path) -> None:
    ended = run(tmp_path)
    assert "no application is named" in ended.stderr
    assert "workers.py" in ended.stderr
    assert ended.returncode == 2
