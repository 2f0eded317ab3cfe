"""Many settlements in one call to the database, with an end for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud_tasks.errors import LeaseLostError, QueueError, QueueUnavailableError
from cloud_tasks.queues.gathering import Answers
from cloud_tasks.queues.sql.database import outcome
from cloud_tasks.queues.sql.dialect import IDS
from cloud_tasks.queues.sql.direct import Direct
from cloud_tasks.queues.sql.leases import Receipt
from cloud_tasks.queues.sql.parts import Parts

DOUBTS_MAX = 10_000
"""Of so many removals that nobody confirmed it is remembered that they were tried."""

Parameters: TypeAlias = Mapping[str, object]


class Settlement(Struct, frozen=True):
    """What is to be done with one delivery.

    Attributes:
        receipt: The delivery.
        values: The parameters of the statement, those of the receipt apart.
    """

    receipt: Receipt
    values: Parameters = {}


Act: TypeAlias = Callable[[AsyncConnection, Sequence[Settlement]], Awaitable[int]]
"""Does it; returns how many deliveries it was done with."""


class _NotAllError(QueueError):
    """Some of the deliveries are not ours any more."""


class Settlements:
    """Batches of settlements, as a `Gatherer` wants them.

    All of a batch is done at once, in the hope that every lease is still ours. If one is not, nothing was
    done, and the batch is done again with those that are.

    Args:
        parts: What all queues of the database share.
        queue: The queue's name.
    """

    def __init__(self, parts: Parts, queue: str) -> None:
        self._database = parts.database
        self._statements = parts.statements
        self._completed = parts.statements.completed
        self._announcement = parts.database.dialect.announcement(queue)
        self._doubts: dict[Receipt, None] = {}

    async def ack(self, batch: Sequence[Settlement]) -> Answers:
        """Remove messages; those with values are recorded as completed."""
        ack = self._statements.ack_told
        if self._completed is None and ack is not None:
            return await self._removed(batch, self._ack_at_once(batch, ack))
        return await self._removed(batch, self._settled(batch, self._ack))

    async def nack(self, batch: Sequence[Settlement]) -> Answers:
        """Hand messages back, and tell those who listen if there is one that is not delayed."""
        return await self._settled(batch, self._nack)

    async def extend(self, batch: Sequence[Settlement]) -> Answers:
        """Set the ends of leases."""
        return await self._settled(batch, self._each(self._statements.extend))

    async def dead_letter(self, batch: Sequence[Settlement]) -> Answers:
        """Move messages to the dead letters."""
        return await self._removed(batch, self._settled(batch, self._bury))

    # --- What is done

    async def _ack_at_once(self, batch: Sequence[Settlement], ack: Direct) -> list[QueueError | None]:
        gone: set[int] = set()
        for parameters in self._groups(batch):
            rows = await outcome(self._database.start_direct(ack, parameters))
            gone.update(number for (number,) in rows)
        return [None if one.receipt.id in gone else _lost(one) for one in batch]

    async def _ack(self, connection: AsyncConnection, batch: Sequence[Settlement]) -> int:
        removed = await self._remove(connection, batch)
        records = [one.values for one in batch if one.values]
        if records and self._completed is not None:
            await connection.execute(self._completed, records)
        return removed

    async def _nack(self, connection: AsyncConnection, batch: Sequence[Settlement]) -> int:
        count = await self._each(self._statements.nack)(connection, batch)
        if self._announcement is not None and not all(one.values["b_delay"] for one in batch):
            await connection.execute(self._announcement)
        return count

    async def _bury(self, connection: AsyncConnection, batch: Sequence[Settlement]) -> int:
        await connection.execute(self._statements.bury, [_parameters(one) for one in batch])
        return await self._remove(connection, batch)

    async def _remove(self, connection: AsyncConnection, batch: Sequence[Settlement]) -> int:
        count = 0
        for parameters in self._groups(batch):
            count += (await connection.execute(self._statements.ack, parameters)).rowcount
        return count

    # --- How

    async def _settled(self, batch: Sequence[Settlement], act: Act) -> list[QueueError | None]:
        async def everything(connection: AsyncConnection) -> None:
            if await act(connection, batch) != len(batch):
                raise _NotAllError

        async def what_is_ours(connection: AsyncConnection) -> set[Receipt]:
            held = await self._held(connection, batch)
            ours = [one for one in batch if one.receipt in held]
            if ours:
                await act(connection, ours)
            return held

        try:
            await self._database.transaction(everything)
        except _NotAllError:
            held = await self._database.transaction(what_is_ours)
            return [None if one.receipt in held else _lost(one) for one in batch]
        return [None] * len(batch)

    async def _removed(
        self, batch: Sequence[Settlement], call: Awaitable[list[QueueError | None]]
    ) -> list[QueueError | None]:
        """Have a removal done; what is gone after one that nobody confirmed was removed by that one."""
        try:
            answers = await call
        except QueueUnavailableError:
            self._doubts.update(dict.fromkeys(one.receipt for one in batch))
            while len(self._doubts) > DOUBTS_MAX:
                del self._doubts[next(iter(self._doubts))]
            raise
        doubtful = [
            number
            for number, answer in enumerate(answers)
            if answer is not None and batch[number].receipt in self._doubts
        ]
        there = await self._there([batch[number] for number in doubtful]) if doubtful else set()
        for number in doubtful:
            if batch[number].receipt.id not in there:
                answers[number] = None
        for one in batch:
            self._doubts.pop(one.receipt, None)
        return answers

    async def _held(self, connection: AsyncConnection, batch: Sequence[Settlement]) -> set[Receipt]:
        rows = await connection.execute(self._statements.held, self._ids(batch))
        return {Receipt(*row) for row in rows}

    async def _there(self, batch: Sequence[Settlement]) -> set[int]:
        async def work(connection: AsyncConnection) -> set[int]:
            return set((await connection.execute(self._statements.there, self._ids(batch))).scalars())

        return await self._database.call(work)

    def _ids(self, batch: Sequence[Settlement]) -> Parameters:
        return {IDS: self._database.dialect.ids(sorted({one.receipt.id for one in batch}))}

    def _each(self, statement: sa.Update) -> Act:
        async def act(connection: AsyncConnection, batch: Sequence[Settlement]) -> int:
            return (await connection.execute(statement, [_parameters(one) for one in batch])).rowcount

        return act

    def _groups(self, batch: Iterable[Settlement]) -> list[Parameters]:
        """Parameters of one statement for each number of deliveries; mostly there is one."""
        groups: dict[int, list[int]] = {}
        for one in batch:
            groups.setdefault(one.receipt.deliveries, []).append(one.receipt.id)
        ids = self._database.dialect.ids
        return [{IDS: ids(sorted(group)), "b_deliveries": count} for count, group in groups.items()]


def _parameters(one: Settlement) -> Parameters:
    return {"b_id": one.receipt.id, "b_deliveries": one.receipt.deliveries, **one.values}


def _lost(one: Settlement) -> LeaseLostError:
    return LeaseLostError(f"message {one.receipt.id}: delivery {one.receipt.deliveries} is settled, or over")
