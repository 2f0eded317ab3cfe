"""`Books`: what they remember, and for how long."""

from __future__ import annotations

from cloud_tasks.core.events import KeepAlive
from cloud_tasks.core.task import Lease, Outcome, OutcomeKind, Task
from fakes.history import Fact, FactKind
from simulation.happenings import (
    CallAnswered,
    CallIssued,
    EventStored,
    QueueChanged,
    RunBegan,
    RunGone,
    RunOver,
    RunRequested,
    WorkerBegan,
)
from simulation.history import History
from simulation.judges.books import Books
from tests.simulation.judges.story import RETURNED

WORKER = "worker-1"


class Days:
    """A worker that does one task after the other, as the books hear of it."""

    def __init__(self, books: Books) -> None:
        self.history = History()
        self._calls = 0
        books.listen(self.history)
        self.history.tell(WorkerBegan(at=0.0, worker=WORKER))

    def send(self, key: str) -> None:
        self._fact(FactKind.SENT, key, "")

    def work(self, key: str, renewals: int = 0) -> None:
        """From the receive to the confirmed ack, with so many extensions that renew the receipt."""
        receipt, task_id = f"{key}#1", f"task-{key}"
        self._call("receive")
        self._fact(FactKind.DELIVERED, key, receipt)
        lease = Lease(Task(task_id, {}), key, receipt, 30.0, 1)
        self._answer("receive", leases=(lease,))
        for number in range(2, 2 + renewals):
            self._call("extend", task_id=task_id, receipt=receipt)
            receipt = f"{key}#{number}"
            self._fact(FactKind.EXTENDED, key, receipt)
            renewed = Lease(Task(task_id, {}), key, receipt, 30.0, 1)
            self._answer("extend", task_id=task_id, leases=(renewed,))
        run = int(key)
        self.history.tell(RunRequested(at=2.0, worker=WORKER, task_id=task_id, attempt=1, run=run))
        self.history.tell(RunBegan(at=2.0, worker=WORKER, task_id=task_id, attempt=1, run=run))
        self.history.tell(RunOver(at=3.0, worker=WORKER, task_id=task_id, run=run, end=RETURNED))
        self.history.tell(RunGone(at=3.0, worker=WORKER, task_id=task_id, run=run))
        self.ack(key, receipt)
        self._fact(FactKind.ACKED, key, receipt)
        self._answer("ack", task_id=task_id)

    def ack(self, key: str, receipt: str = "") -> None:
        done = Outcome(OutcomeKind.COMPLETED)
        self._call("ack", task_id=f"task-{key}", receipt=receipt or f"{key}#1", outcome=done)

    def _call(
        self, operation: str, task_id: str = "", receipt: str = "", outcome: Outcome | None = None
    ) -> None:
        self._calls += 1
        issued = CallIssued(
            at=1.0,
            worker=WORKER,
            operation=operation,
            number=self._calls,
            task_id=task_id,
            receipt=receipt,
            outcome=outcome,
        )
        self.history.tell(issued)

    def _answer(self, operation: str, task_id: str = "", leases: tuple[Lease, ...] = ()) -> None:
        answered = CallAnswered(
            at=1.5, worker=WORKER, operation=operation, number=self._calls, task_id=task_id, leases=leases
        )
        self.history.tell(answered)

    def _fact(self, kind: FactKind, key: str, receipt: str) -> None:
        fact = Fact(kind, 1.0, key, receipt, 1, until=31.0)
        self.history.tell(QueueChanged(at=1.0, worker=WORKER, fact=fact, task_id=f"task-{key}"))


def test_of_what_is_settled_only_the_latest_is_remembered() -> None:
    books = Books(5, settled_max=2)
    days = Days(books)
    keys = ("1", "2", "3", "4")
    for key in keys:
        days.send(key)
        days.work(key)
    assert sorted(books.current) == ["3", "4"]
    assert sorted(books.messages) == ["1", "2", "3", "4"], (
        "who is accounted for at the end is never forgotten"
    )
    known = []
    for key in keys:
        days.ack(key)
        known.append(books.holding is not None and books.holding.confirmed)
    assert known == [False, False, True, True]
    assert books.runs == {}


def test_receipts_that_were_renewed_are_forgotten_with_their_delivery() -> None:
    books = Books(5, settled_max=1)
    days = Days(books)
    for key in ("1", "2", "3"):
        days.send(key)
        days.work(key, renewals=3)
    for receipt, is_known in (("1#1", False), ("2#3", False), ("2#4", False), ("3#1", True), ("3#4", True)):
        days.ack(receipt.partition("#")[0], receipt)
        assert (books.holding is not None) is is_known, receipt


def test_of_what_is_stored_only_the_latest_is_known_again() -> None:
    books = Books(5, stored_max=2)
    days = Days(books)
    events = [KeepAlive(instance_id=str(number)) for number in range(3)]
    for event in events:
        days.history.tell(EventStored(at=1.0, worker=WORKER, event=event))
        assert not books.repeated
    days.history.tell(EventStored(at=1.0, worker=WORKER, event=events[2]))
    assert books.repeated
    assert list(books.lives[WORKER].events) == [id(events[1]), id(events[2])]
