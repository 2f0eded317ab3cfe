from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.cli.calling import JOB
from tests.loading.file_queue import FileQueue

PROGRAM = str(Path(__file__).with_name("program.py"))
COUNT = 1500


class Loads:
    """Loads of one file into one queue, in processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.queue = FileQueue(folder / "my-job")
        tasks = [{"task_id": f"t{number:05}", "data": {}} for number in range(COUNT)]
        self.environ = {**os.environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
        (folder / "tasks.json").write_text(json.dumps(tasks), encoding="utf-8")

    def command(self, reply_s: float, *more: str) -> list[str]:
        options = [*JOB, "--task-file", "tasks.json", "--max-concurrent-queue-operations", "3", *more]
        return [sys.executable, PROGRAM, str(self.folder), str(reply_s), "load_queue", *options]

    @contextmanager
    def started(self, reply_s: float, *more: str, sent: int = 100) -> Iterator[subprocess.Popen[str]]:
        """A load that has sent something, and has not ended."""
        with subprocess.Popen(  # noqa: S603 - our own program
            self.command(reply_s, *more),
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as load:
            try:
                while len(self.queue.ids()) < sent:
                    assert load.poll() is None, load.communicate()
                yield load
            finally:
                load.kill()

    def run(self, *more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own program
            self.command(0, *more),
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def assert_all_there_once(self) -> None:
        assert sorted(self.queue.ids()) == [f"t{number:05}" for number in range(COUNT)]


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_load_in_good_order(loads: Loads, number: signal.Signals, status: int) -> None:
    with loads.started(0.2) as load:
        load.send_signal(number)
        out, err = load.communicate(timeout=60)
    assert (load.returncode, err) == (status, "")
    assert "interrupted: " in out
    sent = len(loads.queue.ids())
    assert f"{COUNT - sent:,} of {COUNT:,} tasks are not in the queue; --continue goes on" in out
    again = loads.run("--continue")
    assert (again.returncode, again.stderr) == (0, "")
    assert f"{COUNT - sent:,} tasks sent" in again.stdout
    loads.assert_all_there_once()


def test_a_second_signal_breaks_off(loads: Loads) -> None:
    with loads.started(60.0, sent=30) as load:
        deadline = time.monotonic() + 30
        while load.poll() is None and time.monotonic() < deadline:
            # Two that come at once are one.
            load.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                load.wait(0.2)
    # One that comes when only the interpreter has still to end finds no handler of ours; a shell says 130.
    assert load.returncode in (130, -signal.SIGINT)
    assert loads.run("--continue").returncode == 0
    loads.assert_all_there_once()


def test_f38_a_load_that_is_killed_goes_on_without_duplicates(loads: Loads) -> None:
    with loads.started(0.05) as load:
        load.kill()
        load.wait()
    assert 100 <= len(loads.queue.ids()) < COUNT
    again = loads.run("--continue")
    assert (again.returncode, again.stderr) == (0, "")
    loads.assert_all_there_once()


def test_f39_a_load_that_is_killed_leaves_no_database_that_fits_another_queue(loads: Loads) -> None:
    assert loads.run().returncode == 0
    with loads.started(0.05, "--force") as load:
        load.kill()
        load.wait()
    again = loads.run("--continue")
    if again.returncode == 0:
        loads.assert_all_there_once()
    else:
        assert "there is no database" in again.stderr
    assert loads.run("--force").returncode == 0
    loads.assert_all_there_once()
