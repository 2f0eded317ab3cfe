"""The commands over boto3, against moto."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_tasks.cli import main
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.task_db import read_facts
from tests.cli.calling import Done

COUNT = 200
ROOT = Path(__file__).parents[2]
SERVER = str(Path(__file__).with_name("moto_server.py"))
JOB = ("--provider", "aws", "--region", "us-east-1", "--job-id", "my-job")


class Console:
    """A shell in a folder, in front of queues."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capfd = capfd

    def start(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "cloud_tasks", name, *JOB, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, name: str, *arguments: str) -> Done:
        """Call a command in this process, which has boto3 loaded already."""
        self._capfd.readouterr()
        status = main([name, *JOB, *arguments])
        out, err = self._capfd.readouterr()
        assert "Traceback" not in err, err
        return Done(status, out, err)

    def task_file(self, count: int) -> str:
        tasks = [{"task_id": f"t{number:04}", "data": {"number": number}} for number in range(count)]
        (self.folder / "tasks.json").write_text(json.dumps(tasks), encoding="utf-8")
        return "tasks.json"

    def confirmed(self) -> int:
        """How many tasks the database says are in the queue; 0 while there is none to be read."""
        try:
            facts = read_facts(self.folder / "my-job.db")
        except ConfigurationError:
            return 0
        return facts.statuses.get("in_queue_original", 0) if facts else 0

    def depths(self) -> dict[str, int]:
        told = json.loads(self("show_queue", "--json").out)
        return {name: depth["visible"] for name, depth in told["queues"].items()}


@pytest.fixture
def console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Console]:
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{int(server.stdout.readline())}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield Console(tmp_path, capfd)
        server.kill()


def test_a_job_from_its_beginning_to_its_end(console: Console) -> None:
    assert console("show_queue").status == 2
    loaded = console("load_queue", "--task-file", console.task_file(45))
    assert (loaded.status, loaded.err) == (0, "")
    assert "45 tasks sent to my-job" in loaded.out
    shown = console("show_queue", "--detail")
    assert '"task_id": "t0' in shown.out
    assert "in_queue_original         45" in console("status").out
    refused = console("purge_queue")
    assert refused.status == 2
    assert "--force" in refused.err
    assert console("purge_queue", "--task-queue-only", "--force").status == 0
    assert console.depths() == {"my-job": 0, "my-job-events": 0}
    findings = {one["name"]: one["verdict"] for one in json.loads(console("doctor", "--json").out)}
    assert findings["queues"] == findings["extra sqs"] == "ok"
    assert console("delete_queue", "--force").status == 0
    gone = console("show_queue")
    assert gone.status == 2
    assert "there is no queue my-job" in gone.err


def test_f38_a_load_that_is_killed_goes_on_without_duplicates(console: Console) -> None:
    arguments = ("--task-file", console.task_file(COUNT), "--max-concurrent-queue-operations", "2")
    with console.start("load_queue", *arguments) as load:
        while console.confirmed() == 0:
            assert load.poll() is None, load.communicate()
        load.kill()
    assert 0 < console.confirmed() < COUNT
    again = console("load_queue", *arguments, "--continue", "--json")
    assert again.status == 0, again.err
    told = json.loads(again.out)
    assert (told["total"], told["unsent"], told["doubtful"]) == (COUNT, 0, 0)
    assert console.depths()["my-job"] == COUNT
