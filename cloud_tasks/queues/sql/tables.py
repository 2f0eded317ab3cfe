"""The tables: one row for each message, and its place in line in one index."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from cloud_tasks.queues.sql.settings import SqlSettings

QUEUE_CHARACTERS_MAX = 255
"""Longest name of a queue."""
KEY_CHARACTERS_MAX = 100
"""Longest key of what is done once."""

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_name = sa.String(QUEUE_CHARACTERS_MAX).with_variant(
    mysql.VARCHAR(QUEUE_CHARACTERS_MAX, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
)
_key = (
    sa.String(KEY_CHARACTERS_MAX, collation="C")
    .with_variant(sa.String(KEY_CHARACTERS_MAX), "sqlite")
    .with_variant(
        mysql.VARCHAR(KEY_CHARACTERS_MAX, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )
)
_bytes = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
_text = sa.Text().with_variant(mysql.LONGTEXT(charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")

_OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mariadb_engine": "InnoDB",
    "sqlite_autoincrement": True,  # an id that was used is never given again: it is part of receipts
    # The rows of a queue come and go: what is left of them must be cleared away often.
    "postgresql_with": {
        "autovacuum_vacuum_scale_factor": 0.02,
        "autovacuum_vacuum_threshold": 1000,
        "autovacuum_vacuum_cost_delay": 0,
    },
}


class Tables:
    """The tables of one set of names.

    Times are microseconds since 1970 by the database's clock; see decision 70.

    Attributes:
        metadata: All of them.
        queue: Messages. `visible_at`: from when one can be had; `due_at`: what that was before it was handed
            out; `leased`: whether its newest delivery has not been handed back.
        dead: Messages that were put aside.
        completed: Completed tasks; None where they are not kept.
        once: What was done once, or is being done by who claimed it until a moment. Only schedules need it,
            so that queues can do without.
        version: One row: the version of all of these.
    """

    def __init__(self, settings: SqlSettings) -> None:
        self.metadata = sa.MetaData()
        self.queue = self._queue(settings.queue_table)
        self.dead = self._dead(settings.dead_letter_table)
        self.completed = self._completed(settings.completed_table) if settings.keep_completed else None
        self.once = self._once(settings.once_table)
        self.version = sa.Table(
            settings.version_table,
            self.metadata,
            sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        )

    def _queue(self, name: str) -> sa.Table:
        return self._made(
            name,
            sa.Column("queue", _name, nullable=False),
            sa.Column("visible_at", sa.BigInteger, nullable=False),
            sa.Column("due_at", sa.BigInteger, nullable=False),
            sa.Column("created_at", sa.BigInteger, nullable=False),
            sa.Column("leased", sa.Boolean, nullable=False, server_default=sa.false()),
            sa.Column("deliveries", sa.Integer, nullable=False, server_default=sa.text("0")),
            sa.Column("interruptions", sa.Integer, nullable=False, server_default=sa.text("0")),
            sa.Column("body", _bytes, nullable=False),
            sa.Column("history", _text),
            sa.Index(f"{name}_line", "queue", "visible_at", "id"),
        )

    def _dead(self, name: str) -> sa.Table:
        return self._made(
            name,
            sa.Column("queue", _name, nullable=False),
            sa.Column("created_at", sa.BigInteger, nullable=False),
            sa.Column("died_at", sa.BigInteger, nullable=False),
            sa.Column("deliveries", sa.Integer, nullable=False),
            sa.Column("interruptions", sa.Integer, nullable=False),
            sa.Column("reason", _text, nullable=False),
            sa.Column("body", _bytes, nullable=False),
            sa.Column("history", _text),
            sa.Index(f"{name}_line", "queue", "id"),
        )

    def _completed(self, name: str) -> sa.Table:
        return self._made(
            name,
            sa.Column("queue", _name, nullable=False),
            sa.Column("task_id", _text, nullable=False),
            sa.Column("name", _text, nullable=False),
            sa.Column("attempts", sa.Integer, nullable=False),
            sa.Column("elapsed_s", sa.Double, nullable=False),
            sa.Column("completed_at", sa.BigInteger, nullable=False),
            sa.Column("result", _text),
            sa.Index(f"{name}_line", "queue", "id"),
        )

    def _once(self, name: str) -> sa.Table:
        return sa.Table(
            name,
            self.metadata,
            sa.Column("queue", _name, primary_key=True),
            sa.Column("once_key", _key, primary_key=True),
            sa.Column("claimed_until", sa.BigInteger),
            mysql_engine="InnoDB",
            mariadb_engine="InnoDB",
        )

    @property
    def needed(self) -> set[str]:
        """Names of the tables that every queue needs."""
        return {table.name for table in self.metadata.sorted_tables} - {self.once.name}

    def _made(self, name: str, *parts: sa.schema.SchemaItem) -> sa.Table:
        key = sa.Column("id", _id, primary_key=True, autoincrement=True)
        return sa.Table(name, self.metadata, key, *parts, **_OPTIONS)
