"""`cloud_tasks dead` on real queues: those of a file of SQLite, and the stand-in of SQS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.drivers import open_driver
from cloud_tasks.core.message import encode_task
from cloud_tasks.core.task import AttemptNote, Task
from cloud_tasks.interfaces import QueueDriver
from cloud_tasks.task_app.config import Config, SQLiteConfig, SQSConfig
from tests.cli.calling import Commands, Done
from tests.cli.keyboard import Keyboard
from tests.sqs_servers import serving

NOTES = (
    AttemptNote(1, "exited", 1.5, "ended by SIGSEGV", "w1"),
    AttemptNote(2, "exception", 0.25, "line 3, in bad\nValueError: \x1b[2Jno", "w2"),
)


class Letters:
    """Dead letters of some queues, and the command about them."""

    def __init__(self, commands: Commands, config: Config, *options: str) -> None:
        self._commands = commands
        self._config = config
        self._options = ("--driver", config.driver, *options)

    def __call__(self, *arguments: str) -> Done:
        return self._commands("dead", *arguments, *self._options)

    def add(self, *task_ids: str, queue: str = "default", data: dict[str, Any] | None = None) -> None:
        """Have tasks tried twice, in vain."""

        async def work(driver: QueueDriver) -> None:
            await driver.inspector(queue).create()
            tasks = driver.tasks(queue, 60.0)
            for task_id in task_ids:
                called: dict[str, Any] = {"task": "tasks.bad", "args": [task_id, 7], "kwargs": {"x": None}}
                await driver.sender(queue).send(Task(task_id, called if data is None else data))
                (lease,) = await tasks.receive(1, 5.0)
                lease = replace(lease, history=NOTES)
                await tasks.dead_letter(lease, "no further attempt is left")
            await tasks.aclose()

        self._with_driver(work)

    def keys(self, queue: str = "default") -> dict[str, str]:
        """The key of each task, by its id."""
        letters = self("list", "--queues", queue, "--json").json
        return {json.loads(letter["body"])["task_id"]: letter["key"] for letter in letters}

    def waiting(self, queue: str = "default") -> list[str]:
        """The ids of the tasks that are in the queue itself."""
        found: list[str] = []

        async def work(driver: QueueDriver) -> None:
            for task in await driver.inspector(queue).peek(100):
                assert isinstance(task, Task)
                found.append(task.task_id)

        self._with_driver(work)
        return sorted(found)

    def _with_driver(self, work: Any) -> None:
        async def run() -> None:
            driver = open_driver(self._config)
            await driver.connect()
            try:
                await work(driver)
            finally:
                await driver.disconnect()

        asyncio.run(run())


@pytest.fixture
def letters(commands: Commands) -> Letters:
    path = str(commands.folder / "queues.db")
    return Letters(commands, Config(sqlite=SQLiteConfig(path=path)), "--sqlite-path", path)


@pytest.fixture
def sqs_letters(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> Iterator[Letters]:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with serving(SystemClock()) as server:
        keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
        config = Config(driver="sqs", sqs=SQSConfig(endpoint_url=server.url, **keys))
        options = ("--aws-access-key-id", "none", "--aws-secret-access-key", "none")
        yield Letters(commands, config, "--sqs-endpoint-url", server.url, *options)


def test_a_list(letters: Letters) -> None:
    letters.add("t1", "t2")
    letters.add("other", queue="high")
    done = letters("list", "--queues", "high,default")
    assert (done.status, done.err) == (0, "")
    rows = [line.split("  ") for line in done.out.splitlines()]
    assert rows[0][0] == "key"
    assert len(rows) == 4
    assert "tasks.bad('other', 7, x=None)" in done.out.splitlines()[1]
    assert "no further attempt is left" in done.out.splitlines()[3]


def test_a_list_of_nothing(letters: Letters) -> None:
    letters.add(queue="default")
    done = letters("list")
    assert (done.status, done.out, done.err) == (0, "", "no dead letters in default\n")
    assert letters("list", "--json").json == []


def test_a_list_is_not_endless(letters: Letters) -> None:
    letters.add("t1", "t2", "t3", data={"task": "f", "args": ["x" * 1000]})
    done = letters("list", "--limit", "2")
    assert len(done.out.splitlines()) == 3
    assert "note: 2 of the 3 dead letters of default; --limit lists more" in done.err
    assert max(map(len, done.out.splitlines())) < 200
    assert letters("list", "--limit", "3").err == ""


def test_one_with_its_history(letters: Letters) -> None:
    letters.add("t1")
    key = letters.keys()["t1"]
    done = letters("show", key)
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == f"dead letter {key} of the queue default"
    assert "  task      t1" in lines
    assert "  call      tasks.bad('t1', 7, x=None)" in lines
    (first,) = [line for line in lines if line.startswith("  attempt 1 ")]
    assert first.startswith("  attempt 1 on w1: exited after 1.500 s, 20")
    assert lines[-3].startswith("  attempt 2 on w2: exception after 0.250 s")
    assert lines[-1] == "      ValueError: \\x1b[2Jno"
    told = letters("show", key, "--json").json
    assert (told["key"], told["attempts"], told["reason"]) == (key, 1, "no further attempt is left")
    assert [note["error"] for note in told["history"]] == [note.error for note in NOTES]


def test_hostile_content_is_made_visible(letters: Letters) -> None:
    letters.add("t\x1b[2J", data={"task": "a\x9b31m", "args": ["\u202e"], "kwargs": {"\r": 1}})
    listed, shown = letters("list"), letters("show", letters.keys()["t\x1b[2J"])
    for done in (listed, shown):
        assert all(line.isprintable() for line in done.out.splitlines())
    assert "a\\x9b31m('\\u202e'" in shown.out


def test_tasks_that_name_no_function_are_called_by_their_id(letters: Letters) -> None:
    letters.add("t1", data={"n": 1})
    assert "  t1  " in letters("list").out


def test_keys_that_are_not_there(letters: Letters) -> None:
    letters.add("t1", "t2")
    keys = letters.keys()
    done = letters("show", keys["t1"], "999", "\x1b[2J")
    assert done.status == 1
    assert done.out.count("dead letter") == 1
    assert done.err == "no dead letter 999 in default\nno dead letter \\x1b[2J in default\n"
    done = letters("retry", keys["t1"], "999", keys["t1"])
    assert (done.status, done.out, done.err) == (
        1,
        "1 dead letter put back\n",
        "no dead letter 999 in default\n",
    )
    assert letters.waiting() == ["t1"]
    done = letters("purge", "999", "--json")
    assert (done.status, done.json) == (1, {"purge": 0})
    assert list(letters.keys()) == ["t2"]


def test_some_are_retried_and_some_purged(letters: Letters) -> None:
    letters.add("t1", "t2", "t3")
    keys = letters.keys()
    assert letters("retry", keys["t1"], keys["t3"]).out == "2 dead letters put back\n"
    assert letters.waiting() == ["t1", "t3"]
    done = letters("purge", keys["t2"])
    assert (done.status, done.out, done.err) == (0, "1 dead letter removed\n", "")
    assert letters.keys() == {}
    assert letters.waiting() == ["t1", "t3"]


def test_all_of_several_queues_are_retried(letters: Letters) -> None:
    letters.add("t1", "t2")
    letters.add("t3", queue="high")
    letters.add("t4", queue="low")
    done = letters("retry", "--all", "--queues", "default,high", "--json")
    assert (done.status, done.json) == (0, {"retry": 3})
    assert (letters.waiting(), letters.waiting("high")) == (["t1", "t2"], ["t3"])
    assert list(letters.keys("low")) == ["t4"]


def test_a_key_that_is_in_one_of_several_queues(letters: Letters) -> None:
    letters.add("t1")
    letters.add("t2", queue="high")
    key = letters.keys("high")["t2"]
    assert letters("retry", key, "--queues", "default,high").status == 0
    assert (letters.waiting("high"), list(letters.keys())) == (["t2"], ["t1"])
    assert letters("retry", key, "--queues", "default").status == 1


def test_purging_all_needs_a_confirmation(letters: Letters, keyboard: Keyboard) -> None:
    letters.add("t1", "t2")
    keyboard.type("PURGE other")
    done = letters("purge", "--all")
    assert (done.status, done.out) == (1, "")
    assert "This removes all dead letters of default for good: 2." in done.err
    assert "not confirmed: nothing was changed" in done.err
    assert len(letters.keys()) == 2
    keyboard.type("PURGE default")
    done = letters("purge", "--all")
    assert (done.status, done.out) == (0, "2 dead letters removed\n")
    assert letters.keys() == {}


def test_every_queue_is_confirmed_before_the_first_is_touched(letters: Letters, keyboard: Keyboard) -> None:
    letters.add("t1")
    letters.add("t2", queue="high")
    keyboard.type("PURGE default", "no")
    assert letters("purge", "--all", "--queues", "default,high").status == 1
    assert (len(letters.keys()), len(letters.keys("high"))) == (1, 1)


def test_without_a_terminal_nobody_is_asked(letters: Letters) -> None:
    letters.add("t1")
    done = letters("purge", "--all")
    assert done.status == 2
    assert "--force does it without asking" in done.err
    assert len(letters.keys()) == 1
    assert letters("purge", "--all", "--force").out == "1 dead letter removed\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["list", "1"], "`dead list` takes no key"),
        (["list", "--all"], "`dead list` takes no --all"),
        (["show"], "`dead show` needs a key"),
        (["show", "1", "--all"], "`dead show` takes no --all"),
        (["retry"], "`dead retry` needs keys, or --all"),
        (["retry", "1", "--all"], "`dead retry` takes keys or --all, not both"),
        (["purge"], "`dead purge` needs keys, or --all"),
        (["purge", "1", "--all", "--force"], "`dead purge` takes keys or --all, not both"),
        (["list", "--queues", " , "], "`dead` needs the name of a queue"),
        (["list", "--limit", "0"], "--limit"),
        (["forget"], "invalid choice: 'forget'"),
        ([], "topic"),
    ],
)
def test_mistakes(letters: Letters, arguments: list[str], told: str) -> None:
    done = letters(*arguments)
    assert (done.status, done.out) == (2, "")
    assert told in done.err


def test_a_database_that_is_none(commands: Commands) -> None:
    (commands.folder / "file.db").write_text("this is no database at all, whatever it is called")
    done = commands("dead", "list", "--sqlite-path", "file.db")
    assert done.status == 2
    assert "file.db" in done.err


def test_letters_of_sqs(sqs_letters: Letters) -> None:
    sqs_letters.add("t1", "t2", "t3")
    keys = sqs_letters.keys()
    assert sorted(keys) == ["t1", "t2", "t3"]
    done = sqs_letters("show", keys["t1"])
    assert "  call      tasks.bad('t1', 7, x=None)" in done.out
    assert "no further attempt is left" in done.out
    done = sqs_letters("retry", keys["t1"], "999")
    assert (done.status, done.out) == (1, "1 dead letter put back\n")
    assert done.err == "no dead letter 999 in default\n"
    assert sqs_letters("purge", "--all", "--force").out == "2 dead letters removed\n"
    assert sqs_letters.waiting() == ["t1"]


def test_a_service_that_does_not_answer(commands: Commands) -> None:
    options = ("--aws-access-key-id", "none", "--aws-secret-access-key", "none")
    done = commands("dead", "list", "--driver", "sqs", "--sqs-endpoint-url", "http://127.0.0.1:1", *options)
    assert done.status == 1
    assert "127.0.0.1:1" in done.err


def test_what_is_put_back_is_as_it_was(letters: Letters) -> None:
    data: dict[str, Any] = {"task": "f", "args": ["é", {"a": [1.5, None]}]}
    letters.add("t1", data=data)
    shown = letters("show", letters.keys()["t1"], "--json").json
    assert shown["body"].encode() == encode_task(Task("t1", data))
