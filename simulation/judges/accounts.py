"""S3, S20: nothing is lost in the queue, and only who holds a message changes what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fakes.history import FactKind
from simulation.happenings import QueueChanged
from simulation.history import History
from simulation.judges.books import Books
from simulation.judges.judge import Bench

_FINAL = frozenset((FactKind.ACKED, FactKind.DEAD_LETTERED, FactKind.REMOVED))
_BY_HOLDER = frozenset((FactKind.ACKED, FactKind.NACKED, FactKind.EXTENDED))


class AccountsJudge:
    """Keeps accounts of every message, and compares them with the queue's own at the end.

    Args:
        bench: Where verdicts go.
        books: What has been seen.
        counts: How many messages are in each place, as the queue says.
    """

    def __init__(self, bench: Bench, books: Books, counts: Callable[[], Mapping[str, int]]) -> None:
        self._bench = bench
        self._s3 = bench.watch("S3")
        self._s20 = bench.watch("S20")
        self._books = books
        self._counts = counts
        self._over: dict[str, FactKind] = {}
        self._dead = 0

    def listen(self, history: History) -> None:
        """See `Judge`."""
        history.on(QueueChanged, self._on_queue)

    def _on_queue(self, happening: QueueChanged) -> None:
        fact, task_id = happening.fact, happening.task_id
        kind = fact.kind
        before = self._over.get(fact.key)
        self._s3.looks += 1
        if before is not None:
            self._s3.broken("{} after it was {}", kind, before, task_id=task_id)
        if kind in _FINAL:
            self._over[fact.key] = kind
            self._dead += kind is FactKind.DEAD_LETTERED
        if kind in _BY_HOLDER:
            holding = self._books.holding
            kept = holding is not None and holding.worker == happening.worker
            self._s20.looks += 1
            if not kept:
                self._s20.broken(
                    "{} by somebody who does not hold it", kind, task_id=task_id, worker=happening.worker
                )

    def finish(self) -> None:
        """Compare with what the queue says of itself."""
        counts = self._counts()
        accepted = len(self._books.messages)
        live = counts["visible"] + counts["in_flight"] + counts["delayed"]
        self._bench.check(
            "S3",
            accepted == len(self._over) + live and self._dead == counts["dead"],
            "{} were accepted, {} left the queue, {} of them dead, and it holds {}",
            accepted,
            len(self._over),
            self._dead,
            counts,
        )
