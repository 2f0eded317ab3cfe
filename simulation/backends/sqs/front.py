"""`Front`: stands before a service, sees what each call does, and lets go wrong what SQS may get wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fakes.sqs.errors import SqsError, throttled
from fakes.sqs.wire import Wire as JsonProtocol
from simulation.backends.ledger import Entry, Ledger
from simulation.backends.sqs.exchange import Answer, Request
from simulation.backends.sqs.servers import Server
from simulation.backends.watched import Wishes
from simulation.backends.wire import Strokes
from simulation.faults import FaultClass
from simulation.shares import share_of

Item = dict[str, Any]
_EMPTY = Answer(200, {"Content-Type": "application/x-amz-json-1.0"}, b"{}")
_INTERNAL = {"Code": "InternalError", "Message": "We encountered an internal error.", "SenderFault": False}
_OUTDATED = {
    "Code": "InvalidParameterValue",
    "Message": "Value for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not "
    "available for visibility timeout change.",
    "SenderFault": True,
}
_OLD_DELETES = 0.5


class Front:
    """Passes requests on. What is done to messages of the task queue is entered into the ledger.

    A standard queue may take an old receipt and do nothing, or refuse it; that it deletes the message of
    somebody else, as both services here would, is not played.

    Args:
        server: What answers.
        ledger: The books.
        strokes: What goes wrong.
        wishes: What the workers want.
        seed: Of what SQS does with old receipts.
        strict: Whether it is a FIFO queue.
        receives_max: What was delivered so often is buried.
        duplicate: Has a message that was delivered be shown to others, too.
        count_dead: How many dead letters there are.
    """

    def __init__(
        self,
        server: Server,
        ledger: Ledger,
        strokes: Strokes,
        wishes: Wishes,
        *,
        seed: int,
        strict: bool,
        receives_max: int,
        duplicate: Callable[[Entry], None],
        count_dead: Callable[[], int],
    ) -> None:
        self._server = server
        self._ledger = ledger
        self._strokes = strokes
        self._wishes = wishes
        self._seed = seed
        self._strict = strict
        self._receives_max = receives_max
        self._duplicate = duplicate
        self._count_dead = count_dead
        self._refusals = JsonProtocol(seed)
        self._calls: Mapping[str, Callable[[str, Request], Answer]] = {
            "ReceiveMessage": self._receive,
            "DeleteMessageBatch": self._delete,
            "ChangeMessageVisibilityBatch": self._change,
        }

    def answer(self, worker: str, request: Request) -> Answer:
        """What a worker is answered."""
        self._ledger.catch_up()
        call = self._calls.get(request.operation)
        return self._server.answer(request) if call is None else call(worker, request)

    def refuse(self) -> Answer:
        """One call too many."""
        return self._refused(throttled())

    def _refused(self, error: SqsError) -> Answer:
        reply = self._refusals.refuse(error)
        return Answer(reply.status, reply.headers, reply.body)

    # -- receiving ---------------------------------------------------------------------------------------

    def _receive(self, worker: str, request: Request) -> Answer:
        visible = self._ledger.visible
        if self._strokes.withholds(worker, len(visible)) or not visible:
            return _EMPTY
        asked = request.read()
        spent = [entry for entry in visible.values() if entry.deliveries >= self._receives_max]
        answer = self._server.answer(request.asking({**asked, "WaitTimeSeconds": 0}))
        self._note_buried(spent)
        if answer.is_good:
            for message in answer.read().get("Messages", ()):
                self._note_delivery(worker, message, float(asked["VisibilityTimeout"]))
        return answer

    def _note_buried(self, spent: list[Entry]) -> None:
        """SQS buries what was delivered too often when it comes to its turn in a receive."""
        if spent:
            known = self._ledger.buried.total()
            for entry in spent[: max(self._count_dead() - known, 0)]:
                self._ledger.buried_by_service(entry)

    def _note_delivery(self, worker: str, message: Mapping[str, str], lease_s: float) -> None:
        entry = self._ledger.delivered(worker, message["MessageId"], message["ReceiptHandle"], lease_s)
        if entry is None or self._strict:
            return
        if self._strokes.duplicates(entry):
            self._duplicate(entry)

    # -- settling ----------------------------------------------------------------------------------------

    def _delete(self, worker: str, request: Request) -> Answer:
        def before(item: Item) -> Item | None:
            receipt = item["ReceiptHandle"]
            if self._ledger.is_outdated(receipt) and not self._strict:
                silent = share_of(self._seed, "old receipt", receipt) < _OLD_DELETES
                return {} if silent else dict(_OUTDATED)
            entry = self._ledger.newest(receipt)
            if entry is None or self._strict:
                return None
            return {} if self._strokes.forgets(entry) else None

        def after(item: Item) -> None:
            entry = self._ledger.newest(item["ReceiptHandle"])
            if entry is not None:
                wish = self._wishes.settlement(item["ReceiptHandle"])
                dead = wish is not None and wish.operation == "dead_letter"
                self._ledger.settled(worker, entry, wish.reason if dead and wish is not None else None)

        return self._batch(request, "ack", before, after)

    def _change(self, worker: str, request: Request) -> Answer:
        def before(item: Item) -> Item | None:
            outdated = self._ledger.is_outdated(item["ReceiptHandle"]) and not self._strict
            return dict(_OUTDATED) if outdated else None

        def after(item: Item) -> None:
            receipt, seconds = item["ReceiptHandle"], item["VisibilityTimeout"]
            entry = self._ledger.newest(receipt)
            if entry is None:
                return
            wish = self._wishes.hand_back(receipt, seconds)
            if seconds and wish is None:
                self._ledger.extended(worker, entry, seconds)
            else:
                interrupted = wish is None or wish.reason != "retry"
                self._ledger.handed_back(worker, entry, seconds, interrupted=interrupted)

        return self._batch(request, "extend", before, after)

    def _batch(
        self,
        request: Request,
        operation: str,
        before: Callable[[Item], Item | None],
        after: Callable[[Item], None],
    ) -> Answer:
        """Carry out a batch, entry by entry.

        Args:
            request: The batch.
            operation: What its entries are, unless they are settlements that were asked for.
            before: What an entry is answered without being passed on: {} for success; None: it is passed on.
            after: Enters what was carried out into the ledger.
        """
        asked = request.read()
        successful: list[Item] = []
        failed: list[Item] = []
        passed: dict[str, tuple[Item, bool]] = {}
        for item in asked["Entries"]:
            struck = self._strokes.on_entry(self._name(item, operation), self._task_of(item))
            said = dict(_INTERNAL) if struck is FaultClass.REQUEST_LOST else before(item)
            if said is None:
                passed[item["Id"]] = item, struck is FaultClass.REPLY_LOST
            elif said:
                failed.append({"Id": item["Id"], **said})
            else:
                successful.append({"Id": item["Id"]})
        answer = _EMPTY
        if passed:
            answer = self._server.answer(
                request.asking({**asked, "Entries": [item for item, _ in passed.values()]})
            )
            if not answer.is_good:
                return answer
            told = answer.read()
            failed += told.get("Failed", ())
            for done in told.get("Successful", ()):
                item, lost = passed[done["Id"]]
                after(item)
                (failed.append({"Id": done["Id"], **_INTERNAL}) if lost else successful.append(done))
        return answer.saying({"Successful": successful, "Failed": failed})

    def _name(self, item: Item, operation: str) -> str:
        wish = self._wishes.settlement(item["ReceiptHandle"])
        if wish is None or (operation == "ack") != (wish.operation in ("ack", "dead_letter")):
            return operation
        return wish.operation

    def _task_of(self, item: Item) -> str:
        return self._ledger.task_of(item["ReceiptHandle"]) or item["ReceiptHandle"]
