"""The live table on a terminal, and plain lines elsewhere."""

from __future__ import annotations

import io
import json
import os
import pty
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from pathlib import Path

import pytest

from cloud_tasks.cli.monitor_view import LiveView
from cloud_tasks.task_db import Applied, EventBook, Snapshot
from fakes.clock import VirtualClock
from tests.monitor.test_wording import make_small_job
from tests.task_db.jobs import START, ended, keep_alive, make_job, plain


def snapshot(finished: int, total: int = 100) -> Snapshot:
    statuses = {"completed": finished, "in_queue_original": total - finished}
    return Snapshot(total, finished, statuses, {}, ())


def lines_of(*shown: tuple[Snapshot, float], quiet: bool = False) -> list[str]:
    with (
        redirect_stderr(io.StringIO()) as err,
        LiveView(VirtualClock(), print_events=False, quiet=quiet) as view,
    ):
        for one, now_s in shown:
            view.show(one, now_s)
    return err.getvalue().splitlines()


def test_elsewhere_it_is_a_line_every_ten_seconds_if_something_has_changed() -> None:
    assert lines_of(
        (snapshot(0), 0.0),
        (snapshot(5), 5.0),
        (snapshot(10), 10.0),
        (snapshot(10), 80.0),
        (snapshot(10), 90.0),
    ) == [
        "0 of 100 tasks finished, 0 completed, 100 in_queue_original",
        "10 of 100 tasks finished, 10 completed, 90 in_queue_original, 1.0/s, about 1 min 30 s left",
        "10 of 100 tasks finished, 10 completed, 90 in_queue_original",
    ]


def test_it_says_nothing_if_it_is_to_be_quiet() -> None:
    assert lines_of((snapshot(0), 0.0), quiet=True) == []


def test_the_rate_is_that_of_the_last_minute() -> None:
    shown = [
        (snapshot(second if second <= 60 else 60 + 2 * (second - 60), 1000), float(second))
        for second in range(181)
    ]
    assert ", 2.0/s, about " in lines_of(*shown)[-1]


def printed(*bodies: bytes, folder: Path) -> list[str]:
    with (
        redirect_stdout(io.StringIO()) as out,
        redirect_stderr(io.StringIO()),
        EventBook(make_job(folder / "job.db", ["a"])) as book,
        LiveView(VirtualClock(), print_events=True, quiet=True) as view,
    ):
        for applied in book.apply(bodies):
            view.event(applied)
    return out.getvalue().splitlines()


def test_events_are_printed_as_lines_of_json_that_steer_no_terminal(tmp_path: Path) -> None:
    body = ended("a", "exception", error="\x1b[2J \x9b é")
    (line,) = printed(body, folder=tmp_path)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == plain(body)


def test_keep_alives_and_what_is_no_event_are_not_printed(tmp_path: Path) -> None:
    assert printed(keep_alive("h"), b"hello", folder=tmp_path) == []


class Terminal:
    """A terminal as standard error; what it shows is read at the end."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        self.err = os.fdopen(self.slave, "w", buffering=1)

    def close(self) -> str:
        self.err.flush()
        shown = b""
        os.set_blocking(self.master, False)
        try:
            while more := os.read(self.master, 65_536):
                shown += more
        except OSError:
            pass
        self.err.close()
        os.close(self.master)
        return shown.decode()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


def test_on_a_terminal_it_is_a_table_that_lives(terminal: Terminal, tmp_path: Path) -> None:
    with (
        redirect_stderr(terminal.err),
        EventBook(make_small_job(tmp_path)) as book,
        LiveView(VirtualClock(START + timedelta(seconds=120)), print_events=False, quiet=False) as view,
    ):
        view.show(book.snapshot(), 0.0)
    shown = terminal.close()
    assert "5 of 6 finished" in shown
    assert "exited_without_status_with_retry" in shown
    assert "1 duplicate, 1 late" in shown
    assert "i-host-1" in shown
    # Two minutes after the start; heard of at seconds 69 and 20, the notice came at second 2.
    assert all(age in shown for age in ("51 s ago", "1 min 40 s ago", "1 min 58 s ago"))


def test_events_go_to_standard_output_although_a_table_lives_on_standard_error(
    terminal: Terminal, tmp_path: Path
) -> None:
    with (
        redirect_stdout(io.StringIO()) as out,
        redirect_stderr(terminal.err),
        LiveView(VirtualClock(), print_events=True, quiet=False) as view,
    ):
        view.show(snapshot(1), 0.0)
        view.event(Applied("applied", plain(ended("a"))))
    assert json.loads(out.getvalue()) == plain(ended("a"))
    assert "task_completed" not in terminal.close()
