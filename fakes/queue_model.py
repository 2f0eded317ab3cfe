"""`InMemoryQueue`: a queue with leases, in memory and on any clock, with constant cost per call."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping

from cloud_tasks.core.arguments import check_not_negative, check_positive, check_receive
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.message import decode_task, encode_task
from cloud_tasks.core.task import HandBack, Lease, Outcome, Task
from cloud_tasks.errors import MessageRefusedError, QueueError
from cloud_tasks.interfaces import Clock
from fakes.history import Fact
from fakes.long_poll import LongPoll
from fakes.message_store import MessageStore
from fakes.messages import DeadLetter, Message
from fakes.queue_options import QueueOptions


class InMemoryQueue:
    """A `TaskQueue`, `TaskSender` and `QueueInspector` with the semantics of SQS and strict receipts.

    Every delivery has a new receipt, and only the newest one settles. Deterministic: the same calls at the
    same times give the same keys, receipts and order. Several workers may share one queue: `aclose` only
    sends waiting receivers home, since there is no connection to let go of.

    Args:
        clock: What time it is; leases and delays end on its monotonic side.
        options: How the queue behaves.
        observe: Called with every fact, in order; the `append` of a list, for instance.
    """

    def __init__(
        self, clock: Clock, options: QueueOptions | None = None, observe: Callable[[Fact], None] | None = None
    ) -> None:
        self._clock = clock
        self._options = options or QueueOptions()
        self._store = MessageStore(self._options, observe)
        self._poll = LongPoll(clock)
        self._exists = True
        self._capabilities = QueueCapabilities(
            lease_s=self._options.lease_s,
            lease_s_max=self._options.lease_s_max,
            lease_total_s_max=self._options.lease_total_s_max,
            delay_s_max=self._options.delay_s_max,
            message_size_bytes_max=self._options.message_size_bytes_max,
            batch_size_max=self._options.batch_size_max,
            delivery_count=True,
            counts_interruptions=self._options.counts_interruptions,
            dead_letters=True,
            fenced=not self._options.settles_after_expiry,
            immediate=True,
        )

    @property
    def capabilities(self) -> QueueCapabilities:
        """What follows from the options."""
        return self._capabilities

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """The dead-letter queue, oldest first."""
        return list(self._store.dead)

    @property
    def accepted(self) -> int:
        """How many messages were ever accepted."""
        return self._store.accepted

    @property
    def acked(self) -> int:
        """How many were acked."""
        return self._store.acked

    @property
    def removed(self) -> int:
        """How many were purged or outlived their retention."""
        return self._store.removed

    # --- TaskQueue

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        """Lease up to `tasks_max` tasks; see `TaskQueue`."""
        check_receive(tasks_max, wait_s)
        leases = self._take(tasks_max)
        deadline = self._clock.monotonic() + min(wait_s, self._options.wait_s_max)
        while not leases and self._clock.monotonic() < deadline:
            due = self._store.next_due()
            if not await self._poll.wait(deadline if due is None else min(due, deadline)):
                break
            leases = self._take(tasks_max)
        return leases

    async def wait_ready(self, wait_s: float) -> None:
        """Return when a task may be received, or after `wait_s`; see `WaitableQueue`."""
        check_not_negative("wait_s", wait_s)
        deadline = self._clock.monotonic() + wait_s
        while not (await self.depth())["visible"] and self._clock.monotonic() < deadline:
            due = self._store.next_due()
            if not await self._poll.wait(deadline if due is None else min(due, deadline)):
                break
            if (await self.depth())["visible"]:
                self._poll.wake_one()  # this one only looks: the message is still there for somebody else

    async def extend(self, lease: Lease, seconds: float) -> Lease:
        """Make the lease end `seconds` from now, or as late as the limits allow; see `TaskQueue`."""
        check_positive("seconds", seconds)
        now = self._clock.monotonic()
        message = self._store.extend(now, lease.key, lease.receipt, seconds)
        self._poll.expect(self._store.next_due())
        until = message.timer.moment if message.timer is not None else now
        return Lease(
            lease.task, lease.key, message.receipt, until - now, lease.delivery_count, lease.interruptions
        )

    async def ack(self, lease: Lease, outcome: Outcome) -> None:
        """Settle for good; see `TaskQueue`."""
        self._store.ack(self._clock.monotonic(), lease.key, lease.receipt)

    async def nack(self, lease: Lease, delay_s: float, reason: HandBack) -> None:
        """Hand back; see `TaskQueue`."""
        check_not_negative("delay_s", delay_s)
        interrupted = reason is not HandBack.RETRY
        self._store.nack(self._clock.monotonic(), lease.key, lease.receipt, delay_s, interrupted=interrupted)
        self._arrived(delay_s)

    async def dead_letter(self, lease: Lease, reason: str) -> None:
        """Move the message, byte for byte, to the dead-letter queue; see `TaskQueue`."""
        self._store.dead_letter(self._clock.monotonic(), lease.key, lease.receipt, reason)

    async def aclose(self) -> None:
        """Send waiting receivers home, with nothing. The queue stays as it is."""
        self._poll.close()

    # --- TaskSender

    async def send(self, task: Task, delay_s: float = 0.0) -> None:
        """Put one task into the queue.

        Raises:
            MessageRefusedError: The task is not JSON, or too large.
            ValueError: The delay is out of range.
        """
        try:
            body = encode_task(task)
        except (ValueError, TypeError) as error:
            raise MessageRefusedError(task.task_id, str(error)) from error
        limit = self._options.message_size_bytes_max
        if limit is not None and len(body) > limit:
            raise MessageRefusedError(task.task_id, f"{len(body)} bytes, and the limit is {limit}")
        await self.send_raw(body, delay_s)

    async def send_many(self, tasks: Iterable[Task]) -> None:
        """Put many in, up to the first that is refused.

        Raises:
            MessageRefusedError: That one; those before it are in the queue.
        """
        for task in tasks:
            await self.send(task)

    async def send_raw(self, body: bytes, delay_s: float = 0.0) -> None:
        """Put any bytes into the queue, as a foreign or faulty producer would."""
        check_not_negative("delay_s", delay_s)
        if delay_s > self._options.send_delay_s_max:
            raise ValueError(f"delay_s is {delay_s}, and the limit is {self._options.send_delay_s_max}")
        self._require()
        self._store.put(self._clock.monotonic(), body, delay_s)
        self._arrived(delay_s)

    # --- QueueInspector

    async def depth(self) -> Mapping[str, int]:
        """Number of messages: "visible", "in_flight", "delayed", "dead"; exact."""
        return self._store.counts(self._clock.monotonic())

    async def peek(self, tasks_max: int) -> list[Task | bytes]:
        """The visible messages that will be handed out next."""
        messages = itertools.islice(self._store.visible(self._clock.monotonic()), tasks_max)
        tasks = ((message.body, decode_task(message.body)) for message in messages)
        return [task if isinstance(task, Task) else body for body, task in tasks]

    async def purge(self) -> None:
        """Remove every message; the dead letters stay."""
        self._store.purge(self._clock.monotonic())

    async def create(self) -> None:
        """Create the queue, if it was deleted."""
        self._exists = True

    async def delete(self) -> None:
        """Delete the queue with its messages; to send and to receive are errors until it is created again."""
        await self.purge()
        self._exists = False
        self._poll.close()

    # ---

    def _require(self) -> None:
        if not self._exists:
            raise QueueError("the queue does not exist")

    def _take(self, tasks_max: int) -> list[Lease]:
        """Nothing is awaited between taking and returning, so that a cancelled receiver has taken nothing."""
        self._require()
        messages = self._store.take(self._clock.monotonic(), min(tasks_max, self._options.batch_size_max))
        if messages:
            self._poll.expect(self._store.next_due())
        return [self._lease(message) for message in messages]

    def _lease(self, message: Message) -> Lease:
        return Lease(
            decode_task(message.body),
            message.key,
            message.receipt,
            self._options.lease_s,
            message.delivery_count,
            message.interruptions,
        )

    def _arrived(self, delay_s: float) -> None:
        if delay_s > 0:
            self._poll.expect(self._store.next_due())
        else:
            self._poll.wake_one()
