"""The worker of schedules with `ctl`."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from pathlib import Path

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


def test_a_line_is_logged_as_it_comes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    run("sh -c 'echo one; sleep 0.6; echo two'")
    _, one, two = caplog.records
    assert two.created - one.created > 0.4


def test_what_is_long_or_has_no_end_of_line_is_whole(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    run(f"{PYTHON} \"print('\u00e9' * 200_000); print('a\\r\\nb', end='')\"")
    said = [record.message.partition(": ")[2] for record in caplog.records]
    assert said[1:] == ["\u00e9" * 200_000, "a", "b"]


def test_what_it_leaves_in_the_background_does_not_hold_it_up(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    open_before = len(list(Path("/dev/fd").iterdir()))
    began = time.monotonic()
    run("sh -c 'echo hi; sleep 30 & echo $!'")
    took_s = time.monotonic() - began
    _, hi, pid, warning = (record.message for record in caplog.records)
    os.kill(int(pid.removeprefix("sh: ")), signal.SIGKILL)
    assert hi == "sh: hi"
    assert took_s < 10.0
    assert warning.startswith("sh left something running that holds its output")
    assert len(list(Path("/dev/fd").iterdir())) <= open_before


def test_what_the_background_writes_all_the_time_does_not_hold_it_up_either() -> None:
    began = time.monotonic()
    run("sh -c 'yes 2>/dev/null & exit 0'")
    assert time.monotonic() - began < 10.0


def test_what_comes_soon_after_its_end_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    run("sh -c '(sleep 0.2; echo late) &'")
    assert [record.message for record in caplog.records][1:] == ["sh: late"]


def test_one_that_closes_its_output_is_waited_for() -> None:
    with pytest.raises(CommandFailedError, match="ended with status 3"):
        run("sh -c 'exec >&- 2>&-; sleep 0.5; exit 3'")


def test_credentials_of_the_command_line_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    run("true --db postgresql://me:pass@db/shop 'https://x.example/a b?token=s3cret' 'two words'")
    (running,) = caplog.records
    shown = "true --db 'postgresql://***@db/shop' 'https://x.example/a b?token=***' 'two words'"
    assert running.message == f"Running: {shown}"


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
