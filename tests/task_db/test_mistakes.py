"""A database that cannot be used is told in words."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.task_db import EventBook, read_facts, read_report
from tests.task_db.jobs import ended, make_job

NOBODY = 65_534
LOCK = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


def told(path: Path) -> tuple[str, tuple[str, ...]]:
    """What is said of a database, and how to mend it."""
    with pytest.raises(ConfigurationError) as caught, EventBook(path) as book:
        book.apply([ended("a")])
    (problem,) = caught.value.problems
    return problem.message, problem.helps


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of the superuser, whom no permission stops."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make_job(tmp_path / "job.db", ["a"])


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may look into, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_a_file_that_cannot_be_written(open_folder: Path) -> None:
    path = make_job(open_folder / "job.db", ["a"])
    path.chmod(0o444)
    with as_nobody():
        message, helps = told(path)
    assert message == f"the task database `{path}` cannot be used: attempt to write a readonly database"
    assert helps == ("name another with --db-file",)


def test_a_folder_that_cannot_be_looked_into(open_folder: Path) -> None:
    path = make_job(open_folder / "job.db", ["a"])
    open_folder.chmod(0)
    with as_nobody():
        message, _ = told(path)
    open_folder.chmod(0o755)
    assert message == f"the task database `{path}` cannot be used: unable to open database file"


def test_a_directory_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "no" / "job.db"
    message, _ = told(path)
    assert message == f"the task database `{path}` cannot be used: there is no directory `{path.parent}`"


def test_a_directory_in_its_place(tmp_path: Path) -> None:
    assert told(tmp_path)[0] == f"the task database `{tmp_path}` cannot be used: it is a directory"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is another program's, or nobody's (no such table: tasks)"),
        (b"task_id,status\n" * 100, "file is not a database"),
    ],
)
def test_what_cannot_be_looked_at_either(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "job.db"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        read_facts(path)
    assert caught.value.problems[0].message == f"the task database `{path}` cannot be used: {why}"
    assert path.read_bytes() == content


def test_a_database_that_is_not_there_is_not_made_by_a_look(tmp_path: Path) -> None:
    assert read_facts(tmp_path / "job.db") is None
    assert not (tmp_path / "job.db").exists()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "job.db"
    path.write_text("task_id,status\n" * 100, encoding="utf-8")
    assert told(path)[0] == f"the task database `{path}` cannot be used: file is not a database"
    assert path.read_text(encoding="utf-8") == "task_id,status\n" * 100


def test_the_database_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "job.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE tasks (title TEXT)")
    assert "no such column" in told(path)[0]
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("tasks",)]


def test_a_damaged_database(tmp_path: Path) -> None:
    path = make_job(tmp_path / "job.db", (f"t{number:05}" for number in range(5000)))
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    message, helps = told(path)
    assert message.startswith(f"the task database `{path}` cannot be used: it is damaged (")
    assert helps[0] == f"`sqlite3 {path} .recover` prints what can be saved, as SQL"
    with pytest.raises(ConfigurationError, match="it is damaged"):
        read_report(path)


def test_a_database_that_another_program_has_locked(path: Path) -> None:
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", LOCK, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        try:
            message, helps = told(path)
        finally:
            other.kill()
    assert message == f"the task database `{path}` cannot be used: another program has locked it"
    assert helps == ("end that program, or wait until it has ended",)
    with EventBook(path) as book:
        assert [one.effect for one in book.apply([ended("a")])] == ["applied"]


def test_what_failed_is_stored_not_at_all(path: Path) -> None:
    with EventBook(path) as book:
        book.apply([ended("x")])
        with closing(sqlite3.connect(path)) as db:
            db.execute(
                "CREATE TRIGGER full BEFORE UPDATE ON tasks BEGIN SELECT raise(ABORT, 'disk full'); END"
            )
        with pytest.raises(ConfigurationError, match="disk full"):
            book.apply([ended("y"), ended("a")])
        with closing(sqlite3.connect(path)) as db:
            db.execute("DROP TRIGGER full")
        assert book.snapshot().effects == {"unknown_task": 1}
        assert [one.effect for one in book.apply([ended("y"), ended("a")])] == ["unknown_task", "applied"]
        assert book.is_finished()
