"""`Broker`: the queue itself, in the world, with receivers that wait in it."""

from __future__ import annotations

from collections.abc import Callable

from cloud_tasks.core.message import decode_task, encode_task
from cloud_tasks.core.task import Lease, MalformedTask, Task
from fakes.history import Fact
from fakes.message_store import MessageStore
from fakes.messages import Message
from fakes.queue_options import QueueOptions
from simulation.faults import FaultClass, FaultSource
from simulation.history import History, QueueChanged
from simulation.loop import SimulationLoop, Step

_ABOUT_RECEIVES = (FaultClass.EMPTY_RECEIVE, FaultClass.REORDERED)


class Waiter:
    """A long poll that waits in the broker.

    Args:
        worker: Whose it is.
        messages_max: How many messages it takes at most.
        reply: Takes what it is given.
    """

    __slots__ = ("messages_max", "reply", "timer", "worker")

    def __init__(self, worker: str, messages_max: int, reply: Callable[[list[Lease]], None]) -> None:
        self.worker = worker
        self.messages_max = messages_max
        self.reply = reply
        self.timer: Step | None = None


class Broker:
    """A queue with leases, on true time.

    Args:
        loop: Time.
        options: How the queue behaves.
        faults: What goes wrong in it.
        history: Told of every message.
    """

    def __init__(
        self, loop: SimulationLoop, options: QueueOptions, faults: FaultSource, history: History
    ) -> None:
        self.options = options
        self.tasks: dict[str, Task | MalformedTask] = {}
        self._loop = loop
        self._faults = faults
        self._history = history
        self._store = MessageStore(options, self._observe)
        self._waiters: list[Waiter] = []
        self._alarm: Step | None = None
        self.caller = ""

    @property
    def store(self) -> MessageStore:
        """The messages."""
        return self._store

    def put(self, task: Task) -> None:
        """Accept a task."""
        self.put_raw(encode_task(task))

    def put_raw(self, body: bytes, delay_s: float = 0.0) -> None:
        """Accept any message."""
        number = str(self._store.accepted + 1)
        self.tasks[number] = decode_task(body)
        self._store.put(self._loop.time(), body, delay_s)
        self._serve()

    def take(
        self, worker: str, messages_max: int, wait_s: float, reply: Callable[[list[Lease]], None]
    ) -> None:
        """Give up to `messages_max` messages to `reply`, now or within `wait_s`; [] after that."""
        if not self._faults.on.isdisjoint(_ABOUT_RECEIVES) and self._withholds(worker):
            reply([])
            return
        leases = self._take(worker, messages_max)
        if leases or wait_s <= 0:
            reply(leases)
            return
        waiter = Waiter(worker, messages_max, reply)
        until = self._loop.time() + min(wait_s, self.options.wait_s_max)
        waiter.timer = self._loop.at(self._loop.world, until, self._give_up, waiter)
        self._waiters.append(waiter)
        self._watch()

    def _withholds(self, worker: str) -> bool:
        """Whether what there is stays hidden from this receive; and which message comes first if not."""
        faults, now, whom = self._faults, self._loop.time(), f"receive by {worker}"
        faults.occasions[whom] += 1
        which, visible = faults.occasions[whom], self._store.counts(now)["visible"]
        if faults.strikes(FaultClass.EMPTY_RECEIVE, whom, which) is not None:
            if visible:
                faults.had_effect(FaultClass.EMPTY_RECEIVE)
            return True
        reordered = faults.strikes(FaultClass.REORDERED, whom, which, lambda share: share)
        if reordered is not None and visible > 1:
            faults.had_effect(FaultClass.REORDERED)
            self._store.show_first(now, int(reordered.size * visible))
        return False

    def forgets(self, task_id: str, delivery: int) -> bool:
        """Whether the ack of this delivery is confirmed without being carried out."""
        forgotten = self._faults.strikes(FaultClass.ACK_FORGOTTEN, task_id, delivery) is not None
        if forgotten:
            self._faults.had_effect(FaultClass.ACK_FORGOTTEN)
        return forgotten

    def settle(self, worker: str, act: Callable[[MessageStore, float], object]) -> None:
        """Carry out a settlement or an extension; raises what the store raises."""
        self.caller = worker
        try:
            act(self._store, self._loop.time())
        finally:
            self.caller = ""
            self._serve()

    def extend(self, worker: str, lease: Lease, seconds: float) -> Lease:
        """Make a lease end `seconds` from now; raises what the store raises."""
        self.caller = worker
        try:
            message = self._store.extend(self._loop.time(), lease.key, lease.receipt, seconds)
        finally:
            self.caller = ""
            self._serve()
        return self._lease(message)

    def task_id(self, key: str) -> str:
        """Of the task in a message."""
        return self.tasks[key].task_id

    def _take(self, worker: str, messages_max: int) -> list[Lease]:
        self.caller = worker
        now = self._loop.time()
        messages = self._store.take(now, min(messages_max, self.options.batch_size_max))
        self.caller = ""
        for message in messages:
            if self._faults.strikes(FaultClass.DUPLICATE, self.task_id(message.key), message.delivery_count):
                share = 0.5
                lease_s = self.options.lease_s
                self._loop.at(self._loop.world, now + share * lease_s, self._duplicate, message.key)
        return [self._lease(message) for message in messages]

    def _lease(self, message: Message) -> Lease:
        """The lease as it is now: the message's books go on."""
        until = message.timer.moment if message.timer is not None else self._loop.time()
        return Lease(
            self.tasks[message.key],
            message.key,
            message.receipt,
            until - self._loop.time(),
            message.delivery_count,
            message.interruptions,
        )

    def _duplicate(self, key: str) -> None:
        if not self._faults.quiet and self._store.show_too_early(self._loop.time(), key):
            self._faults.had_effect(FaultClass.DUPLICATE)
            self._serve()

    def _serve(self) -> None:
        """Give what has become visible to those who wait."""
        while self._waiters:
            waiter = self._waiters[0]
            leases = self._take(waiter.worker, waiter.messages_max)
            if not leases:
                break
            self._waiters.pop(0)
            if waiter.timer is not None:
                waiter.timer.cancel()
            waiter.reply(leases)
        self._watch()

    def _give_up(self, waiter: Waiter) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)
            waiter.reply([])

    def _watch(self) -> None:
        """Look again when something becomes visible by itself, while somebody waits."""
        if not self._waiters:
            return
        due = self._store.next_due()
        if due is None:
            return
        if self._alarm is not None and not self._alarm.cancelled():
            if self._alarm.moment <= due:
                return
            self._alarm.cancel()
        self._alarm = self._loop.at(self._loop.world, max(due, self._loop.time()), self._serve)

    def _observe(self, fact: Fact) -> None:
        self._history.tell(
            QueueChanged(at=fact.at, worker=self.caller, fact=fact, task_id=self.task_id(fact.key))
        )
