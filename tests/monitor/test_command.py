"""`cloud_tasks monitor_event_queue` over boto3, with events that the real sink has sent."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from cloud_tasks.core.events import EventRecord, KeepAlive, SpotTermination
from fakes.clock import VirtualClock
from fakes.faults import FaultInjector, FaultKind, FaultPlan, FaultRule
from tests.monitor.conftest import NAMES
from tests.monitor.console import Console, json_lines
from tests.monitor.watching import ids_of
from tests.sqs_servers import serving
from tests.task_db.jobs import end_of, make_job, record, rows, statuses

ENDS_S = 60
"""Longer than anything takes that is not broken."""


def good(names: list[str]) -> list[EventRecord]:
    return [end_of(name, second=number) for number, name in enumerate(names)]


def test_it_ends_by_itself_with_a_report(console: Console) -> None:
    console.tell(good(NAMES))
    done = console()
    assert (done.status, done.err.splitlines()[-1][:23]) == (0, "0 of 25 tasks finished,")
    assert done.out.splitlines()[:3] == [
        "25 of 25 tasks finished",
        "  completed  25",
        "In 26.0 s: 3,462 tasks an hour",
    ]
    assert console.left() == 0
    again = console()
    assert (again.status, again.out) == (0, done.out)


def test_f32_a_task_that_failed_is_an_exit_status(console: Console) -> None:
    console.tell([*good(NAMES[1:]), end_of(NAMES[0], "exception")])
    done = console()
    assert done.status == 1
    assert "  1  ValueError: wrong  (exception, for instance t00)" in done.out


def test_json_is_one_document(console: Console) -> None:
    console.tell([*good(NAMES), record(SpotTermination(instance_id="i-1"), 1.0)])
    done = console("--json")
    assert (done.status, done.err) == (0, "")
    report = json.loads(done.out)
    assert report["snapshot"]["statuses"] == {"completed": 25}
    assert report["run_times"]["median_s"] == 2.0
    assert report["terminated"] == ["i-1"]
    assert sorted(report) == [
        "elapsed_s",
        "exceptions",
        "interrupted",
        "run_times",
        "snapshot",
        "stddev_s",
        "tasks_per_hour",
        "terminated",
        "timed",
    ]


def test_events_are_printed_and_the_report_is_the_last_line(console: Console) -> None:
    console.tell([*good(NAMES), record(KeepAlive(instance_id="i-1"))])
    lines = json_lines(console("--json", "--print-events").out)
    assert sorted(line["task_id"] for line in lines[:-1]) == NAMES
    assert lines[-1]["snapshot"]["finished"] == 25


def test_events_are_written_to_a_file(console: Console) -> None:
    console.tell([*good(NAMES), record(KeepAlive(instance_id="i-1"))])
    console.put("hello")
    done = console("--output-file", "events.jsonl")
    assert "a message of the event queue is no event: hello" in done.err
    assert "1 message was no event" in done.out
    assert sorted(ids_of(console.folder / "events.jsonl")) == NAMES


def test_a_file_that_cannot_be_written_takes_no_event(console: Console) -> None:
    console.tell(good(NAMES))
    done = console("--output-file", "no/events.jsonl")
    assert done.status == 2
    assert "cannot write the events to `no/events.jsonl`: No such file or directory" in done.err
    assert console.left() == 25


def test_a_database_without_tasks_is_told(console: Console) -> None:
    other = console.folder / "other.db"
    with console.start("--db-file", str(other)) as monitor:
        assert monitor.stderr is not None
        assert monitor.stderr.readline() == (
            f"note: there are no tasks in {other} yet; is it the one that load_queue wrote?\n"
        )
        monitor.kill()


def test_a_database_that_is_none_takes_no_event(console: Console) -> None:
    console.tell(good(NAMES))
    (console.folder / "other.db").write_text("no database\n" * 100, encoding="utf-8")
    done = console("--db-file", "other.db")
    assert done.status == 2
    assert "the task database `other.db` cannot be used: file is not a database" in done.err
    assert console.left() == 25


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_in_good_order(console: Console, number: signal.Signals, status: int) -> None:
    console.tell(good(NAMES[:20]))
    with console.start("--no-auto-complete") as monitor:
        wait_until(lambda: console.left() == 0, monitor)
        monitor.send_signal(number)
        out, err = monitor.communicate(timeout=ENDS_S)
    assert monitor.returncode == status, err
    assert "20 of 25 tasks finished" in out
    assert "Traceback" not in err


def wait_until(condition: Callable[[], bool], monitor: subprocess.Popen[str]) -> None:
    ends_at = time.monotonic() + ENDS_S
    while not condition():
        assert monitor.poll() is None, monitor.communicate()
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def has_struck(faults: FaultInjector, count: int) -> bool:
    return len(faults.log) == count


def test_f27_a_monitor_that_is_killed_loses_nothing_and_counts_nothing_twice(
    at_stand_in: Callable[[str], None], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Killed between storing and removing, twice; in virtual time, so that leases end when they are to."""
    names = [f"t{number:03}" for number in range(200)]
    hangs = FaultRule(FaultKind.DELAY, "DeleteMessageBatch", calls=(4, 11), delay_s=10_000)
    clock = VirtualClock()
    with serving(clock, FaultPlan(rules=(hangs,))) as sqs:
        at_stand_in(sqs.url)
        console = Console(tmp_path, sqs.url, capfd)
        make_job(console.database, names)
        console.tell(good(names))
        for kill in (1, 2):
            with console.start("--output-file", "events.jsonl") as monitor:
                wait_until(partial(has_struck, sqs.injector, kill), monitor)
                monitor.kill()
            stored = statuses(console.database)
            finished = sum(status == "completed" for status in stored.values())
            assert 0 < len(names) - console.left() < finished < len(names)
            sqs.run(clock.run_for(61))
        with console.start("--output-file", "events.jsonl", "--json") as monitor:
            while monitor.poll() is None:
                sqs.run(clock.run_for(1))
                time.sleep(0.02)
            out, err = monitor.communicate(timeout=ENDS_S)
        assert monitor.returncode == 0, err
    effects = json.loads(out)["snapshot"]["effects"]
    assert effects["applied"] == len(names)
    assert effects["duplicate"] > 0
    assert set(statuses(console.database).values()) == {"completed"}
    kept = rows(console.database, "SELECT count(*) FROM events WHERE effect <> 'duplicate'")
    assert kept == [(len(names),)]
    assert sorted(ids_of(tmp_path / "events.jsonl")) == names
