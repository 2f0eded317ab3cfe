"""Other programs write into the database at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_tasks.core.task import Task
from cloud_tasks.loading import TaskBook
from cloud_tasks.task_db import EventBook
from fakes.clock import VirtualClock
from tests.task_db.jobs import at, ended, keep_alive, make_job, notice, statuses


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make_job(tmp_path / "job.db", ["a"])


def test_tasks_that_are_loaded_meanwhile_belong_to_the_job(path: Path) -> None:
    with EventBook(path) as book, TaskBook(path, VirtualClock()) as load:
        load.add([Task("b", {}), Task("c", {})])
        load.take(2)
        book.apply([ended("a"), ended("b")])
        assert not book.is_finished()
        load.confirm(["b", "c"])
        assert book.snapshot().statuses == {"completed": 2, "in_queue_original": 1}
        book.apply([ended("c")])
        assert book.is_finished()
        load.give_back(["c"])
    assert statuses(path) == dict.fromkeys("abc", "completed")


def test_two_monitors_see_what_the_other_stores(path: Path) -> None:
    with EventBook(path) as one, EventBook(path) as other:
        other.apply([ended("a")])
        assert one.snapshot() == other.snapshot()
        assert one.is_finished()
        assert [it.effect for it in one.apply([ended("a"), ended("a", attempt=2)])] == ["duplicate", "late"]
        assert one.snapshot().effects == other.snapshot().effects == {"applied": 1, "late": 1, "duplicate": 1}


def test_machines_are_put_together(path: Path) -> None:
    with EventBook(path) as one, EventBook(path) as other:
        one.apply([keep_alive("h", 5), keep_alive("h", 3), notice("h", 4)])
        other.apply([ended("a", host="h", second=9), ended("b", host="g", second=2)])
        machines = one.snapshot().machines
        assert machines == other.snapshot().machines
    found = [(it.hostname, it.instance_id, it.last_heard, it.terminated_at) for it in machines]
    assert found == [("g", "", at(2), None), ("h", "i-h", at(9), at(4))]


def test_keep_alives_do_not_fill_the_database(path: Path) -> None:
    with EventBook(path) as book:
        book.apply([keep_alive("h", second) for second in range(1000)])
        assert book.last_id() == 0
        assert book.snapshot().machines[0].last_heard == at(999)
    with EventBook(path) as book:
        assert book.snapshot().machines[0].last_heard == at(999)
