"""`RedisQueue`: a queue in Redis as a `TaskQueue`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import msgspec

from cloud_tasks.core.arguments import check_not_negative, check_positive, check_receive
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.task import HandBack, Lease, Outcome
from cloud_tasks.errors import LeaseLostError, QueueError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.gathering import Answers, Gatherer
from cloud_tasks.queues.notes import as_text, encode_notes
from cloud_tasks.queues.redis_streams.completed import COMPLETED_MAX, record_of
from cloud_tasks.queues.redis_streams.connection import Connection
from cloud_tasks.queues.redis_streams.keys import GROUP, QueueKeys
from cloud_tasks.queues.redis_streams.leases import Request, leases_of, ms_of
from cloud_tasks.queues.redis_streams.scripts import RECEIVE, SETTLE
from cloud_tasks.queues.redis_streams.waiting import Nothing, Watch

BATCH_MAX = 100
YEAR_S = 365 * 86_400.0
UNDER_WAY_MAX = 2
"""Requests at a time: what comes while they are under way gathers for the next."""
GATHER_S = 0.002
"""A call costs as much as the handling of some ten tasks."""
_encode = msgspec.json.Encoder().encode


class RedisQueue:
    """Takes tasks from a queue in Redis.

    Args:
        connection: The server.
        keys: The queue.
        name: Its name.
        lease_s: How long a lease lasts, in seconds.
        keep_completed: Whether a record of each completed task is kept.
        clock: Time.
    """

    def __init__(
        self,
        connection: Connection,
        keys: QueueKeys,
        name: str,
        lease_s: float,
        clock: Clock,
        *,
        keep_completed: bool,
    ) -> None:
        check_positive("lease_s", lease_s)
        self._connection = connection
        self._keys = keys
        self._name = name
        self._lease_s = lease_s
        self._lease_ms = ms_of(lease_s, YEAR_S)
        self._keep_completed = keep_completed
        self._clock = clock
        self._watch = Watch(connection, keys, clock)
        self._requests: Gatherer[Request] = Gatherer(
            self._carry_out, BATCH_MAX, gather_s=0.0, under_way_max=UNDER_WAY_MAX
        )
        self._late: set[asyncio.Task[Any]] = set()
        self._nothing: Nothing | None = None
        """What the last `receive` was told, if there was no task."""
        self._closing = asyncio.Event()
        self._capabilities = QueueCapabilities(
            lease_s=lease_s,
            lease_s_max=YEAR_S,
            delay_s_max=YEAR_S,
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
        """Everything, in batches of a hundred; leases and delays of up to a year."""
        return self._capabilities

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        """Lease up to `tasks_max` tasks; see `TaskQueue`.

        What a call brings that is cancelled is handed back at once, as an interruption.
        """
        check_receive(tasks_max, wait_s)
        deadline = self._clock.monotonic() + wait_s
        while True:
            answer = await self._take(min(tasks_max, BATCH_MAX))
            if not isinstance(answer, Nothing):
                return answer
            left_s = deadline - self._clock.monotonic()
            if left_s <= 0 or self._closing.is_set():
                return []
            await self._watch.wait(answer, left_s)
            if self._closing.is_set():
                return []

    async def wait_ready(self, wait_s: float) -> None:
        """Return when a task may be there; see `WaitableQueue`."""
        check_not_negative("wait_s", wait_s)
        if self._nothing is not None and not self._closing.is_set():
            await self._watch.wait(self._nothing, wait_s)

    async def extend(self, lease: Lease, seconds: float) -> Lease:
        """Make the lease end `seconds` from now; see `TaskQueue`."""
        check_positive("seconds", seconds)
        await self._requests.submit(("e", lease.receipt, ms_of(seconds, YEAR_S), "", 0))
        return msgspec.structs.replace(lease, duration_s=min(seconds, YEAR_S))

    async def ack(self, lease: Lease, outcome: Outcome) -> None:
        """Settle for good; see `TaskQueue`."""
        await self.submit_ack(lease, outcome)

    def submit_ack(self, lease: Lease, outcome: Outcome) -> asyncio.Future[None]:
        """See `BatchingQueue`."""
        record = record_of(lease, outcome) if self._keep_completed else ""
        return self._requests.submit(("a", lease.receipt, 0, record, 0))

    async def nack(self, lease: Lease, delay_s: float, reason: HandBack) -> None:
        """Hand back; see `TaskQueue`. The task keeps its place in the stream."""
        check_not_negative("delay_s", delay_s)
        await self._requests.submit(_hand_back(lease, delay_s, reason))

    async def dead_letter(self, lease: Lease, reason: str) -> None:
        """Put the message, byte for byte, among the dead letters; see `TaskQueue`."""
        notes = encode_notes(lease.history).decode()
        await self._requests.submit(("d", lease.receipt, 0, notes, as_text(reason)))

    async def aclose(self) -> None:
        """Send what is on its way; what a receive brings that was given up is handed back."""
        self._closing.set()
        await self._watch.aclose()
        if self._late:
            await asyncio.wait(self._late)
            await asyncio.sleep(0)  # what they brought is on its way back
        await self._requests.aclose()

    async def _take(self, tasks_max: int) -> list[Lease] | Nothing:
        call = asyncio.get_running_loop().create_task(self._ask(tasks_max))
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            self._late.add(call)
            call.add_done_callback(self._hand_back)
            raise

    async def _ask(self, tasks_max: int) -> list[Lease] | Nothing:
        answer = await self._connection.run(RECEIVE, self._keys.all, tasks_max, self._lease_ms, GROUP)
        if len(answer) == 2:  # noqa: PLR2004 - leases
            self._nothing = None
            return list(leases_of(answer[0], answer[1], self._lease_s, self._name))
        due_ms, last_id, wake_id = answer
        due_at = self._clock.monotonic() + due_ms / 1000 if due_ms >= 0 else None
        self._nothing = Nothing(due_at, last_id, wake_id)
        return self._nothing

    def _hand_back(self, call: asyncio.Task[list[Lease] | Nothing]) -> None:
        self._late.discard(call)
        with contextlib.suppress(QueueError, asyncio.CancelledError):
            answer = call.result()
            for lease in answer if isinstance(answer, list) else ():
                self._requests.submit(_hand_back(lease, 0.0, HandBack.INTERRUPTED))

    async def _carry_out(self, requests: Sequence[Request]) -> Answers:
        done: bytes = await self._connection.run(SETTLE, self._keys.all, _encode(requests), COMPLETED_MAX)
        return [
            None
            if one == ord("1")
            else LeaseLostError(f"receipt {request[1]} of {self._name} is out of date")
            for one, request in zip(done, requests, strict=True)
        ]


def _hand_back(lease: Lease, delay_s: float, reason: HandBack) -> Request:
    interruptions = lease.interruptions + (reason is not HandBack.RETRY)
    notes = encode_notes(lease.history).decode()
    return "n", lease.receipt, ms_of(delay_s, YEAR_S), notes, interruptions
