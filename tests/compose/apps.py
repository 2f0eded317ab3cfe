"""An application with task functions, and the commands that a user calls in its directory."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest

from cloud_tasks.compose.drivers import open_driver
from cloud_tasks.core.task import Task
from cloud_tasks.task_app.config import Config, SQLiteConfig
from tests.e2e.programs import Ended, Programs, Running

TASKS = """
    import asyncio, pathlib, time
    from cloud_tasks.tasks import task

    @task
    async def add(a: int, b: int) -> int:
        return a + b

    @task(max_attempts=2, retry_delay=0.05, retry_strategy="fixed")
    async def bad(n: int) -> None:
        raise ValueError(f"no {n}")

    @task(queue="high")
    def plain(n: int) -> int:
        return n

    @task
    async def sleep(seconds: float, name: str = "sleeping") -> str:
        pathlib.Path(name).touch()
        await asyncio.sleep(seconds)
        return "slept"

    @task
    async def block(seconds: float) -> None:
        pathlib.Path("blocking").touch()
        time.sleep(seconds)

    @task
    async def parent() -> str:
        return await add.dispatch(1, 1)
"""
SEND = """
    import sys
    from cloud_tasks.tasks import run
    import tasks

    async def main():
        for call in sys.argv[1:]:
            name, _, arguments = call.partition(":")
            values = [float(one) if "." in one else int(one) for one in arguments.split(",") if one]
            print(await getattr(tasks, name).dispatch(*values))

    run(main())
"""


class App:
    """Its queues are in SQLite, in its directory. Warnings are errors."""

    def __init__(self, programs: Programs) -> None:
        self.programs = programs
        programs.write(TASKS, "tasks.py")
        programs.write(SEND, "send.py")
        self.config = Config(sqlite=SQLiteConfig(path=str(programs.directory / "cloud_tasks.db")))

    @property
    def directory(self) -> Path:
        return self.programs.directory

    def command(self, *arguments: str, env: dict[str, str] | None = None) -> Running:
        return self.programs.launch("-W", "error", "-m", "cloud_tasks", *arguments, env=env)

    def worker(self, *arguments: str, env: dict[str, str] | None = None) -> Running:
        return self.command("worker", "--queues", "high,default", *arguments, env=env)

    def put(self, *calls: str) -> list[str]:
        """Dispatch tasks, `add:1,2` for instance; returns their ids."""

        async def send() -> list[str]:
            driver = open_driver(self.config)
            await driver.connect()
            try:
                for task in tasks:
                    queue = "high" if task.data["task"] == "tasks.plain" else "default"
                    await driver.sender(queue).send(task)
            finally:
                await driver.disconnect()
            return [task.task_id for task in tasks]

        tasks = [_task(call) for call in calls]
        return asyncio.run(send())

    def send(self, *calls: str, env: dict[str, str] | None = None) -> list[str]:
        """As `put`, by a program of the user's."""
        done = self.programs.launch("-W", "error", "send.py", *calls, env=env).finish()
        assert done.status == 0, done
        assert_quiet(done)
        return done.stdout.split()


def _task(call: str) -> Task:
    name, _, arguments = call.partition(":")
    values: list[Any] = [float(one) if "." in one else int(one) for one in arguments.split(",") if one]
    return Task(uuid.uuid4().hex, {"task": f"tasks.{name}", "args": values, "kwargs": {}})


@pytest.fixture
def app(programs: Programs) -> App:
    return App(programs)


def assert_quiet(ended: Ended) -> None:
    """Nothing was left behind of which the interpreter would complain."""
    for word in ("Traceback", "ResourceWarning", "was never", "Exception ignored"):
        assert word not in ended.stderr, ended
