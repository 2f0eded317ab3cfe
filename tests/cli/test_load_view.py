from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.calling import JOB

PROGRAM = str(Path(__file__).with_name("program.py"))


def shown_by_load(folder: Path, *more: str, **environ: str) -> tuple[int, str]:
    """Exit status of a load, and what it writes to a terminal as its standard error."""
    tasks = [{"task_id": f"t{number}", "data": {}} for number in range(200)]
    (folder / "tasks.json").write_text(json.dumps(tasks), encoding="utf-8")
    ours, theirs = pty.openpty()
    command = [sys.executable, PROGRAM, str(folder), "0.02", "load_queue", *JOB, "--task-file", "tasks.json"]
    with subprocess.Popen(  # noqa: S603 - our own program
        [*command, *more],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", **environ},
    ) as load:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 65_536)
            except OSError:  # Linux says so when the other end is gone
                break
    os.close(ours)
    return load.returncode, shown.decode()


def test_a_terminal_gets_a_bar(tmp_path: Path) -> None:
    status, shown = shown_by_load(tmp_path)
    assert status == 0
    assert "sending" in shown
    assert "200/200" in shown


def test_no_color_is_heeded(tmp_path: Path) -> None:
    _, shown = shown_by_load(tmp_path, NO_COLOR="1")
    assert "sending" in shown
    assert "\x1b[3" not in shown


@pytest.mark.parametrize("environ", [{"TERM": "dumb"}, {}])
def test_nothing_is_drawn_for_machines_and_on_terminals_that_cannot(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    more = () if environ else ("--json",)
    assert shown_by_load(tmp_path, *more, **environ) == (0, "")
