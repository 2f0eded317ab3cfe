"""`SimulatedQueue`: the broker as one worker sees it over its link."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial

from cloud_tasks.core.arguments import check_not_negative, check_positive, check_receive
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.task import HandBack, Lease, Outcome
from cloud_tasks.errors import QueueError
from fakes.message_store import MessageStore
from simulation.broker import Broker
from simulation.hosts import Host
from simulation.link import Link
from simulation.link_calls import Asked, about


class SimulatedQueue:
    """A `TaskQueue` on a broker, with all that a network does to calls.

    Args:
        host: The worker.
        broker: The queue.
        link: The way to it.
        gathers_acks: Whether it is a `BatchingQueue`: acks are handed over to it, and nobody waits in a call.
    """

    def __init__(self, host: Host, broker: Broker, link: Link, *, gathers_acks: bool = False) -> None:
        self._gathers_acks = gathers_acks
        self._worker = host.name
        self._broker = broker
        self._link = link
        self._late: dict[asyncio.Task[None], None] = {}
        self._closed = False
        options = broker.options
        self._capabilities = QueueCapabilities(
            lease_s=options.lease_s,
            lease_s_max=options.lease_s_max,
            lease_total_s_max=options.lease_total_s_max,
            delay_s_max=options.delay_s_max,
            message_size_bytes_max=options.message_size_bytes_max,
            batch_size_max=options.batch_size_max,
            delivery_count=True,
            counts_interruptions=options.counts_interruptions,
            dead_letters=True,
            fenced=not options.settles_after_expiry,
        )

    @property
    def capabilities(self) -> QueueCapabilities:
        """What follows from the broker's options."""
        return self._capabilities

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        """Lease up to `tasks_max` tasks; see `TaskQueue`. What a cancelled call brings is handed back."""
        check_receive(tasks_max, wait_s)
        take = partial(self._broker.take, self._worker, tasks_max, wait_s)
        asked = Asked(operation="receive", seconds=wait_s, tasks_max=tasks_max)
        leases: list[Lease] = await self._link.start(asked, take, self._hand_back)
        return leases

    async def extend(self, lease: Lease, seconds: float) -> Lease:
        """Make the lease end `seconds` from now; see `TaskQueue`."""
        check_positive("seconds", seconds)
        effect = partial(self._broker.extend, self._worker, lease, seconds)
        return await self._link.call(about("extend", lease, seconds=seconds), effect)

    async def ack(self, lease: Lease, outcome: Outcome) -> None:
        """Settle for good; see `TaskQueue`."""
        await self._send_ack(lease, outcome)

    def submit_ack(self, lease: Lease, outcome: Outcome) -> asyncio.Future[None] | None:
        """Settle for good; see `BatchingQueue`."""
        return self._send_ack(lease, outcome) if self._gathers_acks else None

    def _send_ack(self, lease: Lease, outcome: Outcome) -> asyncio.Future[None]:
        effect = partial(self._broker.settle, self._worker, partial(self._ack, lease))
        return self._link.call(about("ack", lease, outcome=outcome), effect)

    def _ack(self, lease: Lease, store: MessageStore, now: float) -> None:
        if self._broker.forgets(lease.task.task_id, lease.delivery_count or 0):
            store.forget_ack(now, lease.key, lease.receipt)
        else:
            store.ack(now, lease.key, lease.receipt)

    async def nack(self, lease: Lease, delay_s: float, reason: HandBack) -> None:
        """Hand back; see `TaskQueue`."""
        check_not_negative("delay_s", delay_s)
        interrupted = reason is not HandBack.RETRY
        await self._settle(
            about("nack", lease, seconds=delay_s, reason=reason.value),
            lambda store, now: store.nack(now, lease.key, lease.receipt, delay_s, interrupted=interrupted),
        )

    async def dead_letter(self, lease: Lease, reason: str) -> None:
        """Move the message to the dead-letter queue; see `TaskQueue`."""
        await self._settle(
            about("dead_letter", lease, reason=reason),
            lambda store, now: store.dead_letter(now, lease.key, lease.receipt, reason),
        )

    async def aclose(self) -> None:
        """Let go of the connection: what comes now is handed back by nobody, and comes again by itself."""
        self._closed = True
        self._link.hang_up()
        late = list(self._late)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _settle(self, asked: Asked, act: Callable[[MessageStore, float], object]) -> None:
        await self._link.call(asked, partial(self._broker.settle, self._worker, act))

    def _hand_back(self, leases: list[Lease]) -> None:
        """Nobody waits any more for what a receive has brought."""
        for lease in () if self._closed else leases:
            task = asyncio.ensure_future(self._nack_late(lease))
            self._late[task] = None
            task.add_done_callback(self._late.pop)

    async def _nack_late(self, lease: Lease) -> None:
        with contextlib.suppress(QueueError):  # it comes again by itself when its lease is over
            await self.nack(lease, 0.0, HandBack.INTERRUPTED)
