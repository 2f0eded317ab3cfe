"""`PubSubQueue`: a subscription as a `TaskQueue`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cloud_tasks.core.arguments import check_not_negative, check_positive, check_receive
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.task import HandBack, Lease, Outcome
from cloud_tasks.errors import LeaseLostError, QueueUnavailableError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.gathering import GATHER_S, Answers, Gatherer
from cloud_tasks.queues.pubsub.ack_requests import AckRequests, Refused
from cloud_tasks.queues.pubsub.calls import Calls
from cloud_tasks.queues.pubsub.facts import SubscriptionFacts
from cloud_tasks.queues.pubsub.leases import Delivery, PubSubLease, delivery_of, lease_of
from cloud_tasks.queues.pubsub.limits import (
    ACK_IDS_MAX,
    ATTRIBUTE_BYTES_MAX,
    LEASE_S_MAX,
    MESSAGE_BYTES_MAX,
    PULL_MESSAGES_MAX,
    lease_seconds,
    whole_seconds,
)
from cloud_tasks.queues.pubsub.publishing import Publishing, message
from cloud_tasks.queues.pubsub.pulling import Puller, Received

REASON_ATTRIBUTE = "reason"
"""The attribute of a dead letter that says why it is one."""
SURE_WAIT_S = 2.0
"""The service does not say how soon it finds a message; a pull that waits for less may well miss it."""
LATE_SHARE = 0.1
"""A lease of which more than this share went by in the pull is renewed at once."""


def capabilities_of(*, counts_deliveries: bool, dead_letters: bool) -> QueueCapabilities:
    """Leases and delays of up to 600 s; neither interruptions nor the history of a task are kept."""
    return QueueCapabilities(
        lease_s_max=float(LEASE_S_MAX),
        delay_s_max=float(LEASE_S_MAX),
        message_size_bytes_max=MESSAGE_BYTES_MAX,
        batch_size_max=PULL_MESSAGES_MAX,
        gather_s=GATHER_S,
        sure_wait_s=SURE_WAIT_S,
        delivery_count=counts_deliveries,
        dead_letters=dead_letters,
    )


class PubSubQueue:
    """Takes tasks from a subscription with unary pulls, under leases of its own.

    Without exactly-once delivery Pub/Sub accepts an ack that comes too late, and may deliver a message twice
    at any time; then only what was settled through this object is refused. With it, every settlement and
    extension is confirmed by the service, or raises.

    Args:
        calls: The connection.
        facts: What is known of the subscription.
        dead_letters: Where `dead_letter` publishes; None: there is no such place.
        lease_s: How long leases are to be, in seconds.
        clock: Time.
    """

    def __init__(
        self,
        calls: Calls,
        facts: SubscriptionFacts,
        dead_letters: Publishing | None,
        lease_s: float,
        clock: Clock,
    ) -> None:
        self._facts = facts
        self._lease_s = lease_seconds(lease_s)
        self._clock = clock
        self._puller = Puller(calls, facts.name, clock)
        self._dead_letters = dead_letters
        self._requests = AckRequests(calls, facts.name)
        self._acks = Gatherer(self._acknowledge, ACK_IDS_MAX)
        self._deadlines: dict[int, Gatherer[str]] = {}
        self._capabilities = capabilities_of(
            counts_deliveries=facts.counts_deliveries, dead_letters=dead_letters is not None
        )

    @property
    def capabilities(self) -> QueueCapabilities:
        """Leases and delays of up to 600 s; the rest follows from the subscription."""
        return self._capabilities

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        """Lease up to `tasks_max` tasks; see `TaskQueue`.

        What a cancelled call may have taken comes again after the subscription's ack deadline; see `Puller`.
        """
        check_receive(tasks_max, wait_s)
        issued_at = self._clock.monotonic()
        received = await self._puller.pull(tasks_max, wait_s)
        if not received:
            return []
        given_s = self._facts.ack_deadline_s
        late_s = self._clock.monotonic() - issued_at
        if given_s == self._lease_s and late_s <= given_s * LATE_SHARE:
            return [lease_of(one, float(given_s)) for one in received]
        return await self._lease(received, issued_at)

    async def extend(self, lease: Lease, seconds: float) -> Lease:
        """Make the lease end `seconds` from now, at most 600; see `TaskQueue`."""
        check_positive("seconds", seconds)
        delivery = delivery_of(lease)
        whole_s = whole_seconds(seconds)
        await _settled(delivery, self._deadline(whole_s).submit(lease.receipt), lasts=True)
        return PubSubLease(
            task=lease.task,
            key=lease.key,
            receipt=lease.receipt,
            duration_s=float(whole_s),
            delivery_count=lease.delivery_count,
            delivery=delivery,
        )

    async def ack(self, lease: Lease, outcome: Outcome) -> None:
        """Settle for good; see `TaskQueue`."""
        await _settled(delivery_of(lease), self._acks.submit(lease.receipt))

    async def nack(self, lease: Lease, delay_s: float, reason: HandBack) -> None:
        """Hand back; see `TaskQueue`.

        A delay is a last lease of that length, which nobody renews: it ends by itself, whatever becomes of
        this process.
        """
        check_not_negative("delay_s", delay_s)
        delivery = delivery_of(lease)
        await _settled(delivery, self._deadline(whole_seconds(delay_s)).submit(lease.receipt))

    async def dead_letter(self, lease: Lease, reason: str) -> None:
        """Publish the message, byte for byte, to the dead-letter topic, and settle; see `TaskQueue`.

        Where there is no such topic the message is put aside for ten minutes: it must not be deleted.
        """
        delivery = delivery_of(lease)
        if self._dead_letters is None:
            await _settled(delivery, self._deadline(LEASE_S_MAX).submit(lease.receipt))
            return
        if self._facts.exactly_once:  # one that is somebody else's by now must leave no dead letter
            await _settled(delivery, self._deadline(self._lease_s).submit(lease.receipt), lasts=True)
        await self._dead_letters.publish([message(delivery.body, **{REASON_ATTRIBUTE: _short(reason)})])
        await _settled(delivery, self._acks.submit(lease.receipt))

    async def aclose(self) -> None:
        """Send waiting receivers home, and what was asked for on its way."""
        self._puller.close()
        for gatherer in (self._acks, *self._deadlines.values()):
            await gatherer.aclose()

    async def _acknowledge(self, ack_ids: Sequence[str]) -> Answers:
        return _in_order(ack_ids, await self._requests.acknowledge(ack_ids))

    def _deadline(self, seconds: int) -> Gatherer[str]:
        gatherer = self._deadlines.get(seconds)
        if gatherer is None:

            async def request(ack_ids: Sequence[str]) -> Answers:
                return _in_order(ack_ids, await self._requests.set_deadline(ack_ids, seconds))

            gatherer = self._deadlines[seconds] = Gatherer(request, ACK_IDS_MAX)
        return gatherer

    async def _lease(self, received: Sequence[Received], issued_at: float) -> list[Lease]:
        """Give what was pulled leases of the length that was asked for, counted from `issued_at`."""
        ack_ids = [one.ack_id for one in received]
        extended_at = self._clock.monotonic()
        try:
            refused = await self._requests.set_deadline(ack_ids, self._lease_s)
        except BaseException:  # boundary: handed back, and raised again
            self._hand_back(ack_ids)
            raise
        leased_s = extended_at - issued_at + self._lease_s
        leases: list[Lease] = [lease_of(one, leased_s) for one in received if one.ack_id not in refused]
        if refused:
            leases += self._as_given(received, refused, issued_at)
        return leases

    def _as_given(self, received: Sequence[Received], refused: Refused, issued_at: float) -> list[Lease]:
        """Leases as the service gave them, for what nobody could be asked about; not for what is lost.

        Raises:
            QueueUnavailableError: Those leases may be over by now; all that was pulled comes again by itself.
        """
        given_s = float(self._facts.ack_deadline_s)
        unknown = [one for one in received if isinstance(refused.get(one.ack_id), QueueUnavailableError)]
        if unknown and self._clock.monotonic() - issued_at > given_s / 2:
            if len(unknown) == len(received):
                raise refused[unknown[0].ack_id]
            unknown = []
        return [lease_of(one, given_s) for one in unknown]

    def _hand_back(self, ack_ids: Sequence[str]) -> None:
        for ack_id in ack_ids:
            self._deadline(0).submit(ack_id)


async def _settled(delivery: Delivery, answer: asyncio.Future[None], *, lasts: bool = False) -> None:
    """Wait for the answer; the delivery is over then, unless its lease lasts."""
    try:
        await answer
    except LeaseLostError:
        delivery.settled = True
        raise
    if not lasts:
        delivery.settled = True


def _in_order(ack_ids: Sequence[str], refused: Refused) -> Answers:
    return [refused.get(ack_id) for ack_id in ack_ids]


def _short(reason: str) -> str:
    return reason.encode()[:ATTRIBUTE_BYTES_MAX].decode(errors="ignore")
