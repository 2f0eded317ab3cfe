"""`Broker`: the queue itself, in the world, with receivers that wait in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cloud_tasks.core.message import decode_task, encode_task
from cloud_tasks.core.task import Lease, MalformedTask, Task
from fakes.history import Fact
from fakes.message_store import MessageStore
from fakes.messages import Message
from fakes.queue_options import QueueOptions
from simulation.fault_source import FaultSource
from simulation.faults import FaultClass
from simulation.happenings import QueueChanged
from simulation.history import History
from simulation.long_polls import LongPolls
from simulation.loop import SimulationLoop

_EMPTY, _REORDERED = FaultClass.EMPTY_RECEIVE, FaultClass.REORDERED
_FORGOTTEN, _DUPLICATE = FaultClass.ACK_FORGOTTEN, FaultClass.DUPLICATE
_ABOUT_RECEIVES = (_EMPTY, _REORDERED)


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
        self._polls = LongPolls(loop, self._store.next_due)
        self.caller = ""

    @property
    def store(self) -> MessageStore:
        """The messages."""
        return self._store

    def put(self, task: Task) -> None:
        """Accept a task."""
        self._accept(task, encode_task(task), 0.0)

    def put_raw(self, body: bytes, delay_s: float = 0.0) -> None:
        """Accept any message."""
        self._accept(decode_task(body), body, delay_s)

    def _accept(self, task: Task | MalformedTask, body: bytes, delay_s: float) -> None:
        self.tasks[str(self._store.accepted + 1)] = task
        self._store.put(self._loop.now, body, delay_s)
        self._polls.serve()

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
        until = self._loop.now + min(wait_s, self.options.wait_s_max)
        self._polls.wait(until, partial(self._take, worker, messages_max), reply, list[Lease]())

    def _withholds(self, worker: str) -> bool:
        """Whether what there is stays hidden from this receive; and which message comes first if not."""
        faults, now, whom = self._faults, self._loop.now, f"receive by {worker}"
        which = faults.occasions[whom] = faults.occasions.get(whom, 0) + 1
        visible = self._store.counts(now)["visible"]
        if faults.strikes(_EMPTY, whom, which) is not None:
            if visible:
                faults.had_effect(_EMPTY)
            return True
        reordered = faults.strikes(_REORDERED, whom, which, lambda share: share)
        if reordered is not None and visible > 1:
            faults.had_effect(_REORDERED)
            self._store.show_first(now, int(reordered.size * visible))
        return False

    def forgets(self, task_id: str, delivery: int) -> bool:
        """Whether the ack of this delivery is confirmed without being carried out."""
        forgotten = self._faults.strikes(_FORGOTTEN, task_id, delivery) is not None
        if forgotten:
            self._faults.had_effect(_FORGOTTEN)
        return forgotten

    def settle(self, worker: str, act: Callable[[MessageStore, float], object]) -> None:
        """Carry out a settlement or an extension; raises what the store raises."""
        self.caller = worker
        try:
            act(self._store, self._loop.now)
        finally:
            self.caller = ""
            self._polls.serve()

    def extend(self, worker: str, lease: Lease, seconds: float) -> Lease:
        """Make a lease end `seconds` from now; raises what the store raises."""
        self.caller = worker
        try:
            message = self._store.extend(self._loop.now, lease.key, lease.receipt, seconds)
        finally:
            self.caller = ""
            self._polls.serve()
        return self._lease(message)

    def task_id(self, key: str) -> str:
        """Of the task in a message."""
        return self.tasks[key].task_id

    def _take(self, worker: str, messages_max: int) -> list[Lease]:
        self.caller = worker
        now = self._loop.now
        messages = self._store.take(now, min(messages_max, self.options.batch_size_max))
        self.caller = ""
        for message in messages if _DUPLICATE in self._faults.on else ():
            if self._faults.strikes(_DUPLICATE, self.task_id(message.key), message.delivery_count):
                share = 0.5
                lease_s = self.options.lease_s
                self._loop.at(self._loop.world, now + share * lease_s, self._duplicate, message.key)
        return [self._lease(message) for message in messages]

    def _lease(self, message: Message) -> Lease:
        """The lease as it is now: the message's books go on."""
        until = message.timer.moment if message.timer is not None else self._loop.now
        return Lease(
            self.tasks[message.key],
            message.key,
            message.receipt,
            until - self._loop.now,
            message.delivery_count,
            message.interruptions,
        )

    def _duplicate(self, key: str) -> None:
        if not self._faults.quiet and self._store.show_too_early(self._loop.now, key):
            self._faults.had_effect(_DUPLICATE)
            self._polls.serve()

    def _observe(self, fact: Fact) -> None:
        self._history.tell(
            QueueChanged(at=fact.at, worker=self.caller, fact=fact, task_id=self.task_id(fact.key))
        )
