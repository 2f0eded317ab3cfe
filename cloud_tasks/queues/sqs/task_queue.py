"""`SqsQueue`: a queue of SQS as a `TaskQueue`."""

from __future__ import annotations

import asyncio
import logging

from msgspec import Struct
from msgspec.structs import replace

from cloud_tasks.core.arguments import check_not_negative, check_positive, check_receive
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.task import HandBack, Lease, Outcome
from cloud_tasks.errors import LeaseLostError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.gathering import GATHER_S, Gatherer
from cloud_tasks.queues.sqs.batches import Batches
from cloud_tasks.queues.sqs.bodies import as_attribute
from cloud_tasks.queues.sqs.calls import Calls
from cloud_tasks.queues.sqs.failures import CallFailedError
from cloud_tasks.queues.sqs.leases import Delivery, delivery_of
from cloud_tasks.queues.sqs.limits import (
    BATCH_MAX,
    LEASE_S_MAX,
    MESSAGE_BYTES_MAX,
    REASON_CHARS_MAX,
    WAIT_S_MAX,
    whole_seconds,
)
from cloud_tasks.queues.sqs.names import digest
from cloud_tasks.queues.sqs.polls import Polls

REASON_ATTRIBUTE = "reason"
"""The attribute of a dead letter that says why it is one."""
_TEXT = "String"
NEVER_TAKEN = frozenset(("InvalidMessageContents", "InvalidParameterValue", "MessageTooLong"))
"""How a queue refuses a message that is too large for it, or that has signs which it does not take."""
ASIDE_S = 600
"""How long a message that nobody can work on stays out of sight where there is no place for dead letters."""

_log = logging.getLogger("cloud_tasks.sqs")


class QueueFacts(Struct, frozen=True, kw_only=True):
    """What is known of a queue.

    Attributes:
        url: Its address.
        fifo: Whether it is a FIFO queue.
        dead_letter_url: Address of the queue for dead letters; None: there is none.
    """

    url: str
    fifo: bool
    dead_letter_url: str | None = None


def capabilities_of(lease_s: float, *, dead_letters: bool) -> QueueCapabilities:
    """What a queue can do whose leases last so long."""
    return QueueCapabilities(
        lease_s=float(whole_seconds(lease_s)),
        lease_s_max=float(LEASE_S_MAX),
        lease_total_s_max=float(LEASE_S_MAX),
        delay_s_max=float(LEASE_S_MAX),
        message_size_bytes_max=MESSAGE_BYTES_MAX,
        batch_size_max=BATCH_MAX,
        gather_s=GATHER_S,
        sure_wait_s=1.0,  # a receive that does not wait asks some of the service's machines, not all
        delivery_count=True,
        dead_letters=dead_letters,
    )


