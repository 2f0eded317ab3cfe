"""`Front`: stands before the service, sees what each call does, and lets go wrong what Pub/Sub may."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fakes.pubsub.errors import OTHER_FOR_NOW, PubSubError, ack_ids_refused
from fakes.pubsub.rpcs import Rpc, rpcs, serialise
from fakes.pubsub.service import PubSubService
from simulation.backends.ledger import Entry, Ledger
from simulation.backends.watched import Wishes
from simulation.backends.wire import Strokes
from simulation.faults import FaultClass

_PULL, _ACK, _EXTEND = "Pull", "Acknowledge", "ModifyAckDeadline"


class Front:
    """Passes requests on. What is done to messages is entered into the ledger.

    Args:
        service: What answers.
        ledger: The books.
        strokes: What goes wrong.
        wishes: What the workers want.
        strict: Whether acks are confirmed, and only the newest ack id counts.
        lease_s: The subscription's ack deadline.
        duplicate: Has a message that was delivered be shown to others, too.
    """

    def __init__(
        self,
        service: PubSubService,
        ledger: Ledger,
        strokes: Strokes,
        wishes: Wishes,
        *,
        strict: bool,
        lease_s: float,
        duplicate: Callable[[Entry], None],
    ) -> None:
        self._rpcs = {f"/{rpc.service}/{rpc.name}": rpc for rpc in rpcs(service)}
        self._ledger = ledger
        self._strokes = strokes
        self._wishes = wishes
        self._strict = strict
        self._lease_s = lease_s
        self._duplicate = duplicate

    def rpc(self, method: str) -> Rpc:
        """The call of a name."""
        return self._rpcs[method]

    def answer(self, worker: str, rpc: Rpc, request: Any) -> bytes:
        """What a worker is answered.

        Raises:
            PubSubError: The service refuses.
        """
        self._ledger.catch_up()
        if rpc.name == _PULL:
            return self._pull(worker, rpc, request)
        if rpc.name == _ACK:
            return self._settle(worker, rpc, request, self._note_ack)
        if rpc.name == _EXTEND:
            return self._settle(worker, rpc, request, self._note_deadline)
        return serialise(rpc.answer(request))

    # -- pulling -----------------------------------------------------------------------------------------

    def _pull(self, worker: str, rpc: Rpc, request: Any) -> bytes:
        if self._strokes.withholds(worker, len(self._ledger.visible)):
            return b""
        request.return_immediately = True
        answer = at_once(rpc.answer(request))
        for one in answer.received_messages:
            entry = self._ledger.delivered(worker, one.message.message_id, one.ack_id, self._lease_s)
            if entry is None or self._strict:
                continue
            if self._strokes.duplicates(entry):
                self._duplicate(entry)
        return serialise(answer)

    # -- settling ----------------------------------------------------------------------------------------

    def _settle(self, worker: str, rpc: Rpc, request: Any, note: Callable[[str, Any, Entry], None]) -> bytes:
        struck = self._struck(rpc.name, request.ack_ids)
        without_effect = {one for one, kind in struck.items() if kind is not FaultClass.REPLY_LOST}
        passed = [one for one in request.ack_ids if one not in without_effect]
        # What counts is decided before the call: what has been acked cannot be found after it.
        entries = {one: self._usable(one) for one in passed}
        refused = self._carry_out(rpc, request, passed)
        for ack_id, entry in entries.items():
            if entry is not None and ack_id not in refused:
                note(worker, request, entry)
        told = {one for one, kind in struck.items() if kind is not FaultClass.ACK_FORGOTTEN}
        failures = {
            **refused,
            **dict.fromkeys((one for one in request.ack_ids if one in told), OTHER_FOR_NOW),
        }
        if failures:
            raise ack_ids_refused(failures)
        return serialise(None)

    def _carry_out(self, rpc: Rpc, request: Any, ack_ids: list[str]) -> dict[str, str]:
        """Ask the service; returns which ack ids it refuses, and why."""
        if not ack_ids:
            return {}
        some = rpc.request()
        some.CopyFrom(request)
        del some.ack_ids[:]
        some.ack_ids.extend(ack_ids)
        try:
            rpc.answer(some)
        except PubSubError as error:
            if not error.ack_failures:
                raise
            return dict(error.ack_failures)
        return {}

    def _struck(self, name: str, ack_ids: Iterable[str]) -> dict[str, FaultClass]:
        """What goes wrong with single ack ids: with exactly-once delivery they have answers of their own."""
        struck: dict[str, FaultClass] = {}
        for ack_id in ack_ids:
            entry = self._ledger.newest(ack_id)
            task_id = self._ledger.task_of(ack_id) or ack_id
            if self._strict:
                kind = self._strokes.on_entry(self._name(name, ack_id), task_id)
            elif name == _ACK and entry is not None and self._strokes.forgets(entry):
                kind = FaultClass.ACK_FORGOTTEN
            else:
                kind = None
            if kind is not None:
                struck[ack_id] = kind
        return struck

    def _name(self, name: str, ack_id: str) -> str:
        wish = self._wishes.settlement(ack_id)
        if wish is None or (name == _ACK) != (wish.operation in ("ack", "dead_letter")):
            return "ack" if name == _ACK else "extend"
        return wish.operation

    def _usable(self, ack_id: str) -> Entry | None:
        """The message that an ack id stands for, as far as the service takes it."""
        entry = self._ledger.newest(ack_id)
        if entry is not None and self._strict and entry in self._ledger.visible.values():
            return None
        return entry

    def _note_ack(self, worker: str, request: Any, entry: Entry) -> None:
        wish = self._wishes.settlement(entry.receipt)
        dead = wish is not None and wish.operation == "dead_letter"
        self._ledger.settled(worker, entry, wish.reason if dead and wish is not None else None)

    def _note_deadline(self, worker: str, request: Any, entry: Entry) -> None:
        seconds = request.ack_deadline_seconds
        wish = self._wishes.hand_back(entry.receipt, seconds)
        if seconds and wish is None:
            self._ledger.extended(worker, entry, seconds)
        elif seconds or entry.key not in self._ledger.visible:  # what is visible is not handed back once more
            interrupted = wish is None or wish.reason != "retry"
            self._ledger.handed_back(worker, entry, seconds, interrupted=interrupted)


def at_once(work: Any) -> Any:
    """What comes of a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as over:
        return over.value
    raise AssertionError("the service waits, although it was asked not to")
