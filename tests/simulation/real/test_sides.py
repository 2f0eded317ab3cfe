"""From what was recorded, written and seen to what happened."""

from __future__ import annotations

import json
from typing import Any

from cloud_tasks.core.events import TaskEvent, TaskExited, WorkerStopped
from cloud_tasks.core.task import EndKind
from fakes.queue_options import QueueOptions
from fakes.sqs.message import Handle
from fakes.sqs.recording import CANCELLED, RecordedCall
from simulation.happenings import (
    CallAnswered,
    CallIssued,
    EndHeard,
    EventStored,
    Happening,
    RunBegan,
    RunGone,
    RunOver,
    RunRequested,
    StoreFailed,
    WorkerEnded,
)
from simulation.real import ledger
from simulation.real.broker_side import BrokerSide
from simulation.real.occurrences import Occurrences
from simulation.real.run_side import LedgerLine, Runs
from simulation.real.seen import Seen, What
from simulation.real.settings import DEAD, EVENTS, QUEUE
from simulation.real.sqs_client import WHO
from simulation.real.worker_side import HEARD_S, add_workers, reasons_of

OPTIONS = QueueOptions(lease_s=5.0, settles_after_expiry=True, counts_interruptions=False)
BODY = '{"task_id": "t", "data": {}}'
RECEIPT = Handle(1, 1, 1).encode()


def call(at: float, operation: str, queue: str = QUEUE, **members: Any) -> RecordedCall:
    request = {"QueueUrl": f"http://x/{queue}", **members.pop("request", {})}
    members = {"who": "w", "invocation": f"i{at}", "answer": {}, **members}
    return RecordedCall(asked_at=at, at=at, operation=operation, request=request, **members)


def sent() -> RecordedCall:
    members: dict[str, Any] = {
        "request": {"MessageBody": BODY},
        "answer": {"MessageId": "m"},
        "who": WHO,
        "invocation": "",
    }
    return call(0.0, "SendMessage", **members)


def received(at: float = 1.0, **members: Any) -> RecordedCall:
    message = {
        "MessageId": "m",
        "ReceiptHandle": RECEIPT,
        "Body": BODY,
        "Attributes": {"ApproximateReceiveCount": "1"},
    }
    request = {"MaxNumberOfMessages": 3, "WaitTimeSeconds": 1}
    return call(at, "ReceiveMessage", **{"request": request, "answer": {"Messages": [message]}, **members})


def deleted(at: float, **members: Any) -> RecordedCall:
    request = {"Entries": [{"Id": "0", "ReceiptHandle": RECEIPT}]}
    answer = {"Successful": [{"Id": "0"}]}
    return call(at, "DeleteMessageBatch", **{"request": request, "answer": answer, **members})


def handed_back(at: float) -> RecordedCall:
    request = {"Entries": [{"Id": "0", "ReceiptHandle": RECEIPT, "VisibilityTimeout": 0}]}
    return call(at, "ChangeMessageVisibilityBatch", request=request, answer={"Successful": [{"Id": "0"}]})


def stored(at: float, kind: str = "task_exited", *, retry: bool = False, **members: Any) -> RecordedCall:
    event = {"event_type": kind, "task_id": "t", "elapsed_time": 1.0, "retry": retry, "attempt": 1}
    event |= {"exit_code": 1, "signal": "", "oom_killed": False, "peak_memory_bytes": None, "stderr_tail": ""}
    event |= {"reason": "shutdown"} if kind == "task_interrupted" else {}
    request = {"Entries": [{"Id": "0", "MessageBody": json.dumps(event)}]}
    answer = {"Successful": [{"Id": "0", "MessageId": "e"}]}
    return call(at, "SendMessageBatch", EVENTS, **{"request": request, "answer": answer, **members})


def told(*calls: RecordedCall) -> list[Happening]:
    """What calls come to, but for what happens in the queue itself."""
    occurrences = Occurrences()
    BrokerSide(OPTIONS, occurrences).read(calls)
    kinds = (CallIssued, CallAnswered, EventStored, StoreFailed)
    return [happening for happening in occurrences.in_order() if isinstance(happening, kinds)]


def words(*calls: RecordedCall) -> list[str]:
    found = []
    for one in told(*calls):
        if isinstance(one, CallIssued):
            found.append(f"{one.operation} {one.reason}".strip())
        elif isinstance(one, CallAnswered):
            found.append(f"{one.operation}: {one.error or 'done'}")
        else:
            found.append(type(one).__name__)
    return found


