"""The statements, made once for a set of tables; parameters are called `b_...`, as columns cannot be."""

from __future__ import annotations

import sqlalchemy as sa

from cloud_tasks.queues.sql.completed import insert_completed
from cloud_tasks.queues.sql.dialect import Dialect, waiting
from cloud_tasks.queues.sql.tables import Tables


def _big(name: str) -> sa.BindParameter[int]:
    return sa.bindparam(name, type_=sa.BigInteger)


class Statements:
    """What is said about one queue's messages; `b_queue` is the queue where nothing else is said.

    Attributes:
        take: Leases up to `b_count` messages for `b_lease` in one statement, searching from `b_begin` on;
            None where that takes the next two.
        find: Locks them, and returns what `take` does.
        mark: Leases those of `ids`.
        now: The database's time.
        held: Ids and deliveries of those of `ids` that are leased, locked.
        there: Those of `ids` that are there.
        ack: Removes those of `ids` that are leased in their delivery `b_deliveries`.
        ack_told: The same; returns their ids. None where it cannot.
        extend: Lets the lease `b_id`, `b_deliveries` end in `b_lease`.
        nack: Hands that one back: visible in `b_delay`, `b_interrupted` more interruptions, `b_history`.
        bury: Copies that one to the dead letters with `b_reason` and `b_history`.
        insert: Puts a message in: `b_body`, visible at `b_visible`.
        insert_soon: The same, visible in `b_delay` from now.
        insert_many: Puts `b_bodies` in, in their order, visible now; None where `insert` is as good.
        completed: Records a completed task; None where they are not kept.
    """

    def __init__(self, tables: Tables, dialect: Dialect) -> None:
        c, now = tables.queue.c, dialect.now
        among = dialect.among(c.id)
        ours = sa.and_(c.deliveries == sa.bindparam("b_deliveries"), c.leased)
        this = sa.and_(c.id == _big("b_id"), ours)
        take = dialect.take(tables.queue)
        self.take = None if take is None else dialect.direct(take)
        line = f"FORCE INDEX ({tables.queue.name}_line)"
        self.find = (
            sa.select(
                c.id,
                c.visible_at,
                now + _big("b_lease"),
                c.deliveries + 1,
                c.interruptions,
                c.body,
                c.history,
            )
            .where(waiting(tables.queue, now))
            .order_by(c.visible_at, c.id)
            .limit(sa.bindparam("b_count"))
            .with_for_update(skip_locked=True)
            .with_hint(tables.queue, line, "mysql")
            .with_hint(tables.queue, line, "mariadb")
        )
        self.mark = (
            sa.update(tables.queue)
            .where(among)
            .ordered_values(
                (c.due_at, c.visible_at),
                (c.visible_at, now + _big("b_lease")),
                (c.leased, sa.true()),
                (c.deliveries, c.deliveries + 1),
            )
        )
        self.now = sa.select(now)
        self.held = sa.select(c.id, c.deliveries).where(among, c.leased).with_for_update()
        self.there = sa.select(c.id).where(among)
        self.ack = sa.delete(tables.queue).where(among, ours)
        self.ack_told = dialect.direct(self.ack.returning(c.id)) if dialect.returning else None
        self.extend = sa.update(tables.queue).where(this).values(visible_at=now + _big("b_lease"))
        self.nack = (
            sa.update(tables.queue)
            .where(this)
            .values(
                visible_at=now + _big("b_delay"),
                leased=sa.false(),
                interruptions=c.interruptions + sa.bindparam("b_interrupted", type_=sa.Integer),
                history=sa.bindparam("b_history", type_=sa.Text),
            )
        )
        self.bury = _bury(tables, now, this)
        self.insert, self.insert_soon = _inserts(tables, now)
        self.insert_many = dialect.insert_many(tables.queue)
        self.completed = None if tables.completed is None else insert_completed(tables.completed, dialect)


def _bury(tables: Tables, now: sa.ColumnElement[int], this: sa.ColumnElement[bool]) -> sa.Insert:
    c = tables.queue.c
    copied = ("queue", "created_at", "deliveries", "interruptions", "body")
    given = (now, sa.bindparam("b_reason", type_=sa.Text), sa.bindparam("b_history", type_=sa.Text))
    source = sa.select(*(c[name] for name in copied), *given).where(this)
    return sa.insert(tables.dead).from_select([*copied, "died_at", "reason", "history"], source)


def _inserts(tables: Tables, now: sa.ColumnElement[int]) -> tuple[sa.Insert, sa.Insert]:
    def insert(visible: sa.ColumnElement[int], created: sa.ColumnElement[int]) -> sa.Insert:
        return sa.insert(tables.queue).values(
            queue=sa.bindparam("b_queue"),
            body=sa.bindparam("b_body"),
            visible_at=visible,
            due_at=visible,
            created_at=created,
        )

    return insert(_big("b_visible"), _big("b_created")), insert(now + _big("b_delay"), now)
