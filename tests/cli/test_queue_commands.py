from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.calling import Commands
from tests.cli.keyboard import Keyboard

QUEUES = ("my-job", "my-job-events")


@pytest.fixture
def filled(commands: Commands) -> Commands:
    commands.fill("my-job", "a", "b", "c")
    commands.fill("my-job-events", "e")
    return commands


def test_show_queue_tells_the_depth_of_both(filled: Commands) -> None:
    done = filled.job("show_queue")
    assert (done.status, done.err) == (0, "")
    rows = [line.split() for line in done.out.splitlines()]
    assert rows[0] == ["queue", "visible", "in", "flight", "delayed", "dead"]
    assert rows[1:] == [["my-job", "3", "0", "0", "0"], ["my-job-events", "1", "0", "0", "0"]]


def test_show_queue_for_machines(filled: Commands) -> None:
    told = filled.job("show_queue", "--json", "--detail").json
    assert told["queues"]["my-job"]["visible"] == 3
    assert told["sample"] == {"task_id": "a", "data": {"n": 1}}


def test_detail_shows_one_message_and_leaves_it(filled: Commands) -> None:
    done = filled.job("show_queue", "--detail")
    assert '"task_id": "a"' in done.out
    assert filled.depth("my-job") == 3


def test_detail_of_an_empty_queue(commands: Commands) -> None:
    commands.fill("my-job")
    commands.fill("my-job-events")
    assert "no message can be seen" in commands.job("show_queue", "--detail").out


def test_a_queue_that_is_not_there_is_told(commands: Commands) -> None:
    done = commands.job("show_queue")
    assert done.status == 2
    assert "there is no queue `my-job`" in done.err


@pytest.mark.parametrize("command", ["purge_queue", "delete_queue"])
def test_f38_the_only_flags_work(filled: Commands, command: str) -> None:
    assert filled.job(command, "--task-queue-only", "--force").status == 0
    assert filled.depth("my-job-events") == 1
    assert "my-job" not in filled.cloud.queues or filled.depth("my-job") == 0
    assert filled.job(command, "--event-queue-only", "--force").status == 0
    assert all(name not in filled.cloud.queues or filled.depth(name) == 0 for name in QUEUES)


def test_purge_and_delete_are_different(filled: Commands) -> None:
    assert filled.job("purge_queue", "-f").status == 0
    assert [filled.depth(name) for name in QUEUES] == [0, 0]
    assert filled.job("delete_queue", "-f").status == 0
    assert filled.cloud.queues == {}


def test_to_delete_what_is_not_there_is_no_error(commands: Commands) -> None:
    assert commands.job("delete_queue", "--force").status == 0


@pytest.mark.parametrize("command", ["purge_queue", "delete_queue"])
def test_both_only_flags_together_are_refused(filled: Commands, command: str) -> None:
    done = filled.job(command, "--task-queue-only", "--event-queue-only", "--force")
    assert done.status == 2
    assert "--task-queue-only and --event-queue-only exclude one another" in done.err
    assert [filled.depth(name) for name in QUEUES] == [3, 1]


@pytest.mark.parametrize("command", ["purge_queue", "delete_queue"])
def test_without_a_terminal_and_without_force_nothing_is_touched(filled: Commands, command: str) -> None:
    done = filled.job(command)
    assert done.status == 2
    assert "there is no terminal to ask on" in done.err
    assert "--force" in done.err
    assert [filled.depth(name) for name in QUEUES] == [3, 1]


@pytest.mark.parametrize(("command", "word"), [("purge_queue", "EMPTY"), ("delete_queue", "DELETE")])
def test_the_typed_confirmation(filled: Commands, keyboard: Keyboard, command: str, word: str) -> None:
    keyboard.type(f"{word} my-job", f"{word} my-job-events")
    done = filled.job(command)
    assert done.status == 0
    assert f"Type `{word} my-job` to confirm" in done.err
    assert all(name not in filled.cloud.queues or filled.depth(name) == 0 for name in QUEUES)


@pytest.mark.parametrize("typed", ["yes", "DELETE my-job", "EMPTY", "empty my-job", ""])
def test_any_other_word_changes_nothing(filled: Commands, keyboard: Keyboard, typed: str) -> None:
    keyboard.type(typed)
    done = filled.job("purge_queue")
    assert done.status == 1
    assert "not confirmed: nothing was changed" in done.err
    assert [filled.depth(name) for name in QUEUES] == [3, 1]


def test_the_second_queue_is_confirmed_before_the_first_is_touched(
    filled: Commands, keyboard: Keyboard
) -> None:
    keyboard.type("EMPTY my-job", "no")
    assert filled.job("purge_queue").status == 1
    assert [filled.depth(name) for name in QUEUES] == [3, 1]


def test_purge_for_machines(filled: Commands) -> None:
    assert filled.job("purge_queue", "--force", "--json").json == {
        "purged": {"my-job": 3, "my-job-events": 1},
        "left": {"my-job": 0, "my-job-events": 0},
    }


def test_doctor_says_how_to_mend_what_is_not_there(commands: Commands, tmp_path: Path) -> None:
    done = commands.job("doctor", "--db-file", str(tmp_path / "nowhere" / "x.db"))
    assert done.status == 1
    lines = done.out.splitlines()
    assert any(line.startswith("fail  queues") and "there is no queue `my-job`" in line for line in lines)
    assert any(line.startswith("fail  disk") for line in lines)
    assert any(line.startswith("ok    python") for line in lines)


def test_doctor_is_content_where_all_is_there(filled: Commands) -> None:
    done = filled.job("doctor", "--json")
    verdicts = {finding["name"]: finding["verdict"] for finding in done.json}
    assert verdicts["queues"] == verdicts["configuration"] == verdicts["python"] == "ok"
    assert done.status == (1 if "fail" in verdicts.values() else 0)
