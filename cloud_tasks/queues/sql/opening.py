"""From an address to the kind of database."""

from __future__ import annotations

import sqlalchemy as sa

from cloud_tasks.queues.sql.address import unreadable
from cloud_tasks.queues.sql.dialect import Dialect
from cloud_tasks.queues.sql.mysql import MysqlDialect
from cloud_tasks.queues.sql.postgres import PostgresDialect
from cloud_tasks.queues.sql.settings import SqlSettings
from cloud_tasks.queues.sql.sqlite import SqliteDialect

_DIALECTS: tuple[type[Dialect], ...] = (SqliteDialect, PostgresDialect, MysqlDialect)


def dialect_of(name: str, settings: SqlSettings) -> Dialect:
    """The database of that name, at the address of the settings.

    Raises:
        ConfigurationError: The address is none.
    """
    (kind,) = (one for one in _DIALECTS if one.name == name)
    try:
        return kind(settings)
    except (sa.exc.ArgumentError, ValueError):
        raise unreadable(name, settings) from None  # what it says may hold a part of the password
