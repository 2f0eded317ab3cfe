"""Programs whose tables somebody changes under them: they end, and say why."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import Json, Task
from cloud_tasks.queues.sql import SqlSettings, open_driver
from cloud_tasks.queues.sql.driver import SqlDriver
from tests.e2e.programs import ROOT
from tests.queues.sql.conftest import KINDS
from tests.queues.sql.harness import run_sql, settings_of

each_kind = pytest.mark.parametrize("kind", KINDS)
END_S = 40.0
_FLAGS = {"sqlite": "sqlite", "postgres": "postgres", "mariadb": "mysql"}
APP = """
import time
from pathlib import Path
from cloud_tasks.tasks import task

@task
def nap(seconds: float) -> None:
    Path("began").touch()
    time.sleep(seconds)
"""

WORKERS = """
import time
from pathlib import Path
from cloud_tasks.workers import AsyncTaskWorker

class Resize(AsyncTaskWorker):
    name = "resize"

    def process(self, payload):
        Path("began").touch()
        time.sleep(1.0)
"""


class Site:
    """Tables of our own, and programs that use them."""

    def __init__(self, settings: SqlSettings, kind: str, directory: Path) -> None:
        self.settings = settings
        self.kind = kind
        self.directory = directory
        (directory / "tasks.py").write_text(APP)

    @property
    def flags(self) -> tuple[str, ...]:
        """Where the tables are."""
        driver = _FLAGS[self.kind]
        if self.kind == "sqlite":
            return ("--driver", driver, "--sqlite-path", self.settings.dsn)
        names = {
            "dsn": self.settings.dsn,
            "queue-table": self.settings.queue_table,
            "dead-letter-table": self.settings.dead_letter_table,
        }
        return (
            "--driver",
            driver,
            *(word for name, text in names.items() for word in (f"--{driver}-{name}", text)),
        )

    def start(self, *command: str) -> subprocess.Popen[str]:
        """A command of ours, on these tables."""
        return self.run(*command, *self.flags)

    def run(self, *command: str) -> subprocess.Popen[str]:
        """A command of ours, in the directory."""
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "cloud_tasks", *command],
            cwd=self.directory,
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until_it_runs(self, worker: subprocess.Popen[str]) -> None:
        """Wait until the task has begun."""
        end_at = time.monotonic() + END_S
        while not (self.directory / "began").exists():
            assert worker.poll() is None, worker.communicate()
            assert time.monotonic() < end_at
            time.sleep(0.02)

    def say(self, *statements: str | sa.Executable) -> None:
        """Say something to the database."""

        async def work(driver: SqlDriver) -> None:
            await run_sql(driver, *statements)

        self.do(work)

    def send(self, queue: str, seconds: float) -> None:
        """Put a task into a queue."""

        async def work(driver: SqlDriver) -> None:
            called: dict[str, Json] = {"task": "tasks.nap", "args": [seconds], "kwargs": {}}
            await driver.sender(queue).send(Task(f"nap-{seconds}", called))

        self.do(work)

    def do(self, work: Callable[[SqlDriver], Awaitable[object]]) -> None:
        """Have something done by a driver of the tables."""

        async def run() -> None:
            driver = open_driver(self.settings, SystemClock())
            try:
                await work(driver)
            finally:
                await driver.disconnect()

        asyncio.run(run())


@pytest.fixture
def site(settings: SqlSettings, kind: str, tmp_path: Path) -> Iterator[Site]:
    """Tables that are there."""
    own = SqlSettings(dsn=str(tmp_path / "q.db")) if kind == "sqlite" else settings_of(settings.dsn)
    site = Site(own, kind, tmp_path)
    site.do(lambda driver: driver.migrate())
    yield site
    driver = open_driver(own, SystemClock())
    site.say(
        *(sa.schema.DropTable(one, if_exists=True) for one in driver._parts.tables.metadata.sorted_tables)
    )


def end_of(program: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit status and what it said."""
    try:
        out, err = program.communicate(timeout=END_S)
    finally:
        program.kill()
    assert "Traceback" not in out + err
    assert "sqlalchemy" not in out + err
    return program.returncode, out + err


@each_kind
@pytest.mark.parametrize("queues", ["default", "urgent,default"])
def test_a_worker_whose_table_is_dropped_ends_and_says_why(site: Site, queues: str) -> None:
    """While it runs a task and waits for more: that task can never be settled, and is given up."""
    site.send("default", 2.0)
    worker = site.start("worker", "--app", "tasks", "--queues", queues, "--concurrency", "2")
    site.wait_until_it_runs(worker)
    site.say(f"DROP TABLE {site.settings.queue_table}")
    status, said = end_of(worker)
    assert status == 1, said
    assert f"the table {site.settings.queue_table} is not in" in said
    assert "cloud_tasks migrate" in said


@each_kind
def test_a_busy_worker_ends_too(site: Site) -> None:
    """It has no slot free, and asks for nothing until its task is settled."""
    site.send("default", 1.0)
    worker = site.start("worker", "--app", "tasks", "--concurrency", "1")
    site.wait_until_it_runs(worker)
    site.say(f"ALTER TABLE {site.settings.queue_table} RENAME COLUMN deliveries TO d")
    status, said = end_of(worker)
    assert status == 1, said
    assert "has no column deliveries" in said


@pytest.mark.parametrize("kind", ["sqlite"])
def test_the_workers_of_several_queues_end_too(site: Site) -> None:
    """One process each, one driver for all of them; one has a rate limit."""
    (site.directory / "shop.py").write_text(WORKERS)
    (site.directory / "workers.json").write_text(
        json.dumps(
            {
                "asynctask_transport": f"sqlite:///{site.settings.dsn}",
                "asynctask_workers_require": "shop",
                "asynctask_workers": {
                    "images": "resize",
                    "sounds": {"worker": "resize", "rate_max_calls": 10, "rate_period": 60},
                },
            }
        )
    )
    site.do(lambda driver: driver.sender("images").send(Task("a", {})))
    workers = site.run("workers", "workers.json")
    site.wait_until_it_runs(workers)
    site.say("ALTER TABLE task_queue RENAME COLUMN deliveries TO d")
    status, said = end_of(workers)
    assert status == 1, said
    for queue in ("images", "sounds"):
        assert f"Queue {queue}: the queue cannot be used any more" in said


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_worker_outlives_statements_that_fail_while_its_tables_are_as_they_must_be(site: Site) -> None:
    site.send("default", 0.0)
    site.say("CREATE TRIGGER bad BEFORE UPDATE ON task_queue BEGIN SELECT RAISE(ABORT, 'a bad row'); END")
    worker = site.start("worker", "--app", "tasks", "--exit-when-empty", "1")
    assert worker.stderr is not None
    said = ""
    while "the queue cannot be read" not in said:
        line = worker.stderr.readline()
        assert line, said
        said += line
    assert "a bad row" in said
    site.say("DROP TRIGGER bad")
    status, rest = end_of(worker)
    assert status == 0, said + rest
    assert (site.directory / "began").exists()


@each_kind
@pytest.mark.parametrize("table", ["queue_table", "dead_letter_table"])
def test_dead_list_with_a_broken_table_says_so(site: Site, table: str) -> None:
    name = getattr(site.settings, table)
    site.say(f"ALTER TABLE {name} RENAME COLUMN body TO b")
    status, said = end_of(site.start("dead", "list", "--queues", "default"))
    assert status == 2
    assert f"the table {name} in " in said
    assert "has no column body" in said
