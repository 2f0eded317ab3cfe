"""Holds what the service answered against what the model of the virtual world answers to the same calls.

The recorded calls are played to `MessageStore` in the same order and at the same times. What it answers
otherwise is either something that SQS says it may do, and is counted by name, or a disagreement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import msgspec
from msgspec import Struct

from cloud_tasks.core.message import decode_task
from cloud_tasks.core.task import MalformedTask, Task
from cloud_tasks.errors import LeaseLostError
from fakes.faults import FaultKind
from fakes.history import Fact, FactKind
from fakes.message_store import MessageStore
from fakes.queue_options import QueueOptions
from fakes.sqs.recording import RecordedCall
from simulation.real.recorded import Entry, entries, had_effect, is_about
from simulation.real.settings import DEAD, QUEUE

OLD_RECEIPT = "a receipt that is out of date still has its effect"
GONE_ALREADY = "a message that is gone is deleted once more"
"""What a standard queue of SQS says it may do, and the stricter model does not."""

_FINAL = frozenset((FactKind.ACKED, FactKind.DEAD_LETTERED, FactKind.REMOVED))
_BEYOND = {
    FactKind.ACKED: (FactKind.REMOVED, OLD_RECEIPT),
    FactKind.DEAD_LETTERED: (FactKind.REMOVED, OLD_RECEIPT),
    FactKind.NACKED: (FactKind.EXPIRED, "duplicate"),
}
"""What it is, for whoever holds the message, that somebody else settles it."""


class Disagreement(Struct, frozen=True):
    """The model and the service answered otherwise.

    Attributes:
        at: When.
        operation: The call.
        what: What each said.
    """

    at: float
    operation: str
    what: str


class Delivery(Struct, frozen=True):
    """A delivery, as the model calls it.

    Attributes:
        key: The message.
        receipt: Of this delivery.
    """

    key: str
    receipt: str


class Peer:
    """The model at the side of the service.

    Args:
        options: How the model behaves.
        observe: Told of everything that happens to a message, and who did it; "" for what happens by itself.
        was_interrupted: Whether what is handed back has been interrupted through no fault of its own.

    Attributes:
        disagreements: What it would have answered otherwise.
        compared: How many answers were held against its own.
        permitted: How often the service did what it may and the model does not, by name.
        tasks: What is in each message, by key.
        keys: Of the messages with that body.
        deliveries: By the service's receipt.
    """

    def __init__(
        self,
        options: QueueOptions,
        observe: Callable[[Fact, str], None],
        was_interrupted: Callable[[Delivery], bool],
    ) -> None:
        self.disagreements: list[Disagreement] = []
        self.compared = 0
        self.permitted: Counter[str] = Counter()
        self._removed_dead = 0
        self.tasks: dict[str, Task | MalformedTask] = {}
        self.keys: dict[str, str] = {}
        self.deliveries: dict[str, Delivery] = {}
        self._observe = observe
        self._was_interrupted = was_interrupted
        self._store = MessageStore(options, self._tell)
        self._call = RecordedCall(asked_at=0.0, at=0.0, operation="")
        self._beyond = False
        self._by_id: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self._bodies: dict[str, str] = {}
        self._newest: dict[str, str] = {}
        self._holders: dict[str, str] = {}
        self._live: set[str] = set()
        self._dying: dict[tuple[str, str], str] = {}

    @property
    def store(self) -> MessageStore:
        """The model."""
        return self._store

    def counts(self, at: float) -> dict[str, int]:
        """How many messages are in each place, by what was told of them."""
        counts = self.store.counts(at)
        return {**counts, "dead": counts["dead"] - self._removed_dead}

    def play(self, call: RecordedCall) -> None:
        """Make one call to the model, and compare."""
        self._call = call
        if not had_effect(call):
            return
        if is_about(call, QUEUE):
            self._play(call)
        elif is_about(call, DEAD) and call.operation == "SendMessage":
            for entry in entries(call):
                self._dying[call.who, entry.body] = entry.reason

    def _play(self, call: RecordedCall) -> None:
        if call.operation == "ReceiveMessage":
            self._receive(call)
        elif call.operation == "GetQueueAttributes":
            self._count(call)
        else:
            for entry in entries(call):
                if call.operation.startswith("SendMessage"):
                    self._send(entry)
                elif call.operation.startswith("DeleteMessage"):
                    self._settle(entry, self._delete)
                elif call.operation.startswith("ChangeMessageVisibility"):
                    self._settle(entry, self._change)

    def _compare(self, agree: object, what: str, *values: object) -> None:
        self.compared += 1
        if not agree:
            self.disagreements.append(Disagreement(self._call.at, self._call.operation, what.format(*values)))

    # -- calls -------------------------------------------------------------------------------------------

    def _send(self, entry: Entry) -> None:
        if entry.error:
            return
        body = entry.body.encode("utf-8", "surrogatepass")
        key = str(self._store.accepted + 1)
        self.tasks[key] = decode_task(body)
        self.keys[entry.body] = self._by_id[entry.message_id] = key
        self._ids[key], self._bodies[key] = entry.message_id, entry.body
        self._store.put(self._call.at, body, 0.0)

    def _receive(self, call: RecordedCall) -> None:
        brought = entries(call)
        missed = {FaultKind.EMPTY_RECEIVE, FaultKind.SHORT_RECEIVE} & set(call.struck)
        count_max = len(brought) if missed else int(call.request.get("MaxNumberOfMessages") or 1)
        taken = self._store.take(call.at, count_max) if count_max else []
        said = [(entry.message_id, entry.count) for entry in brought]
        ours = [(self._ids.get(message.key, "?"), message.delivery_count) for message in taken]
        self._compare(said == ours, "the service gave out {} and the model {}", said, ours)
        for entry in brought:
            key = self._by_id.get(entry.message_id, "")
            message = next((message for message in taken if message.key == key), None)
            if message is not None:
                self.deliveries[entry.receipt] = Delivery(key, message.receipt)
                self._newest[key] = message.receipt
                self._holders[key] = call.who
        if FaultKind.DUPLICATE in call.struck:
            for message in taken:
                self._store.show_too_early(call.at, message.key)

    def _count(self, call: RecordedCall) -> None:
        said = (call.answer or {}).get("Attributes", {})
        counts = self._store.counts(call.at)
        visible, in_flight, delayed = (
            int(said.get(f"ApproximateNumberOfMessages{place}", 0)) for place in ("", "NotVisible", "Delayed")
        )
        self._compare(
            visible == counts["visible"] and in_flight + delayed == counts["in_flight"] + counts["delayed"],
            "the service counts {} visible, {} in flight, {} delayed, and the model {}",
            visible,
            in_flight,
            delayed,
            counts,
        )

    def _settle(self, entry: Entry, act: Callable[[Delivery, Entry], None]) -> None:
        """Play a call about a delivery, and take over what the service may do beyond the model."""
        delivery = self.deliveries.get(entry.receipt)
        if delivery is None:
            self._compare(entry.error, "the service took receipt {}, which it never gave", entry.receipt)
            return
        try:
            act(delivery, entry)
        except LeaseLostError as error:
            # What the stricter model refuses, a standard queue may refuse or do.
            self._compare(True, "")  # noqa: FBT003 - looked at, and nothing to say
            if not entry.error:
                self._go_beyond(delivery, entry, act, error)
        else:
            self._compare(not entry.error, "the model did it, and the service says: {}", entry.error)

    def _go_beyond(
        self,
        delivery: Delivery,
        entry: Entry,
        act: Callable[[Delivery, Entry], None],
        error: LeaseLostError,
    ) -> None:
        """The service has done it to whoever has the message now: so it is in the model from here on."""
        if delivery.key not in self._live:
            if self._call.operation.startswith("DeleteMessage"):
                self.permitted[GONE_ALREADY] += 1
            else:
                self._compare(False, "the service did it, and the model says: {}", error)  # noqa: FBT003 - it disagrees
            return
        self.permitted[OLD_RECEIPT] += 1
        self._beyond = True
        try:
            act(Delivery(delivery.key, self._newest[delivery.key]), entry)
        finally:
            self._beyond = False

    def _delete(self, delivery: Delivery, entry: Entry) -> None:
        at, whose = self._call.at, (self._call.who, self._bodies.get(delivery.key, ""))
        if whose in self._dying:
            self._store.dead_letter(at, delivery.key, delivery.receipt, self._dying[whose])
        else:
            self._store.ack(at, delivery.key, delivery.receipt)

    def _change(self, delivery: Delivery, entry: Entry) -> None:
        at = self._call.at
        if entry.seconds:
            self._store.extend(at, delivery.key, delivery.receipt, float(entry.seconds))
            return
        interrupted = self._was_interrupted(delivery)
        self._store.nack(at, delivery.key, delivery.receipt, 0.0, interrupted=interrupted)

    def _tell(self, fact: Fact) -> None:
        if fact.kind is FactKind.SENT:
            self._live.add(fact.key)
        elif fact.kind in _FINAL:
            self._live.discard(fact.key)
        self._removed_dead += self._beyond and fact.kind is FactKind.DEAD_LETTERED
        if self._beyond and fact.kind in _BEYOND:
            kind, reason = _BEYOND[fact.kind]
            self._observe(msgspec.structs.replace(fact, kind=kind, reason=reason), "")
        elif self._beyond:  # the lease of whoever has it now is longer
            self._observe(fact, self._holders[fact.key])
        else:
            by_itself = fact.kind in (FactKind.EXPIRED, FactKind.REMOVED)
            self._observe(fact, "" if by_itself else self._call.who)
