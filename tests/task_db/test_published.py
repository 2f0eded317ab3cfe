"""Databases that rms-cloud-tasks 0.5.0 has written are opened, and gone on with."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.monitor import OutputFile
from cloud_tasks.task_db import EventBook, Machine, read_facts, read_report
from tests.task_db.jobs import at, ended, notice, plain, rows, statuses

# As `SELECT sql FROM sqlite_master` shows them in such a database, but for spaces.
SCHEMA = """
CREATE TABLE tasks (task_id TEXT PRIMARY KEY, task_data TEXT, status TEXT, retry BOOLEAN,
    enqueued_at TIMESTAMP, started_at TIMESTAMP, completed_at TIMESTAMP, elapsed_time REAL,
    hostname TEXT, result TEXT, exception TEXT, exit_code INTEGER);
CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TIMESTAMP, hostname TEXT,
    event_type TEXT, task_id TEXT, raw_event TEXT);
CREATE INDEX idx_task_status ON tasks(status);
CREATE INDEX idx_event_task_id ON events(task_id);
"""
TASKS = [
    # id, status, retry, started_at (there: when it was sent), completed_at, elapsed_time
    ("done", "completed", 0, at(1), at(10), 2.0),
    ("again", "completed", 1, at(1), at(11), 3.0),
    ("failed", "exception", 0, at(1), at(12), 4.0),
    ("open", "in_queue_original", None, at(1), None, None),
    ("unsent", "pending", None, None, None, None),
]
INSERT = "INSERT INTO events (timestamp, hostname, event_type, task_id, raw_event) VALUES (?, ?, ?, ?, ?)"
STORED = [ended("done", second=10), ended("again", retry=True, second=11), notice("host-2", 11.5)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "job.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(SCHEMA)
        db.executemany(
            "INSERT INTO tasks (task_id, status, retry, started_at, completed_at, elapsed_time, task_data)"
            " VALUES (?, ?, ?, ?, ?, ?, '{}')",
            TASKS,
        )
        for body in STORED:
            event = plain(body)
            row = [event.get(name) for name in ("timestamp", "hostname", "event_type", "task_id")]
            db.execute(INSERT, (*row, json.dumps(event)))
    return path


def test_a_completed_task_that_went_back_is_not_finished(path: Path) -> None:
    with EventBook(path) as book:
        snapshot = book.snapshot()
    assert (snapshot.total, snapshot.finished) == (5, 2)
    assert snapshot.statuses["completed_with_retry"] == 1


def test_the_job_goes_on(path: Path) -> None:
    with EventBook(path) as book:
        rest = [ended(name, second=20) for name in ("again", "open", "unsent")]
        assert [one.effect for one in book.apply(rest)] == ["applied"] * 3
        assert book.is_finished()
    assert set(statuses(path).values()) == {"completed", "exception"}


def test_what_was_stored_there_is_known_when_it_comes_again(path: Path) -> None:
    with EventBook(path) as book:
        assert [one.effect for one in book.apply(STORED)] == ["duplicate"] * 3


def test_its_machines_are_known(path: Path) -> None:
    with EventBook(path) as book:
        machines = book.snapshot().machines
    assert machines == (
        Machine("host-1", "", at(11), None),
        Machine("host-2", "i-host-2", at(11.5), at(11.5)),
    )
    assert read_report(path).terminated == ("i-host-2",)


def test_it_can_be_looked_at_without_a_change(path: Path) -> None:
    before = path.read_bytes()
    facts = read_facts(path)
    assert facts is not None
    assert facts.statuses["completed_with_retry"] == 1
    assert [machine.hostname for machine in facts.machines] == ["host-1", "host-2"]
    assert path.read_bytes() == before
    with EventBook(path) as book:
        assert dict(book.snapshot().statuses) == facts.statuses
        assert book.snapshot().machines == facts.machines


def test_an_output_file_is_filled_with_its_events(path: Path, tmp_path: Path) -> None:
    with EventBook(path) as book:
        OutputFile(tmp_path / "events.jsonl", book).close()
    lines = (tmp_path / "events.jsonl").read_bytes().splitlines()
    assert [plain(line) for line in lines] == [plain(body) for body in STORED]


def test_the_upgrade_is_all_or_nothing(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        # The upgrade fails at its last step but one.
        db.execute("CREATE TABLE machines (hostname TEXT)")
    before = rows(path, "SELECT sql FROM sqlite_master ORDER BY name")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        EventBook(path)
    assert rows(path, "SELECT sql FROM sqlite_master ORDER BY name") == before
    assert statuses(path)["again"] == "completed"
