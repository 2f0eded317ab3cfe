"""The worker of schedules with `ctl`."""

from __future__ import annotations

import logging
import sys

import pytest

from cloud_tasks.queue_workers.command import CommandFailedError, CommandWorker

PYTHON = f"'{sys.executable}' -c"


def run(command: str) -> None:
    CommandWorker("scheduled_q", command=command, poll_interval_ms=500).process({"ctl": "echo no"})


def test_what_it_writes_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    run(f"{PYTHON} \"import sys; print('one'); print('two', file=sys.stderr, end='')\"")
    said = [record.message.rpartition(": ")[2] for record in caplog.records]
    assert said[1:] == ["one", "two"]
    assert "echo no" not in caplog.text


def test_it_has_no_shell(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    run("echo '$HOME' | cat; true")
    assert "echo: $HOME | cat; true" in caplog.text


def test_what_is_not_utf_8_is_shown_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    run(f"{PYTHON} 'import os; os.write(1, bytes([255, 10]))'")
    assert "\ufffd" in caplog.text


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (f"{PYTHON} 'raise SystemExit(3)'", "ended with status 3"),
        (f"{PYTHON} 'import os; os.kill(os.getpid(), 9)'", "was killed by signal 9"),
        ("no-such-program-anywhere --x", "no-such-program-anywhere cannot be run: No such file"),
        ("/", "/ cannot be run: "),
    ],
)
def test_a_failure_says_what_it_was(command: str, said: str) -> None:
    with pytest.raises(CommandFailedError, match=said):
        run(command)
