"""The tables of a task database.

They are those of the published package (0.5.0), whose databases can be opened, with a few columns more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud_tasks.errors import ConfigurationError, Problem

_TABLES = """
CREATE TABLE IF NOT EXISTS tasks (
    task_id TEXT PRIMARY KEY, task_data TEXT, status TEXT, retry BOOLEAN, enqueued_at TIMESTAMP,
    started_at TIMESTAMP, completed_at TIMESTAMP, elapsed_time REAL, hostname TEXT, result TEXT,
    exception TEXT, exit_code INTEGER);
CREATE INDEX IF NOT EXISTS idx_task_status ON tasks(status);
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TIMESTAMP, hostname TEXT, event_type TEXT, task_id TEXT,
    raw_event TEXT);
"""
_ADDED_COLUMNS = (("tasks", "attempt", "INTEGER"), ("events", "digest", "TEXT"), ("events", "effect", "TEXT"))
_INDEX = "CREATE INDEX IF NOT EXISTS idx_event_digest ON events(digest)"


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
            db.executescript(_TABLES)
            for table, column, kind in _ADDED_COLUMNS:
                if column not in _columns(db, table):
                    db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
            db.execute(_INDEX)
        except BaseException:
            db.close()
            raise
    return db


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in db.execute(f"PRAGMA table_info({table})")}


@contextmanager
def errors_told(path: Path) -> Iterator[None]:
    """Tell an error of the database as the user's problem."""
    try:
        yield
    except sqlite3.Error as error:
        message = f"the task database `{path}` cannot be used: {error}"
        raise ConfigurationError(Problem(message, helps=("name another with --db-file",))) from error
