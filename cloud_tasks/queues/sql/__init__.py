"""Queues in databases: SQLite, PostgreSQL, MySQL, MariaDB. Importing this is cheap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.sql import problems
from cloud_tasks.queues.sql.address import kind_of
from cloud_tasks.queues.sql.settings import SqlSettings as SqlSettings

if TYPE_CHECKING:
    from cloud_tasks.queues.sql.driver import SqlDriver


def open_driver(settings: SqlSettings, clock: Clock) -> SqlDriver:
    """The queues of one database. Nothing is asked of it yet.

    Args:
        settings: Which database.
        clock: Time.

    Raises:
        ConfigurationError: The address is none, or a package is not there.
    """
    kind, extra = kind_of(settings)
    try:
        from cloud_tasks.queues.sql.driver import SqlDriver
        from cloud_tasks.queues.sql.opening import dialect_of

        return SqlDriver(dialect_of(kind, settings), clock)
    except ImportError as error:
        raise ConfigurationError(problems.library_missing(kind, extra, error)) from error
