"""`--output-file` follows the database: each event once, whatever happens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.monitor import MonitorSettings, OutputFile
from cloud_tasks.task_db import EventBook
from fakes.event_queue import InMemoryEventQueue
from tests.monitor.conftest import NAMES
from tests.monitor.watching import Watch, ids_of
from tests.task_db.jobs import ended, keep_alive


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def follow(path: Path, file: Path, *bodies: bytes) -> OutputFile:
    """A run of a monitor that stores events."""
    with EventBook(path) as book:
        output = OutputFile(file, book)
        book.apply(bodies)
        output.catch_up()
        output.close()
        return output


async def test_each_event_is_there_once_although_acks_fail(
    watch: Watch, queue: InMemoryEventQueue, file: Path
) -> None:
    watch.output = OutputFile(file, watch.book)
    watch.settings = MonitorSettings(auto_complete=False)
    watch.feed.acks_fail = True
    watch.start()
    for name in NAMES:
        queue.put(ended(name))
    queue.put(b"no event")
    queue.put(keep_alive("h"))
    await watch.clock.run_for(300)
    watch.stop()
    await watch.end()
    watch.output.close()
    assert ids_of(file) == NAMES


def test_a_new_file_is_first_filled_with_what_is_stored(path: Path, file: Path) -> None:
    with EventBook(path) as book:
        book.apply([ended("t00"), ended("t01"), ended("t00")])
    follow(path, file, ended("t02"))
    assert ids_of(file) == ["t00", "t01", "t02"]


def test_a_file_that_is_there_goes_on(path: Path, file: Path) -> None:
    follow(path, file, ended("t00"))
    with EventBook(path) as book:
        book.apply([ended("t01")])  # by a monitor without a file
    follow(path, file, ended("t02"))
    assert ids_of(file) == ["t00", "t01", "t02"]


@pytest.mark.parametrize("lost_bytes", [0, 1, 10, 300, 400, 10_000])
def test_whatever_a_kill_left_unwritten_is_written_at_the_next_start(
    path: Path, file: Path, lost_bytes: int
) -> None:
    follow(path, file, ended("t00"), ended("t01"), ended("t02"))
    complete = file.read_bytes()
    os.truncate(file, max(0, len(complete) - lost_bytes))
    follow(path, file)
    assert file.read_bytes() == complete


def test_what_another_monitor_stores_is_in_it_as_well(path: Path, file: Path) -> None:
    with EventBook(path) as book, EventBook(path) as other:
        output = OutputFile(file, book)
        other.apply([ended("t01")])
        book.apply([ended("t00")])
        output.catch_up()
        output.close()
    assert ids_of(file) == ["t01", "t00"]


def test_the_file_of_another_job_is_only_appended_to(path: Path, file: Path) -> None:
    file.write_bytes(ended("other") + b"\n")
    with EventBook(path) as book:
        book.apply([ended("t00")])
    assert follow(path, file, ended("t01")).is_foreign
    assert ids_of(file) == ["other", "t01"]
    assert not follow(path, file, ended("t02")).is_foreign
    assert ids_of(file) == ["other", "t01", "t02"]


def test_an_event_of_many_lines_is_one_line(path: Path, file: Path) -> None:
    body = ended("t00").replace(b",", b",\r\n")
    follow(path, file, body)
    assert ids_of(file) == ["t00"]
    follow(path, file, ended("t01"))
    assert ids_of(file) == ["t00", "t01"]


def test_a_large_event_at_the_end_is_found(path: Path, file: Path) -> None:
    follow(path, file, ended("t00"), ended("t01", "exception", error="x" * 3_000_000))
    os.truncate(file, file.stat().st_size - 1)
    follow(path, file, ended("t02"))
    assert ids_of(file) == ["t00", "t01", "t02"]


def test_something_that_is_no_file_gets_new_events_only(path: Path) -> None:
    with EventBook(path) as book:
        book.apply([ended("t00")])
    reading, writing = os.pipe()
    try:
        follow(path, Path(f"/dev/fd/{writing}"), ended("t01"))
        assert os.read(reading, 10_000) == ended("t01") + b"\n"
    finally:
        os.close(reading)
        os.close(writing)


def test_a_file_that_cannot_be_written_is_told(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        follow(path, tmp_path)
    (problem,) = caught.value.problems
    assert problem.message == f"cannot write the events to `{tmp_path}`: Is a directory"
    assert problem.helps == ("name another file with --output-file",)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_f27_events_that_do_not_fit_into_the_file_are_stored(path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No space left on device"):
        follow(path, Path("/dev/full"), ended("t00"))
    with EventBook(path) as book:
        assert book.snapshot().statuses["completed"] == 1
