"""Leases of the Pub/Sub queue, and how one is settled."""

from __future__ import annotations

from cloud_tasks.core.message import decode_task
from cloud_tasks.core.task import Lease
from cloud_tasks.errors import LeaseLostError
from cloud_tasks.queues.pubsub.pulling import Received


class Delivery:
    """What the leases of one delivery have in common.

    Attributes:
        body: The message byte for byte.
        settled: Whether it has been settled, or is known to be somebody else's.
    """

    __slots__ = ("body", "settled")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.settled = False


class PubSubLease(Lease, frozen=True, kw_only=True, eq=False):
    """A lease that remembers its message, so that nothing has to be kept for leases that nobody settles."""

    delivery: Delivery


def lease_of(received: Received, duration_s: float) -> PubSubLease:
    """The lease that a received message stands for."""
    message = received.message
    body: bytes = message.data
    return PubSubLease(
        task=decode_task(body),
        key=message.message_id,
        receipt=received.ack_id,
        duration_s=duration_s,
        delivery_count=received.delivery_attempt or None,
        delivery=Delivery(body),
    )


def delivery_of(lease: Lease) -> Delivery:
    """The delivery that a lease is of.

    Raises:
        LeaseLostError: It is no lease of this queue, or has been settled.
    """
    if not isinstance(lease, PubSubLease):
        raise LeaseLostError(f"lease {lease.receipt[:20]}... was not given by this queue")
    if lease.delivery.settled:
        raise LeaseLostError("the lease has been settled")
    return lease.delivery
