"""`Ledger`: what became of each message, kept from what calls did in a service, and told as history."""

from __future__ import annotations

import enum
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping

from cloud_tasks.core.message import decode_task
from cloud_tasks.core.task import MalformedTask, Task
from fakes.deadlines import Deadline, Deadlines
from fakes.history import Fact, FactKind
from simulation.happenings import QueueChanged
from simulation.history import History
from simulation.loop import SimulationLoop
from simulation.steps import Step

_ROUNDING_S = 1e-5
"""Services that count in microseconds may be early by one."""
BURIED = "max_receive_count"


class Place(enum.Enum):
    """Where a message is."""

    VISIBLE = "visible"
    LEASED = "leased"
    RESTING = "resting"
    """Handed back, and not visible yet."""


class Entry:
    """A message that is not settled.

    Attributes:
        key: Identity.
        body: It, byte for byte.
        task_id: Of the task in it.
        place: Where it is.
        receipt: The newest; "" before the first delivery.
        deliveries: How often it was delivered.
        failures: How often it came back.
        forgotten: Whether an ack of its present or last lease was confirmed without being carried out.
        until: When its lease or rest ends.
        timer: For that.
    """

    __slots__ = (
        "body", "deliveries", "failures", "forgotten", "key", "place", "receipt", "task_id", "timer", "until",
    )  # fmt: skip

    def __init__(self, key: str, body: bytes, task_id: str) -> None:
        self.key = key
        self.body = body
        self.task_id = task_id
        self.place = Place.VISIBLE
        self.receipt = ""
        self.deliveries = self.failures = 0
        self.until = 0.0
        self.forgotten = False
        self.timer: Deadline[Entry] | None = None