class SqsQueue:
    """Takes tasks from a queue of SQS.

    A standard queue accepts a receipt that is out of date, and may deliver a message twice at any time; only
    what was settled through this object is refused. A FIFO queue refuses a receipt whose time is over.

    Args:
        calls: The connection.
        facts: What is known of the queue.
        lease_s: Visibility timeout of what is received, in seconds.
        clock: Time.
    """

    def __init__(self, calls: Calls, facts: QueueFacts, lease_s: float, clock: Clock) -> None:
        self._calls = calls
        self._facts = facts
        self._lease_s = whole_seconds(lease_s)
        self._clock = clock
        batches = Batches(calls, facts.url)
        self._deletes: Gatherer[str] = Gatherer(batches.delete, BATCH_MAX)
        self._visibilities: Gatherer[tuple[str, int]] = Gatherer(batches.set_visibility, BATCH_MAX)
        self._polls = Polls(calls, facts.url, self._lease_s, self._make_visible, clock)
        self._told = False
        self._capabilities = capabilities_of(lease_s, dead_letters=facts.dead_letter_url is not None)

    @property
    def capabilities(self) -> QueueCapabilities:
        """Leases of up to twelve hours in all; batches of ten; deliveries are counted, interruptions too."""
        return self._capabilities

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        """Lease up to `tasks_max` tasks; see `TaskQueue`, and `Polls` for a call that is cancelled."""
        check_receive(tasks_max, wait_s)
        return await self._polls.receive(tasks_max, min(wait_s, WAIT_S_MAX))

    async def extend(self, lease: Lease, seconds: float) -> Lease:
        """Make the lease end `seconds` from now; see `TaskQueue`."""
        check_positive("seconds", seconds)
        delivery = delivery_of(lease)
        whole_s = self._within_total(delivery, seconds)
        if whole_s <= 0:
            raise LeaseLostError(f"message {lease.key} has been held for {LEASE_S_MAX} s, the longest time")
        await _settled(delivery, self._visibilities.submit((lease.receipt, whole_s)), lasts=True)
        return replace(lease, duration_s=float(whole_s))

    async def ack(self, lease: Lease, outcome: Outcome) -> None:
        """Settle for good; see `TaskQueue`."""
        await _settled(delivery_of(lease), self._deletes.submit(lease.receipt))

    async def nack(self, lease: Lease, delay_s: float, reason: HandBack) -> None:
        """Hand back: visible again after `delay_s`, whatever becomes of this process; see `TaskQueue`."""
        check_not_negative("delay_s", delay_s)
        delivery = delivery_of(lease)
        whole_s = max(self._within_total(delivery, delay_s), 0)
        await _settled(delivery, self._visibilities.submit((lease.receipt, whole_s)))

    async def dead_letter(self, lease: Lease, reason: str) -> None:
        """Send the message, byte for byte, to the dead-letter queue, and only then delete it here.

        Where there is none, or it never takes such a message, that is put aside for ten minutes: it must not
        be deleted.
        """
        delivery = delivery_of(lease)
        if self._facts.dead_letter_url is None or not await self._bury(lease, delivery.body, reason):
            await _settled(delivery, self._visibilities.submit((lease.receipt, ASIDE_S)))
            return
        await _settled(delivery, self._deletes.submit(lease.receipt))

    async def _bury(self, lease: Lease, body: str, reason: str) -> bool:
        """Send it to the dead-letter queue; False if that will never take it, which is said once."""
        try:
            await self._calls.call(
                "send_message",
                QueueUrl=self._facts.dead_letter_url,
                MessageBody=body,
                **_reason_members(reason, body),
                **self._fifo_members(lease),
            )
        except CallFailedError as error:
            if error.code not in NEVER_TAKEN:
                raise
            if not self._told:
                self._told = True
                _log.warning(
                    "message %s is put aside for %d s each time, as the dead-letter queue never takes it: %s",
                    lease.key,
                    ASIDE_S,
                    error.text,
                )
            return False
        return True

    async def aclose(self) -> None:
        """Send what is on its way; wait a little for a poll that was given up, to hand back what it brings.

        A poll that lasts longer may bring messages that come again only when their visibility timeout ends.
        """
        await self._polls.aclose()
        await self._deletes.aclose()
        await self._visibilities.aclose()

    def _make_visible(self, receipt: str) -> None:
        """Hand back what nobody has seen; nobody waits for the answer."""
        self._visibilities.submit((receipt, 0))

    def _within_total(self, delivery: Delivery, seconds: float) -> int:
        """A timeout that SQS can give: it counts twelve hours from the receive."""
        held_s = self._clock.monotonic() - delivery.taken_at
        return min(whole_seconds(seconds), int(LEASE_S_MAX - held_s) - 1)

    def _fifo_members(self, lease: Lease) -> dict[str, str]:
        if not self._facts.fifo:
            return {}
        # The same dead letter once, however often the reply is lost.
        return {"MessageGroupId": lease.key, "MessageDeduplicationId": digest(lease.key.encode())}


async def _settled(delivery: Delivery, answer: asyncio.Future[None], *, lasts: bool = False) -> None:
    """Wait for the answer; the delivery is over then, unless its lease lasts."""
    try:
        await answer
    except LeaseLostError:
        delivery.settled = True
        raise
    if not lasts:
        delivery.settled = True


def _reason_members(reason: str, body: str) -> dict[str, object]:
    """Why, as an attribute; as far as there is room beside the message."""
    room = MESSAGE_BYTES_MAX - len(body.encode("utf-8", "surrogatepass")) - len(REASON_ATTRIBUTE) - len(_TEXT)
    text = as_attribute(reason, REASON_CHARS_MAX).encode()[: max(room, 0)].decode(errors="ignore")
    if not text:
        return {}
    return {"MessageAttributes": {REASON_ATTRIBUTE: {"DataType": _TEXT, "StringValue": text}}}
