from __future__ import annotations

import contextlib
import sqlite3

import pytest

from cloud_tasks.errors import QueueUnavailableError
from tests.cli.calling import Commands


@pytest.fixture
def loaded(commands: Commands) -> Commands:
    commands.job("load_queue", "--task-file", commands.task_file(5))
    return commands


def test_it_tells_depth_and_counts(loaded: Commands) -> None:
    done = loaded.job("status")
    assert (done.status, done.err) == (0, "")
    lines = [line.split() for line in done.out.splitlines()]
    assert ["my-job", "5", "0", "0", "0"] in lines
    assert ["in_queue_original", "5"] in lines
    assert "5 tasks in my-job.db" in done.out


def test_it_tells_machines(loaded: Commands) -> None:
    told = loaded.job("status", "--json").json
    assert told["queues"]["my-job"]["visible"] == 5
    assert told["database"] == {"statuses": {"in_queue_original": 5}, "being_sent": 0, "machines": []}


def test_it_tells_what_a_killed_load_was_sending(loaded: Commands) -> None:
    with contextlib.closing(sqlite3.connect(loaded.folder / "my-job.db")) as db, db:
        db.execute("UPDATE tasks SET status = 'pending' WHERE task_id = 't00003'")
    assert "1 of the pending ones were being sent" in loaded.job("status").out


def test_a_job_without_a_database_is_no_mistake(commands: Commands) -> None:
    commands.fill("my-job")
    commands.fill("my-job-events")
    done = commands.job("status")
    assert done.status == 0
    assert "there is no database my-job.db" in done.out
    assert commands.job("status", "--json").json["database"] is None


def test_the_database_is_shown_though_the_queues_are_gone(loaded: Commands) -> None:
    loaded.job("delete_queue", "--force")
    done = loaded.job("status")
    assert done.status == 2
    assert done.out == "5 tasks in my-job.db\n  in_queue_original          5\n"
    assert "there is no queue `my-job`" in done.err
    assert loaded.job("status", "--json").json["queues"] == {}
    loaded.cloud.refusals = [QueueUnavailableError("connection refused")]
    done = loaded.job("status")
    assert (done.status, "5 tasks in my-job.db" in done.out) == (1, True)


def test_a_file_that_is_no_database_is_told(commands: Commands) -> None:
    commands.fill("my-job")
    commands.fill("my-job-events")
    (commands.folder / "my-job.db").write_text("hello, I am no database at all" * 10, encoding="utf-8")
    done = commands.job("status")
    assert done.status == 2
    assert "the task database `my-job.db` cannot be used: file is not a database" in done.err
    done = commands.job("load_queue", "--continue", "--task-file", commands.task_file(1))
    assert done.status == 2
    assert "`my-job.db`" in done.err