def test_a_receive_brings_leases_and_a_delete_is_an_ack() -> None:
    issued, answered, ack, done = told(sent(), received(), deleted(2.0))
    assert isinstance(issued, CallIssued)
    assert (issued.operation, issued.tasks_max, issued.seconds, issued.worker) == ("receive", 3, 1.0, "w")
    assert isinstance(answered, CallAnswered)
    assert [(lease.receipt, lease.duration_s) for lease in answered.leases] == [("1#1", 5.0)]
    assert isinstance(ack, CallIssued)
    assert (ack.operation, ack.task_id, ack.receipt) == ("ack", "t", "1#1")
    assert isinstance(done, CallAnswered)
    assert (done.number, done.error) == (ack.number, "")


def test_what_a_client_tries_again_by_itself_is_one_call() -> None:
    first = deleted(2.0, invocation="again", answer=None, error="ServiceUnavailable")
    assert words(sent(), received(), first, deleted(2.5, invocation="again")) == [
        "receive",
        "receive: done",
        "ack",
        "ack: done",
    ]
    issued = next(
        one for one in told(sent(), received(), first, deleted(2.5, invocation="again")) if one.at > 1
    )
    assert issued.at == 2.0


def test_an_answer_that_is_lost_is_trouble_and_brings_nothing() -> None:
    assert words(sent(), received(lost=True)) == ["receive", "receive: QueueUnavailableError"]
    assert words(sent(), received(answer=None, error=CANCELLED)) == ["receive"]


def test_what_a_worker_asks_to_see_whether_it_may_is_no_call() -> None:
    nothing = call(0.5, "DeleteMessage", request={"ReceiptHandle": "none"}, error="ReceiptHandleIsInvalid")
    none = call(0.6, "ReceiveMessage", request={"MaxNumberOfMessages": 0}, error="InvalidParameterValue")
    assert words(nothing, none) == []


def test_a_receipt_that_is_no_good_is_a_lost_lease() -> None:
    failed = {"Failed": [{"Id": "0", "Code": "ReceiptHandleIsInvalid"}]}
    assert words(sent(), received(), deleted(9.0, answer=failed))[-1] == "ack: LeaseLostError"


def test_a_message_is_handed_back_for_what_was_stored_of_it() -> None:
    assert words(sent(), received(), handed_back(2.0))[2] == "nack interrupted"
    retried = words(sent(), received(), stored(2.0, retry=True), handed_back(3.0))
    assert retried[2:4] == ["EventStored", "nack retry"]
    interrupted = words(sent(), received(), stored(2.0, "task_interrupted", retry=True), handed_back(3.0))
    assert interrupted[2:4] == ["EventStored", "nack interrupted"]


def test_a_dead_letter_is_sent_and_then_deleted() -> None:
    attributes = {"reason": {"DataType": "String", "StringValue": "why"}}
    bury = call(2.0, "SendMessage", DEAD, request={"MessageBody": BODY, "MessageAttributes": attributes})
    assert words(sent(), received(), bury, deleted(3.0))[2:] == ["dead_letter why", "dead_letter: done"]


def test_an_event_that_is_stored_again_is_the_same_event() -> None:
    first, failed, second = told(stored(1.0, lost=True), stored(2.0))
    assert isinstance(first, EventStored)
    assert isinstance(failed, StoreFailed)
    assert isinstance(second, EventStored)
    assert first.event is second.event
    assert words(stored(1.0, answer=None, error="RequestThrottled")) == ["StoreFailed"]


# -- processes -------------------------------------------------------------------------------------------


class Events:
    """What the record tells of one task on one worker."""

    def __init__(self, *events: tuple[float, TaskEvent]) -> None:
        self.stored = {("w", "t"): events}
        self.given = {("w", "t"): [(0.5, 1), (3.0, 2)]}


def line(what: str, at: float, pid: int = 7) -> LedgerLine:
    return LedgerLine(what, at, "w", "t", 1, pid)


def gone(at: float, pid: int = 7) -> Seen:
    return Seen(what=What.GONE, at=at, worker="w", pid=pid, size=0.02)


def exited(at: float) -> tuple[float, TaskEvent]:
    return at, TaskExited(
        task_id="t",
        elapsed_time=1.0,
        retry=True,
        attempt=1,
        exit_code=-9,
        signal="SIGKILL",
        oom_killed=False,
        peak_memory_bytes=None,
        stderr_tail="",
    )


def runs(
    lines: list[LedgerLine], notes: list[Seen], events: Events, *, heard_at: float | None = None
) -> list[Happening]:
    occurrences = Occurrences()
    if heard_at is not None:
        occurrences.add(EndHeard(at=heard_at, worker="w", why="sigterm", within_s=1.0))
    Runs(lines, notes, events, 2.0).add_to(occurrences)
    return [one for one in occurrences.in_order() if not isinstance(one, EndHeard)]


