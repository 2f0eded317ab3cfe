"""From the stand-in's record to what happened in the queue, the calls of workers, and their events."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from cloud_tasks.core.events import EVENT_CLASSES, Event, TaskEvent, TaskInterrupted
from cloud_tasks.core.task import Lease
from fakes.history import Fact
from fakes.queue_options import QueueOptions
from fakes.sqs.recording import RecordedCall
from simulation.happenings import CallAnswered, CallIssued, EventStored, QueueChanged, StoreFailed
from simulation.real.agreement import Delivery, Peer
from simulation.real.occurrences import ANSWER, FACT, FIRST, Occurrences
from simulation.real.recorded import Entry, entries, had_effect, hung_up, is_about
from simulation.real.settings import DEAD, EVENTS, QUEUE
from simulation.real.sqs_client import WHO

_CLASSES = {str(kind.__struct_config__.tag): kind for kind in EVENT_CLASSES}
SLOW_S = 0.5
"""A call that takes longer is trouble for whoever waits for it."""
_LOST = frozenset(("InvalidParameterValue", "ReceiptHandleIsInvalid", "MessageNotInflight"))
"""What a worker takes for the loss of its lease."""
_UNAVAILABLE = "QueueUnavailableError"


class _Issued(Struct, frozen=True):
    """A call as a worker makes it, which its client may try several times."""

    number: int
    operation: str
    task_id: str


class BrokerSide:
    """Goes through the record once.

    Args:
        options: How the model of the queue behaves.
        occurrences: Takes what is found.

    Attributes:
        peer: The model at the side of the service.
        stored: The events of each task on each worker, with the moments when they were durable.
        given: When each worker was given each task, and which delivery it was.
        struck: How many faults made a difference to calls, by kind.
    """

    def __init__(self, options: QueueOptions, occurrences: Occurrences) -> None:
        self.peer = Peer(options, self._on_fact, self._was_interrupted)
        self.stored: dict[tuple[str, str], list[tuple[float, TaskEvent]]] = {}
        self.given: dict[tuple[str, str], list[tuple[float, int]]] = {}
        self._lease_s = options.lease_s
        self._occurrences = occurrences
        self._open: dict[tuple[str, str], list[_Issued]] = {}
        self._numbers = 0
        self._takers: set[str] = set()
        self.struck: Counter[str] = Counter()
        self._unsettled: dict[tuple[str, str], list[Delivery]] = {}
        self._verdicts: dict[str, TaskEvent] = {}
        self._held: dict[tuple[str, str], str] = {}
        self._dying: dict[tuple[str, str], _Issued] = {}
        self._events: dict[tuple[str, str], Event] = {}

    def read(self, calls: Sequence[RecordedCall]) -> None:
        """Take in the whole record."""
        last = {(call.who, call.invocation): number for number, call in enumerate(calls)}
        for number, call in enumerate(calls):
            self.struck.update(kind.value for kind in call.struck)
            if call.who == WHO or not call.invocation:
                self.peer.play(call)
                continue
            final = last[call.who, call.invocation] == number
            if is_about(call, QUEUE) or is_about(call, DEAD):
                self._issue(call)
                self.peer.play(call)
                self._answer(call, final=final)
            elif is_about(call, EVENTS):
                self._store(call)

    # -- the queue ---------------------------------------------------------------------------------------

    def _on_fact(self, fact: Fact, who: str) -> None:
        self._occurrences.add(
            QueueChanged(at=fact.at, worker=who, fact=fact, task_id=self.peer.tasks[fact.key].task_id)
        )

    def _was_interrupted(self, delivery: Delivery) -> bool:
        """Whether what was stored of it is no end of its own; then it is nobody's fault."""
        event = self._verdicts.get(delivery.receipt)
        return event is None or isinstance(event, TaskInterrupted) or not event.retry

    # -- calls -------------------------------------------------------------------------------------------

    def _issue(self, call: RecordedCall) -> None:
        whole = call.who, call.invocation
        if whole in self._open or call.operation.startswith("GetQueue"):
            return
        if call.operation == "ReceiveMessage":
            wait_s, tasks_max = (
                call.request.get(name) for name in ("WaitTimeSeconds", "MaxNumberOfMessages")
            )
            if tasks_max:  # none at all are asked for to see whether it is allowed
                asked = self._asked(call, "receive", seconds=float(wait_s or 0), tasks_max=int(tasks_max))
                self._open[whole] = [asked]
            return
        # A worker that looks whether it may settle at all does so before it is given anything.
        if call.who in self._takers or not call.error:
            self._open[whole] = [self._settle(call, entry) for entry in entries(call)]

    def _settle(self, call: RecordedCall, entry: Entry) -> _Issued:
        """A call about one delivery."""
        if call.operation == "SendMessage":
            return self._bury(call, entry)
        delivery = self.peer.deliveries.get(entry.receipt)
        key, receipt = ("", entry.receipt) if delivery is None else (delivery.key, delivery.receipt)
        task_id = "" if delivery is None else self.peer.tasks[key].task_id
        if call.operation.startswith("DeleteMessage"):
            buried = self._dying.pop((call.who, key), None)
            return buried or self._asked(call, "ack", task_id, receipt)
        if entry.seconds:
            return self._asked(call, "extend", task_id, receipt, seconds=float(entry.seconds))
        reason = "interrupted" if delivery is None or self._was_interrupted(delivery) else "retry"
        return self._asked(call, "nack", task_id, receipt, reason=reason)

    def _bury(self, call: RecordedCall, entry: Entry) -> _Issued:
        """The first half of a dead letter; its delete is the second."""
        key = self.peer.keys.get(entry.body, "")
        receipt = self._held.get((call.who, key), "")
        task_id = self.peer.tasks[key].task_id if key else ""
        issued = self._asked(call, "dead_letter", task_id, receipt, reason=entry.reason)
        self._dying[call.who, key] = issued
        return issued

    def _asked(
        self,
        call: RecordedCall,
        operation: str,
        task_id: str = "",
        receipt: str = "",
        *,
        seconds: float = 0.0,
        tasks_max: int = 0,
        reason: str = "",
    ) -> _Issued:
        self._numbers += 1
        self._occurrences.add(
            CallIssued(
                at=call.asked_at,
                worker=call.who,
                operation=operation,
                task_id=task_id,
                number=self._numbers,
                receipt=receipt,
                seconds=seconds,
                tasks_max=tasks_max,
                reason=reason,
            ),
            FIRST,
        )
        return _Issued(self._numbers, operation, task_id)

    # -- answers -----------------------------------------------------------------------------------------

    def _answer(self, call: RecordedCall, *, final: bool) -> None:
        """What the worker is told, once its client gives up or has an answer."""
        issued = self._open.get((call.who, call.invocation))
        if issued is None or not final or hung_up(call):
            return
        if call.operation == "ReceiveMessage":
            self._tell(call, issued[0], _error_of(call, call.error), self._leases(call))
            return
        for one, entry in zip(issued, entries(call), strict=True):
            error = _error_of(call, entry.error)
            if call.operation == "SendMessage" and not error:
                continue  # its delete is still to come
            if call.operation == "SendMessage":
                self._dying.pop((call.who, self.peer.keys.get(entry.body, "")), None)
            leases: tuple[Lease, ...] = ()
            delivery = self.peer.deliveries.get(entry.receipt)
            if one.operation == "extend" and not error and delivery is not None:
                lease_s = float(entry.seconds or 0)
                leases = (Lease(self.peer.tasks[delivery.key], delivery.key, delivery.receipt, lease_s),)
            self._tell(call, one, error, leases)
            if one.operation != "extend":
                self._forget(call.who, one.task_id, delivery)

    def _forget(self, who: str, task_id: str, delivery: Delivery | None) -> None:
        """No event follows any more for what is handed back untouched."""
        deliveries = self._unsettled.get((who, task_id), [])
        if delivery in deliveries:
            deliveries.remove(delivery)

    def _leases(self, call: RecordedCall) -> tuple[Lease, ...]:
        if call.lost or call.error:
            return ()
        leases = []
        for entry in entries(call):
            delivery = self.peer.deliveries.get(entry.receipt)
            if delivery is None:
                continue
            task = self.peer.tasks[delivery.key]
            self._takers.add(call.who)
            self.given.setdefault((call.who, task.task_id), []).append((call.at, entry.count))
            self._held[call.who, delivery.key] = delivery.receipt
            self._unsettled.setdefault((call.who, task.task_id), []).append(delivery)
            leases.append(Lease(task, delivery.key, delivery.receipt, self._lease_s, entry.count))
        return tuple(leases)

    def _tell(self, call: RecordedCall, issued: _Issued, error: str, leases: tuple[Lease, ...]) -> None:
        self._occurrences.add(
            CallAnswered(
                at=call.at,
                worker=call.who,
                operation=issued.operation,
                number=issued.number,
                task_id=issued.task_id,
                error=error,
                count=len(leases) if issued.operation == "receive" else 0,
                leases=leases,
            ),
            ANSWER,
        )

    # -- events ------------------------------------------------------------------------------------------

    def _store(self, call: RecordedCall) -> None:
        if not call.operation.startswith("SendMessage"):
            return
        if had_effect(call):
            for entry in entries(call):
                if not entry.error:
                    self._stored(call, entry.body)
        # A worker stores several events together: one slow call keeps it from knowing of the others.
        slow = call.at - call.asked_at > SLOW_S
        if slow or call.error or call.lost or any(entry.error for entry in entries(call)):
            self._occurrences.add(StoreFailed(at=call.at, worker=call.who), ANSWER)

    def _stored(self, call: RecordedCall, body: str) -> None:
        event = self._events.get((call.who, body))
        if event is None:
            event = self._events[call.who, body] = event_of(body)
            if isinstance(event, TaskEvent):
                self.stored.setdefault((call.who, event.task_id), []).append((call.at, event))
                self._assign(call.who, event)
        self._occurrences.add(EventStored(at=call.at, worker=call.who, event=event), FACT)

    def _assign(self, who: str, event: TaskEvent) -> None:
        """An event is about the oldest delivery of its task of which nothing was stored yet."""
        deliveries = self._unsettled.get((who, event.task_id), [])
        if deliveries:
            self._verdicts[deliveries.pop(0).receipt] = event


def event_of(body: str) -> Event:
    """The event in a message of the event queue."""
    said = json.loads(body)
    kind = _CLASSES[said["event_type"]]
    return kind(**{name: said[name] for name in kind.__struct_fields__ if name in said})


def _error_of(call: RecordedCall, error: str) -> str:
    """What the worker's queue raises."""
    if call.lost:
        return _UNAVAILABLE
    if not error:
        return ""
    return "LeaseLostError" if error in _LOST else _UNAVAILABLE
