"""A lease of a message, with what its settlement needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from cloud_tasks.core.message import decode_task
from cloud_tasks.core.task import Lease
from cloud_tasks.errors import LeaseLostError


class Delivery(Struct, kw_only=True):
    """One delivery of a message, shared by all the leases that are made of it.

    Attributes:
        body: The message's text.
        taken_at: When the receive that brought it was issued.
        settled: Whether it was settled through us, or is known to be somebody else's.
    """

    body: str
    taken_at: float
    settled: bool = False


class SqsLease(Lease, frozen=True, kw_only=True):
    """A `Lease` that knows its delivery."""

    delivery: Delivery


def lease_of(
    message: Mapping[str, Any], duration_s: float, taken_at: float, interruptions: int = 0
) -> SqsLease:
    """The lease of a message that was received, after so many deliveries that were no attempts."""
    body = message.get("Body", "")
    count = message.get("Attributes", {}).get("ApproximateReceiveCount")
    return SqsLease(
        task=decode_task(body.encode("utf-8", "surrogatepass")),
        key=message["MessageId"],
        receipt=message["ReceiptHandle"],
        duration_s=duration_s,
        delivery_count=None if count is None else int(count),
        interruptions=interruptions,
        delivery=Delivery(body=body, taken_at=taken_at),
    )


def delivery_of(lease: Lease) -> Delivery:
    """The delivery, if it is still ours.

    Raises:
        LeaseLostError: It was settled, or lost, or never ours.
    """
    if not isinstance(lease, SqsLease) or lease.delivery.settled:
        raise LeaseLostError(f"message {lease.key} is settled, or not ours")
    return lease.delivery
