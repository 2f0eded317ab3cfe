"""`SqlQueue`: one queue in a table, as a `TaskQueue`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias, TypeVar

from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud_tasks.core.arguments import check_not_negative, check_positive, check_receive
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.task import HandBack, Lease, Outcome
from cloud_tasks.errors import LeaseLostError, QueueUnusableError
from cloud_tasks.queues.gathering import GATHER_S, Answers, Gatherer
from cloud_tasks.queues.sql.completed import record_of
from cloud_tasks.queues.sql.database import StatementFailedError, outcome
from cloud_tasks.queues.sql.dialect import IDS
from cloud_tasks.queues.sql.direct import Found
from cloud_tasks.queues.sql.faults import Faults
from cloud_tasks.queues.sql.head import Head
from cloud_tasks.queues.sql.leases import (
    US,
    Receipt,
    due_at_of,
    encode_history,
    lease_of,
    place_in_line,
    receipt_of,
    visible_at_of,
)
from cloud_tasks.queues.sql.limits import BATCH_MAX, BODY_BYTES_MAX, YEAR_S, text_of
from cloud_tasks.queues.sql.parts import Parts
from cloud_tasks.queues.sql.settlements import Settlement, Settlements

T = TypeVar("T")
Request: TypeAlias = Callable[[Sequence[Settlement]], Awaitable[Answers]]
"""What a gatherer has done with a batch."""

CLOSE_S = 4.0
"""How long `aclose` waits for a receive that was given up, to hand back what it brings."""


class SqlQueue:
    """Takes tasks from a table.

    Args:
        parts: What all queues of the database share.
        queue: Its name.
        lease_s: Length of a lease, in seconds.
        faults: Finds out what a statement that failed says of the tables.
    """

    def __init__(self, parts: Parts, queue: str, lease_s: float, faults: Faults) -> None:
        self._parts = parts
        self._faults = faults
        self._queue = queue
        self._lease_s = min(lease_s, YEAR_S)
        self._lease_us = int(self._lease_s * US)
        settlements = Settlements(parts, queue)
        self._acks: Gatherer[Settlement] = Gatherer(self._settling(settlements.ack), BATCH_MAX)
        self._nacks: Gatherer[Settlement] = Gatherer(self._settling(settlements.nack), BATCH_MAX)
        self._extensions: Gatherer[Settlement] = Gatherer(settlements.extend, BATCH_MAX)
        self._dead_letters: Gatherer[Settlement] = Gatherer(
            self._settling(settlements.dead_letter), BATCH_MAX
        )
        self._head = Head(parts.clock)
        self._closing = False
        self._has_bell = False
        self._late: set[asyncio.Future[Found]] = set()
        self._capabilities = QueueCapabilities(
            lease_s=self._lease_s,
            lease_s_max=YEAR_S,
            delay_s_max=YEAR_S,
            message_size_bytes_max=BODY_BYTES_MAX,
            batch_size_max=BATCH_MAX,
            gather_s=GATHER_S,
            delivery_count=True,
            counts_interruptions=True,
            dead_letters=True,
            history=True,
            fenced=True,
        )

    @property
    def capabilities(self) -> QueueCapabilities:
        """Leases and delays of up to a year; deliveries and interruptions are counted; history is kept."""
        return self._capabilities

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        """Lease up to `tasks_max` tasks; see `TaskQueue`.

        A call that is cancelled goes on; what it brings is handed back at once.

        Raises:
            QueueUnusableError: Somebody has changed the tables, so that it cannot work any more.
        """
        check_receive(tasks_max, wait_s)
        return await self._unless_unusable(lambda: self._receive(tasks_max, wait_s))

    async def _receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        if self._closing:
            return []
        deadline = self._parts.clock.monotonic() + wait_s
        leases = await self._take(tasks_max)
        while not leases and wait_s and await self._wait_due(deadline):
            leases = await self._take(tasks_max)
        return leases

    async def wait_ready(self, wait_s: float) -> None:
        """Return when a task may be there; see `WaitableQueue`."""
        check_not_negative("wait_s", wait_s)
        deadline = self._parts.clock.monotonic() + wait_s
        await self._unless_unusable(lambda: self._wait_due(deadline))

    async def extend(self, lease: Lease, seconds: float) -> Lease:
        """Make the lease end `seconds` from now; see `TaskQueue`."""
        check_positive("seconds", seconds)
        seconds = min(seconds, YEAR_S)
        await self._extensions.submit(Settlement(receipt_of(lease), {"b_lease": int(seconds * US)}))
        return structs.replace(lease, duration_s=seconds)

    async def ack(self, lease: Lease, outcome: Outcome) -> None:
        """Settle for good; see `TaskQueue`. A lease that is over is still good while nobody else has one."""
        await self.submit_ack(lease, outcome)

    def submit_ack(self, lease: Lease, outcome: Outcome) -> asyncio.Future[None]:
        """See `BatchingQueue`."""
        self._parts.bell.stir()
        receipt = receipt_of(lease)
        if self._parts.tables.completed is None:
            return self._acks.submit(Settlement(receipt))
        return self._acks.submit(Settlement(receipt, record_of(lease, outcome, self._queue)))

    async def nack(self, lease: Lease, delay_s: float, reason: HandBack) -> None:
        """Hand back, with its history; see `TaskQueue`."""
        check_not_negative("delay_s", delay_s)
        values = {
            "b_delay": int(min(delay_s, YEAR_S) * US),
            "b_interrupted": int(reason is not HandBack.RETRY),
            "b_history": await self._history(lease),
        }
        await self._nacks.submit(Settlement(receipt_of(lease), values))
        if not delay_s:
            self._parts.bell.ring(self._queue)

    async def dead_letter(self, lease: Lease, reason: str) -> None:
        """Move the message, its history and the reason to the dead letters, in one transaction."""
        values = {"b_reason": text_of(reason), "b_history": await self._history(lease)}
        await self._dead_letters.submit(Settlement(receipt_of(lease), values))

    async def aclose(self) -> None:
        """Send home who waits, hand back what given-up calls bring, and send what is on its way."""
        self._closing = True
        self._parts.bell.ring(self._queue)
        if self._late:
            await asyncio.wait(self._late, timeout=CLOSE_S)
        for gatherer in (self._acks, self._nacks, self._extensions, self._dead_letters):
            await gatherer.aclose()
        if self._has_bell:
            self._has_bell = False
            await self._parts.bell.close()

    # --- Tables that somebody has changed

    async def _unless_unusable(self, call: Callable[[], Awaitable[T]]) -> T:
        """Have something taken or waited for; where the tables are why it cannot be, say so."""
        try:
            if (known := await self._faults.remembered()) is not None:
                raise QueueUnusableError(known)
            return await call()
        except StatementFailedError:
            if (found := await self._faults.after_fault()) is None:
                raise
            raise QueueUnusableError(found) from found

    def _settling(self, request: Request) -> Request:
        """A request that, where the tables are why it fails, is given up: it always would."""

        async def settle(batch: Sequence[Settlement]) -> Answers:
            try:
                return await request(batch)
            except StatementFailedError:
                if (found := await self._faults.after_fault()) is None:
                    raise
                self._parts.bell.fail(QueueUnusableError(found))
                return [LeaseLostError(str(found))] * len(batch)

        return settle

    # --- Taking

    async def _take(self, tasks_max: int) -> list[Lease]:
        count, begin = min(tasks_max, BATCH_MAX), self._head.begin()
        rows = await self._search(count, begin)
        if not rows and begin:
            rows = await self._search(count, 0)
        self._head.found(due_at_of(rows[0]) if len(rows) == count else None)
        if rows:
            self._parts.bell.stir()
            self._parts.server_time.learn(visible_at_of(rows[0]) - self._lease_us)
        return [lease_of(row, self._queue, self._lease_s) for row in rows]

    async def _search(self, count: int, begin: int) -> Found:
        parameters = {
            "b_queue": self._queue,
            "b_count": count,
            "b_begin": begin,
            "b_lease": self._lease_us,
        }
        answer = self._start_taking(parameters)
        try:
            rows = await outcome(answer)
        except asyncio.CancelledError:
            self._late.add(answer)
            answer.add_done_callback(self._hand_back)
            raise
        return sorted(rows, key=place_in_line)

    def _start_taking(self, parameters: dict[str, object]) -> asyncio.Future[Found]:
        statements, database = self._parts.statements, self._parts.database

        async def in_two_steps(connection: AsyncConnection) -> Found:
            rows = [tuple(row) for row in await connection.execute(statements.find, parameters)]
            if rows:
                ids = database.dialect.ids([row[0] for row in rows])
                await connection.execute(statements.mark, {IDS: ids, "b_lease": self._lease_us})
            return rows

        if statements.take is None:
            return database.start_transaction(in_two_steps)
        return database.start_direct(statements.take, parameters)

    def _hand_back(self, answer: asyncio.Future[Found]) -> None:
        self._late.discard(answer)
        if answer.cancelled() or answer.exception() is not None:
            return
        values = {"b_delay": 0, "b_interrupted": 1}
        for row in answer.result():
            self._nacks.submit(Settlement(Receipt.of_row(row), {**values, "b_history": row[-1]}))

    # --- Waiting

    async def _wait_due(self, deadline: float) -> bool:
        """Wait until there may be something to take; False at the deadline, and when we are closed."""
        clock, bell = self._parts.clock, self._parts.bell
        if self._closing or clock.monotonic() >= deadline:
            return False
        if not self._has_bell:
            self._has_bell = True
            bell.open()
        rung = bell.waiter(self._queue)
        sleep = asyncio.ensure_future(clock.sleep_until(deadline))
        try:
            await asyncio.wait((sleep, rung), return_when=asyncio.FIRST_COMPLETED)
            if not rung.done():
                return False
            rung.result()
            return not self._closing
        finally:
            sleep.cancel()
            bell.forget(self._queue, rung)

    async def _history(self, lease: Lease) -> str | None:
        if not lease.history:
            return None
        return encode_history(lease.history, await self._parts.server_now())
