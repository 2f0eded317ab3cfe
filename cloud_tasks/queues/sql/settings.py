"""What the SQL backend is told."""

from __future__ import annotations

import contextlib
import os.path
import re
from pathlib import Path

from msgspec import Struct

from cloud_tasks.core.arguments import check_positive
from cloud_tasks.errors import ConfigurationError, Problem

SQLITE_PREFIX = "sqlite:///"
_SCHEME = re.compile(r"[a-z+]{1,30}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,47}")


class SqlSettings(Struct, frozen=True, kw_only=True):
    """Which database, and what its tables are called.

    Attributes:
        dsn: `postgresql://user:pass@host/db`, `mysql://user:pass@host:3306/db`, `mariadb://...`, or the path
            of a file of SQLite, which may also be written `sqlite:///path`.
        kind: What has to be there: "SQLite", "PostgreSQL" or "MySQL" (or MariaDB); "": whatever is.
        queue_table: Name of the table of messages.
        dead_letter_table: Name of the table of messages that were put aside.
        completed_table: Name of the table of completed tasks.
        keep_completed: Whether completed tasks are written to that table, in the transaction that settles
            them.
        pool_size_min: Connections that are kept open once they were needed; no more than `pool_size_max`.
        pool_size_max: Most connections; `LISTEN` has one more. SQLite has four at most.
        connect_s: How long making a connection may take, in seconds.
        call_s: How long a call may take, in seconds; more, and the server is not available.
        poll_s: Longest pause between two looks into a queue that somebody waits for, where the database does
            not tell, in seconds.
        has_flags: Whether all this is said by flags of ours, which errors may name.
    """

    dsn: str
    kind: str = ""
    queue_table: str = "task_queue"
    dead_letter_table: str = "dead_letter_queue"
    completed_table: str = "completed_tasks"
    keep_completed: bool = False
    pool_size_min: int = 10
    pool_size_max: int = 10
    connect_s: float = 10.0
    call_s: float = 30.0
    poll_s: float = 1.0
    has_flags: bool = True

    def __post_init__(self) -> None:
        """Refuse what no database could do.

        Raises:
            ConfigurationError: A number is out of range, or a name is none.
            ValueError: A time is.
        """
        names = (self.queue_table, self.dead_letter_table, self.completed_table)
        for name in names:
            if not _NAME.fullmatch(name):
                raise _wrong(f"{name!r} is no name of a table", "up to 48 letters, digits and _")
        if len({name.lower() for name in names}) < len(names):
            raise _wrong(f"the tables are called {', '.join(names)}", "give each a name of its own")
        if min(self.pool_size_min, self.pool_size_max) < 1:
            sizes = f"{self.pool_size_min} to {self.pool_size_max}"
            raise _wrong(f"a pool of {sizes} connections cannot be", "both numbers must be at least 1")
        check_positive("connect_s", self.connect_s)
        check_positive("call_s", self.call_s)
        check_positive("poll_s", self.poll_s)

    @property
    def pool_sizes(self) -> tuple[int, int]:
        """How many connections are kept, and how many there may be besides."""
        kept = min(self.pool_size_min, self.pool_size_max)
        return kept, self.pool_size_max - kept

    @property
    def version_table(self) -> str:
        """Name of the table that holds the version of the others."""
        return f"{self.queue_table}_version"

    @property
    def once_table(self) -> str:
        """Name of the table of what was done once."""
        return f"{self.queue_table}_once"

    def __repr__(self) -> str:
        """Without the password, and without what may be a part of one."""
        scheme, separator, _ = self.dsn.partition("://")
        shown = f"{scheme}://***" if separator and _SCHEME.fullmatch(scheme) else "***"
        return f"SqlSettings(dsn={shown!r}, queue_table={self.queue_table!r})"


def file_of(dsn: str) -> Path:
    """The file of SQLite that is meant now, wherever the process goes later."""
    path = Path(os.path.expanduser(dsn.removeprefix(SQLITE_PREFIX)))  # noqa: PTH111 - Path's raises for `~who`
    with contextlib.suppress(
        FileNotFoundError
    ):  # the directory that we are in is gone: told when it is opened
        return path.absolute()
    return path


def _wrong(what: str, help_: str) -> ConfigurationError:
    return ConfigurationError(Problem(what, helps=(help_,)))
