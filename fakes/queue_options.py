"""The dials of the queue model."""

from __future__ import annotations

from msgspec import Struct

from cloud_tasks.core.arguments import check_positive


class QueueOptions(Struct, frozen=True, kw_only=True):
    """How a queue behaves; the defaults are those of Amazon SQS, but for strict receipts.

    Attributes:
        lease_s: Visibility timeout: how long a delivery is hidden from others, in seconds.
        lease_s_max: Longest lease that one `extend` gives, counted from the call.
        lease_total_s_max: Longest time from a delivery to the end of its lease, extensions included.
        delay_s_max: Longest delay that `nack` gives; longer ones are clipped.
        send_delay_s_max: Longest delay that `send` takes; longer ones are refused.
        wait_s_max: Longest long poll; a longer wait is cut short.
        batch_size_max: Most messages that one `receive` hands out.
        message_size_bytes_max: Largest message; None: no limit.
        max_receive_count: A message that was delivered this often (interruptions left out) goes to the
            dead-letter queue instead of being delivered again; None: no limit.
        retention_s: A message older than this is removed, wherever it is; None: kept for ever.
        counts_interruptions: Whether hand-backs that are not the task's fault are counted apart.
        settles_after_expiry: Whether the newest receipt still settles when its lease is over and nobody else
            has the message yet, as on SQS.
        extend_renews_receipt: Whether `extend` gives a new receipt and makes the old one out of date.
    """

    lease_s: float = 30.0
    lease_s_max: float = 43_200.0
    lease_total_s_max: float = 43_200.0
    delay_s_max: float = 43_200.0
    send_delay_s_max: float = 900.0
    wait_s_max: float = 20.0
    batch_size_max: int = 10
    message_size_bytes_max: int | None = 1_048_576
    max_receive_count: int | None = None
    retention_s: float | None = None
    counts_interruptions: bool = True
    settles_after_expiry: bool = False
    extend_renews_receipt: bool = False

    def __post_init__(self) -> None:
        """Refuse what no queue could do.

        Raises:
            ValueError: A time or a number is not positive, or the first lease is longer than the longest.
        """
        for name in ("lease_s", "lease_s_max", "lease_total_s_max", "wait_s_max", "batch_size_max"):
            check_positive(name, getattr(self, name))
        for name in ("message_size_bytes_max", "max_receive_count", "retention_s"):
            if (value := getattr(self, name)) is not None:
                check_positive(name, value)
        if self.lease_s > min(self.lease_s_max, self.lease_total_s_max):
            raise ValueError(f"lease_s is {self.lease_s}, and longer than the longest lease")
