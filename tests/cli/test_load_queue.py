from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from cloud_tasks.errors import NotYetError, QueueUnavailableError
from tests.cli.calling import Commands


def ids(first: int, last: int) -> list[str]:
    return [f"t{number:05}" for number in range(first, last + 1)]


def stored(database: Path) -> dict[str, str]:
    """The status of every task of a database."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return dict(connection.execute("SELECT task_id, status FROM tasks ORDER BY rowid"))


def test_it_loads_every_task_into_the_database_and_the_queue(commands: Commands) -> None:
    done = commands.job("load_queue", "--task-file", commands.task_file(25))
    assert done.status == 0
    assert commands.ids("my-job") == ids(1, 25)
    assert stored(commands.folder / "my-job.db") == dict.fromkeys(ids(1, 25), "in_queue_original")
    assert "25 tasks sent to my-job" in done.out
    assert "my-job-events" in commands.cloud.queues


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--start-task", "1"), ids(1, 9)),
        (("--start-task", "4"), ids(4, 9)),
        (("--start-task", "9"), ids(9, 9)),
        (("--limit", "3"), ids(1, 3)),
        (("--limit", "0"), []),
        (("--start-task", "5", "--limit", "2"), ids(5, 6)),
        (("--start-task", "8", "--limit", "20"), ids(8, 9)),
    ],
)
def test_f38_start_task_counts_from_one(
    commands: Commands, arguments: tuple[str, ...], expected: list[str]
) -> None:
    assert commands.job("load_queue", "--task-file", commands.task_file(9), *arguments).status == 0
    assert commands.ids("my-job") == expected
    assert list(stored(commands.folder / "my-job.db")) == expected


def test_a_first_task_that_is_not_in_the_file_is_refused(commands: Commands) -> None:
    done = commands.job("load_queue", "--task-file", commands.task_file(9), "--start-task", "10")
    assert done.status == 2
    assert "--start-task 10: the file has 9 tasks" in done.err
    assert not (commands.folder / "my-job.db").exists()


def test_a_file_without_tasks_is_no_mistake(commands: Commands) -> None:
    (commands.folder / "empty.yml").write_text("[]\n", encoding="utf-8")
    done = commands.job("load_queue", "--task-file", "empty.yml")
    assert done.status == 0
    assert "0 tasks sent" in done.out


def test_it_tells_machines_what_it_did(commands: Commands) -> None:
    told = commands.job("load_queue", "--task-file", commands.task_file(3), "--json").json
    assert told == {
        "queue": "my-job",
        "database": "my-job.db",
        "total": 3,
        "sent": 3,
        "found": 0,
        "doubtful": 0,
        "unsent": 0,
        "refused": [],
        "stopped": False,
    }


BAD_FILES = {
    "cut.json": '[{"task_id": "a", "data": {}}, {"task_id": "b", "da',
    "object.json": '{"tasks": []}',
    "twice.json": '[{"task_id": "a", "data": {}}, {"task_id": "a", "data": {}}]',
    "tag.yml": "- !!python/object/apply:os.system ['true']\n",
    "empty.json": "",
}


@pytest.mark.parametrize("name", [*BAD_FILES, "nowhere.json"])
def test_f39_the_old_database_stays_until_the_new_file_is_known_to_be_good(
    commands: Commands, name: str
) -> None:
    commands.job("load_queue", "--task-file", commands.task_file(3, "good.json"))
    before = stored(commands.folder / "my-job.db")
    if name in BAD_FILES:
        (commands.folder / name).write_text(BAD_FILES[name], encoding="utf-8")
    done = commands.job("load_queue", "--task-file", name, "--force")
    assert done.status == 2
    assert "error: " in done.err
    assert stored(commands.folder / "my-job.db") == before
    assert commands.ids("my-job") == ids(1, 3)


@pytest.mark.parametrize("name", ["cut.json", "twice.json"])
def test_f36_some_tasks_are_loaded_only_where_that_was_asked_for(commands: Commands, name: str) -> None:
    (commands.folder / name).write_text(BAD_FILES[name], encoding="utf-8")
    done = commands.job("load_queue", "--task-file", name, "--allow-partial")
    assert done.status == 0
    assert "warning: " in done.err
    assert commands.ids("my-job") == ["a"]


def test_f37_an_empty_number_is_told_in_words(commands: Commands) -> None:
    done = commands.job("load_queue", "--task-file", commands.task_file(1), "--limit", "")
    assert done.status == 2
    assert '--limit: expected an integer >= 0, got ""' in done.err


def test_what_would_be_lost_is_confirmed_first(commands: Commands) -> None:
    commands.job("load_queue", "--task-file", commands.task_file(3))
    commands.fill("my-job-events", "e")
    done = commands.job("load_queue", "--task-file", commands.task_file(2, "new.json"))
    assert done.status == 2
    lost = "3 messages in my-job and 1 message in my-job-events and the database my-job.db"
    assert f"This removes {lost}, for good." in done.err
    assert commands.ids("my-job") == ids(1, 3)
    assert len(stored(commands.folder / "my-job.db")) == 3


def test_force_begins_from_the_start(commands: Commands) -> None:
    commands.job("load_queue", "--task-file", commands.task_file(3))
    commands.fill("my-job-events", "e")
    done = commands.job("load_queue", "--task-file", commands.task_file(2, "new.json"), "--force")
    assert done.status == 0
    assert commands.ids("my-job") == ids(1, 2)
    assert commands.depth("my-job-events") == 0
    assert list(stored(commands.folder / "my-job.db")) == ids(1, 2)
    assert sorted(path.name for path in commands.folder.glob("my-job.db*")) == ["my-job.db"]


def test_nothing_is_asked_where_nothing_is_lost(commands: Commands) -> None:
    commands.fill("my-job")
    commands.fill("my-job-events")
    assert commands.job("load_queue", "--task-file", commands.task_file(2)).status == 0


def test_continue_sends_what_is_not_there_yet(commands: Commands) -> None:
    name = commands.task_file(20)
    commands.job("load_queue", "--task-file", name, "--limit", "12")
    done = commands.job("load_queue", "--task-file", name, "--continue")
    assert done.status == 0
    assert "8 tasks sent" in done.out
    assert commands.ids("my-job") == ids(1, 20)


def test_continue_needs_a_database(commands: Commands) -> None:
    done = commands.job("load_queue", "--task-file", commands.task_file(1), "--continue")
    assert done.status == 2
    assert "there is no database `my-job.db` to go on with" in done.err
    assert commands.cloud.queues == {}


def test_continue_makes_no_queue_that_would_not_hold_what_it_should(commands: Commands) -> None:
    name = commands.task_file(3)
    commands.job("load_queue", "--task-file", name)
    commands.job("delete_queue", "--force")
    done = commands.job("load_queue", "--task-file", name, "--continue")
    assert done.status == 2
    assert "there is no queue `my-job`" in done.err
    assert commands.cloud.queues == {}


def test_queues_that_cannot_be_made_yet_are_waited_for(commands: Commands) -> None:
    commands.cloud.refusals = [NotYetError("the queue was deleted a moment ago", 0.01)] * 3
    done = commands.job("load_queue", "--task-file", commands.task_file(3))
    assert (done.status, done.err) == (0, "the queue was deleted a moment ago: waiting for that\n")
    assert commands.ids("my-job") == ids(1, 3)


def test_queues_that_can_never_be_made_are_given_up(commands: Commands) -> None:
    commands.cloud.refusals = [NotYetError("the queue was deleted a moment ago", 0.0)] * 100
    done = commands.job("load_queue", "--task-file", commands.task_file(3))
    assert done.status == 1
    assert "the queues of AWS cannot be reached: the queue was deleted a moment ago" in done.err
    assert not (commands.folder / "my-job.db").exists()


@pytest.mark.parametrize("name", ["load_queue", "show_queue", "status", "purge_queue"])
def test_queues_that_do_not_answer_are_told_in_words(commands: Commands, name: str) -> None:
    commands.cloud.refusals = [QueueUnavailableError("connection refused")]
    arguments = ("--task-file", commands.task_file(3)) if name == "load_queue" else ()
    done = commands.job(name, *arguments)
    assert done.status == 1
    assert "the queues of AWS cannot be reached: connection refused" in done.err
    assert "--continue" not in done.err


def test_a_task_that_is_refused_is_no_reason_to_go_on(commands: Commands) -> None:
    tasks = [{"task_id": "small", "data": {}}, {"task_id": "large", "data": {"text": "x" * 2_000_000}}]
    (commands.folder / "tasks.json").write_text(json.dumps(tasks), encoding="utf-8")
    done = commands.job("load_queue", "--task-file", "tasks.json")
    assert done.status == 1
    assert "large" in done.err
    assert done.out.endswith("not all could be sent: 1 of 2 tasks are not in the queue\n")
    assert stored(commands.folder / "my-job.db") == {"small": "in_queue_original", "large": "pending"}


def test_nothing_to_send_has_no_rate(commands: Commands) -> None:
    name = commands.task_file(3)
    commands.job("load_queue", "--task-file", name)
    done = commands.job("load_queue", "--task-file", name, "--continue")
    assert done.out.startswith("0 tasks sent to my-job in ")
    assert "/s" not in done.out


def test_a_task_file_is_needed(commands: Commands) -> None:
    done = commands.job("load_queue")
    assert done.status == 2
    assert "no task file is named" in done.err


def test_continue_without_a_file_shows_how_far_it_is(commands: Commands) -> None:
    commands.job("load_queue", "--task-file", commands.task_file(3))
    done = commands.job("load_queue", "--continue")
    assert done.status == 0
    assert "in_queue_original" in done.out
    assert commands.ids("my-job") == ids(1, 3)


@pytest.mark.parametrize("database", ["no/where.db", "/dev/null/job.db"])
def test_a_database_that_cannot_be_written_is_told_before_anything_is_touched(
    commands: Commands, database: str
) -> None:
    commands.fill("my-job", "old")
    arguments = ("--task-file", commands.task_file(1), "--db-file", database, "--force")
    done = commands.job("load_queue", *arguments)
    assert done.status == 2
    assert f"the database `{database}` cannot be written" in done.err
    assert commands.ids("my-job") == ["old"]
