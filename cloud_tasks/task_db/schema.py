"""The tables of a task database.

They are those of the published package (0.5.0), whose databases can be opened, with some columns and a table
more. What is ours is dated by `PRAGMA user_version`, which that package leaves at 0.
"""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.task_db.messages import digest_of_stored

VERSION = 1

_TASKS = """
CREATE TABLE IF NOT EXISTS tasks (
    task_id TEXT PRIMARY KEY, task_data TEXT, status TEXT, retry BOOLEAN, enqueued_at TIMESTAMP,
    started_at TIMESTAMP, completed_at TIMESTAMP, elapsed_time REAL, hostname TEXT, result TEXT,
    exception TEXT, exit_code INTEGER)"""
_EVENTS = """
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TIMESTAMP, hostname TEXT, event_type TEXT, task_id TEXT,
    raw_event TEXT)"""
_MACHINES = """
CREATE TABLE IF NOT EXISTS machines (
    hostname TEXT PRIMARY KEY, instance_id TEXT, last_heard TIMESTAMP, terminated_at TIMESTAMP)"""
_TABLES = (
    _TASKS,
    "CREATE INDEX IF NOT EXISTS idx_task_status ON tasks(status)",
    _EVENTS,
    "CREATE INDEX IF NOT EXISTS idx_event_task_id ON events(task_id)",
    _MACHINES,
)
_ADDED_COLUMNS = (("tasks", "attempt", "INTEGER"), ("events", "digest", "BLOB"), ("events", "effect", "TEXT"))
MACHINES_OF_EVENTS = (
    "SELECT hostname, max(CASE WHEN event_type = 'spot_termination' AND json_valid(raw_event)"
    " THEN json_extract(raw_event, '$.instance_id') END) AS instance_id, max(timestamp) AS last_heard,"
    " max(CASE WHEN event_type = 'spot_termination' THEN timestamp END) AS terminated_at"
    " FROM events WHERE hostname IS NOT NULL GROUP BY hostname"
)
_UPGRADES = (
    "UPDATE tasks SET status = 'completed_with_retry' WHERE status = 'completed' AND retry",
    "UPDATE events SET digest = digest_of_stored(raw_event) WHERE digest IS NULL",
    "CREATE INDEX IF NOT EXISTS idx_event_digest ON events(digest)",
    f"INSERT OR IGNORE INTO machines {MACHINES_OF_EVENTS}",
    f"PRAGMA user_version = {VERSION}",
)


def connect(path: Path) -> sqlite3.Connection:
    """Open a database for writing, and bring it up to date; made if it is not there.

    Write-ahead logging with `synchronous = NORMAL`: what was committed survives the end of this process by
    whatever signal. A power cut may undo the last commits, whole ones, and leaves no damage.

    Raises:
        ConfigurationError: It is no database, or cannot be written.
    """
    with errors_told(path):
        db = sqlite3.connect(path, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            if not is_current(db):
                _bring_up_to_date(db)
        except BaseException:  # boundary: closed, and raised again
            db.close()
            raise
    return db


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open a database that is there, as it is; `is_current` tells whether it has what is ours.

    Raises:
        sqlite3.Error: It cannot be opened.
    """
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def is_current(db: sqlite3.Connection) -> bool:
    """Whether a database has all that is ours."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return bool(version >= VERSION)


def _bring_up_to_date(db: sqlite3.Connection) -> None:
    """Add what is ours, all of it or nothing; another program may be about it at the same time."""
    db.create_function("digest_of_stored", 1, digest_of_stored, deterministic=True)
    db.execute("BEGIN IMMEDIATE")
    with db:
        if is_current(db):
            return
        for statement in _TABLES:
            db.execute(statement)
        for table, column, kind in _ADDED_COLUMNS:
            if column not in _columns(db, table):
                db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
        for statement in _UPGRADES:
            db.execute(statement)


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in db.execute(f"PRAGMA table_info({table})")}


@contextmanager
def errors_told(path: Path) -> Iterator[None]:
    """Tell an error of the database as the user's problem."""
    try:
        yield
    except sqlite3.Error as error:
        raise ConfigurationError(_problem(path, error)) from error


def _problem(path: Path, error: sqlite3.Error) -> Problem:
    name = getattr(error, "sqlite_errorname", "")
    why = str(error)
    helps: tuple[str, ...] = ("name another with --db-file",)
    if _is_directory(path):
        why = "it is a directory"
    elif why.startswith("no such table"):
        why = f"it is another program's, or nobody's ({why})"
    elif name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        why, helps = "another program has locked it", ("end that program, or wait until it has ended",)
    elif name.startswith("SQLITE_CORRUPT"):
        why = f"it is damaged ({error})"
        helps = (f"`sqlite3 {path} .recover` prints what can be saved, as SQL", *helps)
    elif name.startswith("SQLITE_CANTOPEN") and is_missing(path.parent):
        why = f"there is no directory `{path.parent}`"
    return Problem(f"the task database `{path}` cannot be used: {why}", helps=helps)


def is_missing(path: Path) -> bool:
    """Whether there is nothing; what may not be looked at is taken to be there."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _is_directory(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return False
