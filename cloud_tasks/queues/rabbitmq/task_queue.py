"""`RabbitQueue`: a queue in RabbitMQ as a `TaskQueue`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence

from cloud_tasks.core.arguments import check_not_negative, check_positive, check_receive
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.task import HandBack, Lease, Outcome
from cloud_tasks.errors import LeaseLostError, QueueError, QueueUnavailableError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.gathering import Answers, Gatherer
from cloud_tasks.queues.rabbitmq.inbox import Inbox
from cloud_tasks.queues.rabbitmq.messages import Delivery, again, dead
from cloud_tasks.queues.rabbitmq.publisher import Publisher
from cloud_tasks.queues.rabbitmq.topology import DELAY_S_MAX

BATCH_MAX = 100
MESSAGE_BYTES_MAX = 16_777_216
"""What every broker takes; older ones take more."""
FIRST_S = 0.05
"""How long a receive waits at least when messages can only now be on their way."""
IDLE_S = 1.0
"""How long a message that has come waits to be taken before it is handed back for others."""


class RabbitQueue:
    """Takes tasks from a queue in RabbitMQ.

    A lease lasts as long as the connection, and at most the broker's `consumer_timeout`.

    Args:
        inbox: What the broker hands to us.
        publisher: Sends what is handed back, and dead letters.
        name: Its name.
        held_s_max: How long the broker lets a message be held, in seconds.
        clock: Time.
    """

    def __init__(
        self, inbox: Inbox, publisher: Publisher, name: str, held_s_max: float, clock: Clock
    ) -> None:
        self._inbox = inbox
        inbox.came = self._look_whether_idle
        self._publisher = publisher
        self._name = name
        self._clock = clock
        self._removals: Gatherer[Delivery] = Gatherer(self._remove, BATCH_MAX, gather_s=0.0, under_way_max=2)
        self._wanted = 0
        self._idle: asyncio.TimerHandle | None = None
        self._returning: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        self._capabilities = QueueCapabilities(
            lease_total_s_max=held_s_max,
            renewable=False,
            delay_s_max=DELAY_S_MAX,
            message_size_bytes_max=MESSAGE_BYTES_MAX,
            batch_size_max=BATCH_MAX,
            delivery_count=True,
            counts_interruptions=True,
            dead_letters=True,
            history=True,
        )

    @property
    def capabilities(self) -> QueueCapabilities:
        """Leases end with the connection; delays of up to 30 days; everything is counted and kept."""
        return self._capabilities

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        """Lease up to `tasks_max` tasks; see `TaskQueue`."""
        check_receive(tasks_max, wait_s)
        count_max = min(tasks_max, BATCH_MAX)
        with self._wanting(count_max):
            await self._wait(wait_s)
            if not wait_s:
                await self._let_come(count_max)
            return [delivery.lease(self._name) for delivery in self._inbox.take(count_max)]

    async def wait_ready(self, wait_s: float) -> None:
        """Return when a task may be there; see `WaitableQueue`."""
        check_not_negative("wait_s", wait_s)
        with self._wanting(1):
            await self._wait(wait_s)

    def watch_leases(self, lost: Callable[[frozenset[str], str], None]) -> None:
        """Tell of leases that end with their connection, as soon as that is noticed; see `WatchfulQueue`."""
        self._inbox.lost = lambda receipts: lost(
            receipts, f"the connection to the queue {self._name} was lost"
        )

    async def extend(self, lease: Lease, seconds: float) -> Lease:
        """The same lease, if it is still held: it lasts as long as the connection; see `TaskQueue`."""
        check_positive("seconds", seconds)
        self._inbox.held(lease.receipt)
        return lease

    async def ack(self, lease: Lease, outcome: Outcome) -> None:
        """Settle for good; see `TaskQueue`."""
        await self.submit_ack(lease, outcome)

    def submit_ack(self, lease: Lease, outcome: Outcome) -> asyncio.Future[None]:
        """See `BatchingQueue`."""
        del outcome
        return self._removals.submit(self._inbox.held(lease.receipt))

    async def nack(self, lease: Lease, delay_s: float, reason: HandBack) -> None:
        """Hand back, as a copy that knows what happened; see `TaskQueue`.

        The copy is there before the message is removed: never lost, and at the worst there twice.
        """
        check_not_negative("delay_s", delay_s)
        delivery = self._movable(lease.receipt)
        if not delivery.moved:
            interruptions = lease.interruptions + (reason is not HandBack.RETRY)
            copy = again(delivery, interruptions, lease.history, self._now())
            await self._publisher.send(self._name, [copy], min(delay_s, DELAY_S_MAX))
            delivery.moved = True
        await self._removals.submit(delivery)

    async def dead_letter(self, lease: Lease, reason: str) -> None:
        """Put the message, byte for byte, among the dead letters, and then remove it; see `TaskQueue`."""
        delivery = self._movable(lease.receipt)
        if not delivery.moved:
            letter = dead(delivery, reason, lease.history, self._now())
            await self._publisher.bury(self._name, letter)
            delivery.moved = True
        await self._removals.submit(delivery)

    async def aclose(self) -> None:
        """Send what is on its way, hand back what nobody took, and let go: what is held goes back, too."""
        self._closing.set()
        self._stop_idling()
        self._inbox.news.set()
        if self._inbox.count_waiting:
            self._give_back()
        if self._returning:
            await asyncio.wait(self._returning)
        await self._removals.aclose()
        await self._inbox.aclose()

    async def _wait(self, wait_s: float) -> None:
        """Wait for a message that has come."""
        deadline = self._clock.monotonic() + wait_s
        if not self._closing.is_set() and await self._inbox.make_room(self._wanted):
            deadline = max(deadline, self._clock.monotonic() + FIRST_S)
        while not self._inbox.count_waiting and not self._closing.is_set():
            if not self._inbox.is_open:
                raise QueueUnavailableError(f"the connection to the queue {self._name} was lost")
            left_s = deadline - self._clock.monotonic()
            if left_s <= 0:
                return
            self._inbox.news.clear()  # it may be old, of a connection that was lost
            with contextlib.suppress(asyncio.TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._inbox.news.wait()

    async def _let_come(self, count: int) -> None:
        """Wait for what the broker has for us: who asks what is there now must not take us for empty.

        A broker that has nothing is not asked again before something has been removed, or has come.
        """
        deadline = self._clock.monotonic() + FIRST_S
        while self._inbox.count_waiting < count and self._inbox.is_stirred and self._inbox.is_open:
            self._inbox.news.clear()
            left = await self._inbox.count_left()
            left_s = deadline - self._clock.monotonic()
            if not left or left_s <= 0 or self._closing.is_set():
                return
            with contextlib.suppress(asyncio.TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._inbox.news.wait()

    @contextlib.contextmanager
    def _wanting(self, count: int) -> Iterator[None]:
        self._stop_idling()
        self._wanted += count
        try:
            yield
        finally:
            self._wanted -= count
            self._look_whether_idle()

    def _look_whether_idle(self) -> None:
        """A message waits. If nobody takes it, others must get it: a worker may be busy with other queues."""
        if (
            self._wanted == 0
            and self._idle is None
            and self._inbox.count_waiting
            and not self._closing.is_set()
        ):
            self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._give_back)

    def _stop_idling(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _give_back(self) -> None:
        self._idle = None
        task = asyncio.get_running_loop().create_task(self._hand_back_waiting())
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    async def _hand_back_waiting(self) -> None:
        with contextlib.suppress(QueueError):
            deliveries = await self._inbox.pause()
            copies = [again(one, one.interruptions + 1, one.history(), one.at) for one in deliveries]
            if copies:
                await self._publisher.send(self._name, copies)
                await asyncio.gather(*(self._removals.submit(one) for one in deliveries))

    def _movable(self, receipt: str) -> Delivery:
        delivery = self._inbox.held(receipt)
        if delivery.removed and not delivery.moved:
            raise LeaseLostError(f"receipt {receipt} of {self._name} has been settled")
        return delivery

    def _now(self) -> str:
        return self._clock.utc_now().isoformat(timespec="milliseconds")

    async def _remove(self, deliveries: Sequence[Delivery]) -> Answers:
        answers: list[LeaseLostError | None] = []
        for delivery in deliveries:
            try:
                self._inbox.held(delivery.receipt)
            except LeaseLostError as error:
                answers.append(error)
            else:
                answers.append(None)
        await self._inbox.remove(
            [one for one, error in zip(deliveries, answers, strict=True) if error is None]
        )
        return answers
