"""Connecting for a program that dispatches: what a failure leaves behind, and what a fork does to it."""

from __future__ import annotations

import asyncio
import atexit
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cloud_tasks.compose.task_program import open_outbox
from cloud_tasks.errors import ConfigurationError, QueueUnavailableError
from cloud_tasks.task_app.config import Config, EventsConfig, RedisConfig, SQLiteConfig
from cloud_tasks.tasks import DriverFactory, Worker, close, configure, task

ROOT = Path(__file__).parents[2]


def open_files(directory: Path) -> list[str]:
    """What this process has open in a directory."""
    links = list(Path("/proc/self/fd").iterdir())  # one of them is of this very look
    found = [str(link.readlink()) for link in links if link.is_symlink()]
    return [path for path in found if path.startswith(str(directory))]


@pytest.mark.parametrize(
    "fault",
    [
        {"serializer": "tests.nowhere:Nothing"},
        {"events": EventsConfig(enable_event_emitter_redis=True, redis_url="nonsense://")},
    ],
)
async def test_a_mistake_in_the_settings_leaves_nothing_open(tmp_path: Path, fault: dict[str, Any]) -> None:
    config = Config(sqlite=SQLiteConfig(path=str(tmp_path / "queues.db")), **fault)
    with pytest.raises(ConfigurationError):
        await open_outbox(config, {})
    assert open_files(tmp_path) == []


async def test_nothing_is_left_of_a_connection_that_nobody_answered() -> None:
    config = Config(
        driver="redis",
        redis=RedisConfig(url="redis://127.0.0.1:1"),
        events=EventsConfig(enable_event_emitter_redis=True),
    )
    tasks, at_exit = asyncio.all_tasks(), atexit._ncallbacks()
    for _ in range(2):
        with pytest.raises(QueueUnavailableError):
            await open_outbox(config, {})
    assert (asyncio.all_tasks(), atexit._ncallbacks()) == (tasks, at_exit)


FORKING = """
import os, sys
from cloud_tasks.tasks import Config, SQLiteConfig, close_sync, configure, task

@task
def add(a: int) -> int:
    return a

def dispatch(number):
    print(add.dispatch_sync(number), flush=True)

configure(Config(sqlite=SQLiteConfig(path="queues.db")))
dispatch(1)
child = os.fork()
if child == 0:
    dispatch(2)
    close_sync()
    os._exit(0)
_, status = os.waitpid(child, 0)
dispatch(3)
close_sync()
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_a_forked_child_dispatches_through_a_connection_of_its_own(tmp_path: Path) -> None:
    """As under servers that load a program once, and fork."""
    done = subprocess.run(  # noqa: S603 - the program of the test
        [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c", FORKING],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(set(done.stdout.split())) == 3


LEAVING = """
import os, sys
from cloud_tasks.tasks import close_sync, task

@task
def add(a: int) -> int:
    return a

add.dispatch_sync(1)
child = os.fork()
if child == 0:
    if "dispatches" in sys.argv:
        add.dispatch_sync(2)
    sys.exit(0)
_, status = os.waitpid(child, 0)
add.dispatch_sync(3)
close_sync()
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.fixture(params=["redis", "postgres", "mysql", "rabbitmq"])
def variables(request: pytest.FixtureRequest) -> dict[str, str]:
    """Says where tasks go: to a server."""
    driver: str = request.param
    server = request.getfixturevalue(f"{'mariadb' if driver == 'mysql' else driver}_server")
    if driver in ("redis", "rabbitmq"):
        found = {f"ASYNCTASQ_{driver.upper()}_URL": server.url}
    else:
        found = {f"ASYNCTASQ_{driver.upper()}_DSN": server.dsn("test" if driver == "mysql" else "postgres")}
    return {"ASYNCTASQ_DRIVER": driver, "ASYNCTASQ_TASK_DEFAULTS_QUEUE": f"q-{os.getpid()}", **found}


@pytest.mark.parametrize("doing", ["nothing", "dispatches"])
def test_a_forked_child_that_ends_leaves_the_connection_of_its_parent_alone(
    tmp_path: Path, variables: dict[str, str], doing: str
) -> None:
    """What it has inherited is destroyed when it ends, which must not reach what both have."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    if variables["ASYNCTASQ_DRIVER"] in ("postgres", "mysql"):
        command = [sys.executable, "-m", "cloud_tasks", "migrate"]
        subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, check=True)  # noqa: S603 - ours
    done = subprocess.run(  # noqa: S603 - the program of the test
        [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", LEAVING, doing],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def files_of(directory: Path) -> list[Path]:
    return list(directory.iterdir())


@task
def child() -> None: ...


@task(mode="pool")
def goes_elsewhere_and_dispatches(place: str) -> None:
    os.chdir(place)
    child.dispatch_sync()


async def test_a_task_that_changes_its_directory_dispatches_to_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    config = Config(sqlite=SQLiteConfig(path="queues.db"))
    configure(config)
    try:
        driver = DriverFactory.create("sqlite", config)
        await driver.connect()
        await goes_elsewhere_and_dispatches.dispatch(str(tmp_path / "elsewhere"))
        summary = await Worker(driver, max_tasks=1, process_pool_size=1).start()
        assert summary.counts.completed == 1
        assert (await driver.inspector("default").depth())["visible"] == 1
        await driver.disconnect()
    finally:
        await close()
        configure(None)
    assert files_of(tmp_path / "elsewhere") == []