def end_of(happenings: list[Happening]) -> tuple[float, EndKind]:
    (over,) = [one for one in happenings if isinstance(one, RunOver)]
    return over.at, over.end.kind


def test_a_run_that_returned() -> None:
    happenings = runs([line(ledger.BEGAN, 1.0), line(ledger.RETURNED, 1.5)], [gone(1.6)], Events())
    assert [type(one) for one in happenings] == [RunRequested, RunBegan, RunOver, RunGone]
    assert end_of(happenings) == (1.5, EndKind.RETURNED)


def test_a_run_that_was_killed_was_over_when_it_was_last_not_seen_alive() -> None:
    at, kind = end_of(runs([line(ledger.BEGAN, 1.0)], [gone(1.6)], Events()))
    assert (round(at, 3), kind) == (1.58, EndKind.EXITED)
    assert end_of(runs([line(ledger.BEGAN, 1.0)], [gone(1.6)], Events(exited(1.3))))[0] == 1.3


def test_a_run_that_was_struck_between_its_last_word_and_its_end() -> None:
    lines = [line(ledger.BEGAN, 1.0), line(ledger.RETURNED, 1.5)]
    struck = Seen(what=What.PROCESS_KILLED, at=1.5, worker="w", pid=7)
    assert end_of(runs(lines, [struck, gone(1.5)], Events(exited(1.6))))[1] is EndKind.EXITED
    assert end_of(runs(lines, [gone(1.5)], Events(exited(1.6))))[1] is EndKind.RETURNED


def test_a_run_that_was_struck_before_its_first_word() -> None:
    struck = Seen(what=What.PROCESS_KILLED, at=0.7, worker="w", pid=7)
    happenings = runs([], [struck], Events(exited(1.6)))
    assert end_of(happenings) == (0.7, EndKind.EXITED)
    assert runs([], [], Events(exited(1.6))) == []
    before = Seen(what=What.PROCESS_KILLED, at=0.4, worker="w", pid=7)
    assert 0.5 < end_of(runs([], [before], Events(exited(1.6))))[0] < 0.6  # not before it was given
    long_before = Seen(what=What.PROCESS_KILLED, at=-0.4, worker="w", pid=7)
    assert runs([], [long_before], Events(exited(1.6))) == []


def test_what_a_run_left_behind_for_too_long_is_told() -> None:
    lines = [line(ledger.BEGAN, 1.0), line(ledger.LEAVES, 1.1, pid=8), line(ledger.RETURNED, 1.5)]
    (last,) = [
        one for one in runs(lines, [gone(1.6), gone(1.7, pid=8)], Events()) if isinstance(one, RunGone)
    ]
    assert last.at == 1.5
    (last,) = [
        one for one in runs(lines, [gone(1.6), gone(5.0, pid=8)], Events()) if isinstance(one, RunGone)
    ]
    assert last.at > 3.0


def test_a_run_was_asked_for_before_its_worker_heard_of_its_end() -> None:
    happenings = runs([line(ledger.BEGAN, 1.0)], [gone(1.6)], Events(), heard_at=0.8)
    assert [(type(one), one.at) for one in happenings[:2]] == [(RunRequested, 0.8), (RunBegan, 1.0)]


def test_a_signal_is_heard_soon_or_at_the_end() -> None:
    occurrences = Occurrences()
    notes = [
        Seen(what=What.SIGTERM, at=1.0, worker="a"),
        Seen(what=What.SIGTERM, at=1.0, worker="b"),
        Seen(what=What.WORKER_ENDED, at=1.2, worker="b"),
    ]
    add_workers(notes, 4.0, {}, occurrences)
    assert {one.worker: one.at for one in occurrences.of(EndHeard)} == {"a": 1.0 + HEARD_S, "b": 1.2}


def test_a_worker_says_itself_why_it_ends() -> None:
    occurrences = Occurrences()
    stopped = WorkerStopped(worker_id="a", reason="idle", elapsed_time=1.0, counts={})
    notes = [Seen(what=What.WORKER_ENDED, at=1.2, worker=name, size=1.0) for name in "ab"]
    add_workers(notes, 4.0, reasons_of([EventStored(at=1.1, worker="a", event=stopped)]), occurrences)
    assert {one.worker: one.reason for one in occurrences.of(WorkerEnded)} == {"a": "idle", "b": "status 1"}
