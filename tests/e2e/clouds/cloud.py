"""A job in a cloud whose services are stand-ins: every part of it a process of its own."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from tests.e2e.programs import Ended, Programs, Running, wait_until

WORKER = """
    import os, sys, time
    from pathlib import Path
    from cloud_tasks.worker import Worker

    def process_task(task_id, task_data, worker_data):
        what = task_data.get("what")
        Path(f"started-{task_id}-{worker_data.attempt}").touch()
        if what == "raise":
            raise ValueError("not this one")
        if what == "hang" or (what == "hang once" and worker_data.attempt == 1):
            time.sleep(600)
        if what == "exit":
            os._exit(9)
        return what == "again" and worker_data.attempt == 1, task_data["n"] ** 2

    if __name__ == "__main__":
        sys.exit(Worker(process_task, args=sys.argv[1:]).run())
"""
ODD = {3: "raise", 5: "hang", 7: "exit", 9: "again"}
"""Which tasks do something else than to return the square of their number."""


class Provider(NamedTuple):
    """What differs between the clouds.

    Attributes:
        stand_in: The module that serves it.
        variable: Where the clients look for its address.
        flags: What names the job's queues.
        environ: What stands for credentials, and the like.
    """

    stand_in: str
    variable: str
    flags: tuple[str, ...]
    environ: dict[str, str]


SQS = Provider(
    "fakes.sqs",
    "AWS_ENDPOINT_URL_SQS",
    ("--provider", "aws", "--job-id", "squares", "--region", "us-west-2"),
    {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"},
)
PUBSUB = Provider(
    "fakes.pubsub",
    "PUBSUB_EMULATOR_HOST",
    ("--provider", "gcp", "--job-id", "squares", "--project-id", "nobody"),
    {},
)


class Cloud:
    """One job: its stand-in, its commands, its workers."""

    def __init__(self, programs: Programs, provider: Provider, *options: str) -> None:
        self.folder = programs.directory
        self._programs = programs
        self._flags = list(provider.flags)
        self.stand_in = programs.launch("-m", provider.stand_in, "--port", "0", *options)
        self._environ = {**provider.environ, provider.variable: _address(self.stand_in)}

    def exactly_once(self) -> None:
        """From now on with queues of that kind."""
        self._flags.append("--exactly-once-queue")

    def command(self, name: str, *arguments: str) -> Running:
        """Start a command."""
        return self._programs.launch("-m", "cloud_tasks", name, *self._flags, *arguments, env=self._environ)

    def load(self, count: int, what: dict[int, str]) -> None:
        """Put tasks into the queue, some of which do something odd."""
        tasks = [
            {"task_id": f"t{n}", "data": {"n": n, **({"what": what[n]} if n in what else {})}}
            for n in range(count)
        ]
        (self.folder / "tasks.json").write_text(json.dumps(tasks))
        loaded = self.command("load_queue", "--task-file", "tasks.json").finish()
        assert (loaded.status, loaded.stderr) == (0, ""), loaded

    def worker(self, *arguments: str) -> Running:
        """Start a worker that takes two tasks at a time."""
        return self._programs.start(
            WORKER, *self._flags, "--num-simultaneous-tasks", "2", *arguments, env=self._environ
        )

    def follow(self, *arguments: str) -> tuple[Ended, dict[str, Any]]:
        """Run the monitor until every task is finished; how it ended, and its report."""
        ended = self.command("monitor_event_queue", "--json", *arguments).finish()
        assert "Traceback" not in ended.stderr, ended
        report: dict[str, Any] = json.loads(ended.stdout)
        return ended, report

    def tasks(self) -> dict[str, tuple[str, str | None]]:
        """Status and result of each task, as the database has them."""
        with closing(sqlite3.connect(self.folder / "squares.db")) as db:
            return {
                name: (status, result)
                for name, status, result in db.execute("SELECT task_id, status, result FROM tasks")
            }

    def wait_for_start(self, worker: Running, task_id: str) -> Path:
        return worker.wait_for_file(f"started-{task_id}-1")


def _address(stand_in: Running) -> str:
    assert stand_in.process.stdout is not None
    line = stand_in.process.stdout.readline()
    assert line.startswith("listening on "), stand_in.finish()
    return line.removeprefix("listening on ").strip()


def drained(worker: Running) -> Ended:
    """End a worker in good order."""
    worker.send(signal.SIGTERM)
    ended = worker.finish()
    assert ended.status == 143, ended
    return ended


def all_completed(count: int) -> dict[str, tuple[str, str | None]]:
    """What the database says when nothing went wrong."""
    return {f"t{n}": ("completed", str(n**2)) for n in range(count)}


def killed(worker: Running) -> None:
    """End a worker as a lost machine does."""
    worker.send(signal.SIGKILL)
    wait_until(lambda: worker.process.poll() is not None)