class Ledger:
    """Follows each message from the calls about it that a service has carried out.

    A lease or a rest that ends by itself is told at its moment, from what the service promised.

    Args:
        loop: Time.
        history: Told of everything.
        wake: Called when a message has become visible.
        failures_max: A message that came back so often is buried by the service itself; None: it does not, or
            says so itself.

    Attributes:
        tasks: What each message holds that was ever accepted, by key.
        buried: The bodies that were put with the dead letters, and how often each.
    """

    def __init__(
        self,
        loop: SimulationLoop,
        history: History,
        wake: Callable[[], None],
        failures_max: int | None = None,
    ) -> None:
        self.tasks: dict[str, Task | MalformedTask] = {}
        self.buried: Counter[bytes] = Counter()
        self._loop = loop
        self._history = history
        self._wake = wake
        self._failures_max = failures_max
        self._done: set[bytes] = set()
        self._live: dict[str, Entry] = {}
        self._visible: OrderedDict[str, Entry] = OrderedDict()
        self._keys: dict[str, str] = {}
        self._timers: Deadlines[Entry] = Deadlines()
        self._alarm: Step | None = None

    # -- what can be asked -------------------------------------------------------------------------------

    def is_empty(self) -> bool:
        """Whether every message is settled."""
        return not self._live

    @property
    def visible(self) -> Mapping[str, Entry]:
        """What can be taken, by key, in the order in which it became visible."""
        return self._visible

    def newest(self, receipt: str) -> Entry | None:
        """The message that this is the newest receipt of; None if there is none, or it is settled."""
        entry = self._live.get(self._keys.get(receipt, ""))
        return entry if entry is not None and entry.receipt == receipt else None

    def is_outdated(self, receipt: str) -> bool:
        """Whether the message of this receipt was delivered again since."""
        entry = self._live.get(self._keys.get(receipt, ""))
        return entry is not None and entry.receipt != receipt

    def task_of(self, receipt: str) -> str:
        """Of the task in the message of a receipt; "" where it was never given."""
        key = self._keys.get(receipt)
        return "" if key is None else self.tasks[key].task_id

    # -- what was carried out ----------------------------------------------------------------------------

    def sent(self, key: str, body: bytes) -> None:
        """A message was accepted."""
        task = decode_task(body)
        self.tasks[key] = task
        entry = self._live[key] = Entry(key, body, task.task_id)
        self._tell(FactKind.SENT, entry, until=self._loop.now)
        self._show(entry)

    def delivered(self, worker: str, key: str, receipt: str, lease_s: float) -> Entry | None:
        """A message was given to a worker; None if it was settled long ago."""
        entry = self._live.get(key)
        self._keys[receipt] = key
        if entry is None:
            return None
        now = self._loop.now
        if entry.place is Place.LEASED:
            early = entry.until - now <= _ROUNDING_S
            self._tell(FactKind.EXPIRED, entry, reason="" if early else "duplicate")
        self._leave(entry)
        entry.deliveries += 1
        entry.receipt = receipt
        entry.forgotten = False
        self._hide(entry, Place.LEASED, now + lease_s)
        self._tell(FactKind.DELIVERED, entry, worker, until=now + lease_s)
        return entry

    def extended(self, worker: str, entry: Entry, seconds: float) -> None:
        """A lease was made to end so many seconds from now."""
        until = self._loop.now + seconds
        self._leave(entry)
        self._hide(entry, Place.LEASED, until)
        self._tell(FactKind.EXTENDED, entry, worker, until=until)

    def handed_back(self, worker: str, entry: Entry, delay_s: float, *, interrupted: bool) -> None:
        """A message is to be visible again after so many seconds. To ask for it again is nothing new."""
        now = self._loop.now
        again = entry.place is Place.RESTING or (entry.place is Place.VISIBLE and not delay_s)
        self._leave(entry)
        if not again:
            reason = "interrupted" if interrupted else "retry"
            self._tell(FactKind.NACKED, entry, worker, until=now + delay_s, reason=reason)
        if delay_s > 0:
            self._hide(entry, Place.RESTING, now + delay_s)
        elif again:
            self._show(entry)
        else:
            self._fail(entry)

    def settled(self, worker: str, entry: Entry, dead_because: str | None = None) -> None:
        """A message was deleted; after it was put with the dead letters, where there is a reason for that."""
        kind = FactKind.ACKED if dead_because is None else FactKind.DEAD_LETTERED
        self._forget(entry, kind, worker, dead_because or "")

    def buried_by_service(self, entry: Entry) -> None:
        """The service has put a message with the dead letters that had come back too often."""
        self._forget(entry, FactKind.DEAD_LETTERED, "", BURIED)

    def shown_too_early(self, entry: Entry) -> None:
        """The service gives a leased message to others too, as it may now and then."""
        self._tell(FactKind.EXPIRED, entry, reason="duplicate")
        self._leave(entry)
        self._show(entry)

    def catch_up(self) -> None:
        """Let end what has become due."""
        now = self._loop.now
        while (due := self._timers.next_moment()) is not None and due <= now:
            entry = self._timers.pop_due(due)
            if entry is not None:
                self._end(entry)

    def dead_among(self, bodies: Iterable[bytes]) -> int:
        """How many messages the dead letters stand for: one may be there twice, if a reply was lost.

        One that could not be deleted after that comes again, and may be done then: none of it is dead.
        """
        copies = Counter(body for body in bodies if self.buried[body] or body not in self._done)
        return sum(min(count, max(self.buried[body], 1)) for body, count in copies.items())

    # ----------------------------------------------------------------------------------------------------

    def _end(self, entry: Entry) -> None:
        entry.timer = None
        if entry.place is Place.LEASED:
            self._tell(FactKind.EXPIRED, entry, reason="forgotten" if entry.forgotten else "")
        self._fail(entry)

    def _fail(self, entry: Entry) -> None:
        """It came back."""
        entry.failures += 1
        if self._failures_max is not None and entry.failures >= self._failures_max:
            self.buried_by_service(entry)
        else:
            self._show(entry)

    def _show(self, entry: Entry) -> None:
        entry.place = Place.VISIBLE
        self._visible[entry.key] = entry
        self._wake()

    def _hide(self, entry: Entry, place: Place, until: float) -> None:
        entry.place = place
        entry.until = until
        entry.timer = self._timers.add(until, entry)
        self._watch()

    def _leave(self, entry: Entry) -> None:
        self._visible.pop(entry.key, None)
        if entry.timer is not None:
            self._timers.discard(entry.timer)
            entry.timer = None

    def _forget(self, entry: Entry, kind: FactKind, worker: str, reason: str) -> None:
        self._leave(entry)
        del self._live[entry.key]
        if kind is FactKind.DEAD_LETTERED:
            self.buried[entry.body] += 1
        elif kind is FactKind.ACKED:
            self._done.add(entry.body)
        self._tell(kind, entry, worker, reason=reason)

    def _watch(self) -> None:
        """Ring when the next thing becomes due."""
        due = self._timers.next_moment()
        if due is None:
            return
        if self._alarm is not None and not self._alarm.cancelled():
            if self._alarm.moment <= due:
                return
            self._alarm.cancel()
        self._alarm = self._loop.at(self._loop.world, due, self._ring)

    def _ring(self) -> None:
        self.catch_up()
        self._watch()

    def _tell(
        self, kind: FactKind, entry: Entry, worker: str = "", *, until: float | None = None, reason: str = ""
    ) -> None:
        now = self._loop.now
        fact = Fact(kind, now, entry.key, entry.receipt, entry.deliveries, until, reason)
        self._history.tell(QueueChanged(at=now, worker=worker, fact=fact, task_id=entry.task_id))
