"""What differs between queue backends, as values that the core reads."""

from __future__ import annotations

from msgspec import Struct


class QueueCapabilities(Struct, frozen=True, kw_only=True):
    """What differs between backends, as values; the core reads them and decides.

    Attributes:
        lease_s: Length of a lease as `receive` gives it, counted from when the task was found; None where
            that is not known, or where leases count from the end of the call.
        lease_s_max: Longest lease that one `extend` can give, in seconds; None: leases never expire.
        lease_total_s_max: Longest time a message can be held in all, in seconds; None: no such limit.
        renewable: Whether `extend` works.
        delay_s_max: Longest delay that `nack` can give, in seconds; 0 where it takes none.
        message_size_bytes_max: Largest message; None: no limit known.
        batch_size_max: Most tasks that one `receive` hands out.
        gather_s: How long it pays to wait for more free slots before a `receive`, in seconds: where a call
            costs much more than a task of it.
        sure_wait_s: How long a `receive` has to wait, in seconds, for its empty answer to mean that there is
            nothing; one that waits for less may miss what is there.
        delivery_count: Whether leases carry one.
        counts_interruptions: Whether the backend remembers `HandBack.INTERRUPTED` apart from attempts.
        requeues: Whether a task that was handed back comes again.
        decides_retries: Whether the backend itself decides, from the outcome that `ack` brings, if and when a
            task is tried again; the worker then hands back what was interrupted, and nothing else.
        dead_letters: Whether `dead_letter` keeps the message somewhere.
        history: Whether `nack` and `dead_letter` keep the lease's `history`, so that the next lease has it.
        fenced: Whether a receipt that is out of date is refused, always: an extension that is confirmed then
            proves that the task is ours, however late the answer comes.
        finite: Whether `receive` raises `EndOfTasks` when all has been handed out.
        immediate: Whether `ack`, `nack` and `dead_letter` never suspend, so that the worker makes them on the
            spot.
    """

    lease_s: float | None = None
    lease_s_max: float | None = None
    lease_total_s_max: float | None = None
    renewable: bool = True
    delay_s_max: float = 0.0
    message_size_bytes_max: int | None = None
    batch_size_max: int = 10
    gather_s: float = 0.0
    sure_wait_s: float = 0.0
    delivery_count: bool = False
    counts_interruptions: bool = False
    requeues: bool = True
    decides_retries: bool = False
    dead_letters: bool = False
    history: bool = False
    fenced: bool = False
    finite: bool = False
    immediate: bool = False

    @property
    def held_s_max(self) -> float | None:
        """Longest time that one delivery can be held, in seconds; None: for as long as one likes."""
        limits = [self.lease_total_s_max]
        if not self.renewable:
            limits.append(self.lease_s_max)
        return min((limit for limit in limits if limit is not None), default=None)
