"""S18: what failed or brought nothing is not repeated at once; L4: and receives are repeated soon after."""

from __future__ import annotations

from cloud_tasks.core.intake import EMPTY_RECEIVE_S
from cloud_tasks.core.machine import MachineSettings
from cloud_tasks.core.policy import Backoff
from simulation.happenings import CallAnswered, CallIssued, EndHeard, RunRequested, StoreFailed, StoreIssued
from simulation.history import History
from simulation.judges.books import Books
from simulation.judges.judge import Bench
from simulation.judges.records import Life

EXTEND_AGAIN_S = 0.05
"""Near the end of a lease, an extension that failed is tried again after so long."""
STORE_AGAIN = Backoff(base_s=0.2, cap_s=30.0)
"""When events that could not be stored are tried again."""
STORE_IN_HASTE = Backoff(base_s=0.2, cap_s=1.0)
"""Likewise, by a worker that is to end."""
_LOST = "LeaseLostError"
RECEIVE = "receive"
SOON_S = 1.0
"""From the end of a pause to the next receive, at most: a worker may wait for more free slots."""
Subject = tuple[str, str, str, int]


class _Series:
    """Calls about one thing, of which the last failed or brought nothing."""

    __slots__ = ("failures", "halted_s", "latest_at", "next_at")

    def __init__(self) -> None:
        self.failures = 0
        self.next_at = self.halted_s = 0.0
        self.latest_at: float | None = None


class _Stores:
    """Attempts of a worker to store its events."""

    __slots__ = ("failed_at", "failures", "next_at", "under_way")

    def __init__(self) -> None:
        self.failures = 0
        self.failed_at = self.next_at = 0.0
        self.under_way = False


class RatesJudge:
    """Derives from the backoffs when the next call may come.

    Args:
        bench: Where verdicts go.
        books: What has been seen.
        settings: What every worker is told.
    """

    def __init__(self, bench: Bench, books: Books, settings: MachineSettings) -> None:
        self._bench = bench
        self._s18 = bench.watch("S18")
        self._books = books
        self._settings = settings
        self._series: dict[Subject, _Series] = {}
        self._stores: dict[str, _Stores] = {}
        self._heard_at: dict[str, float] = {}

    def listen(self, history: History) -> None:
        """See `Judge`."""
        history.on(CallIssued, self._on_issued)
        history.on(CallAnswered, self._on_answered)
        history.on(RunRequested, self._on_requested)
        history.on(StoreIssued, self._on_store_issued)
        history.on(StoreFailed, self._on_store_failed)
        history.on(EndHeard, self._on_heard)

    def finish(self) -> None:
        """Everything was said when it was seen."""

    def _on_issued(self, happening: CallIssued) -> None:
        series = self._series.get(self._subject(happening)) if self._series else None
        if series is not None and series.latest_at is not None:
            self._check_recovery(series, happening)
        self._s18.looks += 1
        if series is not None and happening.at < series.next_at - self._bench.tolerance_s:
            self._s18.broken(
                "{} again, {} s too soon, after {} that failed or brought nothing",
                happening.operation,
                series.next_at - happening.at,
                series.failures,
                task_id=happening.task_id,
                worker=happening.worker,
            )

    def _on_answered(self, happening: CallAnswered) -> None:
        call = self._books.call
        if call is None or not happening.heard:
            return
        empty = happening.operation == RECEIVE and not happening.leases
        if happening.error == _LOST or not (happening.error or empty):
            if self._series:
                self._series.pop(self._subject(happening), None)
            return
        subject = self._subject(happening)
        series = self._series.setdefault(subject, _Series())
        if happening.error:
            series.failures += 1
            series.next_at = happening.at + self._pause_s(happening.operation, series.failures)
            if happening.operation == RECEIVE and self._bench.exact:
                self._expect(series, happening)
        else:
            series.latest_at = None
            series.failures = 0
            series.next_at = call.at + EMPTY_RECEIVE_S

    def _on_requested(self, happening: RunRequested) -> None:
        holding = self._books.holding
        if holding is None or not holding.starts_failed:
            return
        waited_s = happening.at - holding.start_failed_at
        least_s = _least_s(self._settings.start_backoff, holding.starts_failed)
        self._bench.check(
            "S18",
            waited_s >= least_s - self._bench.tolerance_s,
            "asks for its run again {} s after {} that could not be started",
            waited_s,
            holding.starts_failed,
            task_id=happening.task_id,
            worker=happening.worker,
        )

    # -- events ------------------------------------------------------------------------------------------

    def _on_heard(self, happening: EndHeard) -> None:
        self._heard_at[happening.worker] = happening.at
        series = self._series.get((happening.worker, RECEIVE, "", 0))
        if series is not None:
            self._check_recovery(series, happening)

    def _on_store_issued(self, happening: StoreIssued) -> None:
        stores = self._stores.get(happening.worker)
        if stores is None:
            stores = self._stores[happening.worker] = _Stores()
        if stores.under_way:  # nobody has said that it failed
            stores.failures = 0
            stores.next_at = 0.0
        stores.under_way = True
        self._s18.looks += 1
        if happening.at < stores.next_at - self._bench.tolerance_s and not self._is_urgent(stores, happening):
            self._s18.broken(
                "stores events again, {} s too soon, after {} attempts that failed",
                stores.next_at - happening.at,
                stores.failures,
                worker=happening.worker,
            )

    def _is_urgent(self, stores: _Stores, happening: StoreIssued) -> bool:
        """Whether the worker has heard since that it is to end: then it tries once at once."""
        heard_at = self._heard_at.get(happening.worker)
        life = self._books.lives.get(happening.worker)
        if heard_at is None or life is None:
            return False
        return max(heard_at, life.continued_at) >= stores.failed_at

    def _on_store_failed(self, happening: StoreFailed) -> None:
        stores = self._stores.get(happening.worker)
        if stores is None or not stores.under_way:
            return
        stores.under_way = False
        stores.failures += 1
        stores.failed_at = happening.at
        pauses = STORE_IN_HASTE if happening.worker in self._heard_at else STORE_AGAIN
        stores.next_at = happening.at + _least_s(pauses, stores.failures)

    # -- receives, after an outage -----------------------------------------------------------------------

    def _expect(self, series: _Series, happening: CallAnswered) -> None:
        """There was room for what was asked for, and nothing else fills it: the worker has to ask again."""
        life = self._books.life
        if life is None or life.heard_at is not None:
            series.latest_at = None
            return
        series.halted_s = life.halted_s(happening.at)
        series.latest_at = happening.at + _most_s(self._settings.receive_backoff, series.failures) + SOON_S

    def _check_recovery(self, series: _Series, happening: CallIssued | EndHeard) -> None:
        life = self._books.lives.get(happening.worker)
        if life is None or series.latest_at is None or self._is_clogged(life):
            return
        # What it missed while it was stopped is done within the moment that it goes on.
        late_s = happening.at - series.latest_at - (life.halted_s(happening.at) - series.halted_s)
        series.latest_at = None
        self._bench.check(
            "L4",
            late_s <= self._bench.tolerance_s,
            "asks for tasks {} s later than it has to, after {} receives that failed",
            late_s,
            series.failures,
            worker=happening.worker,
        )

    def _is_clogged(self, life: Life) -> bool:
        """Whether so much waits to be settled that a worker takes no more."""
        return len(life.holdings) >= self._settings.unsettled_max

    def _subject(self, happening: CallIssued | CallAnswered) -> Subject:
        """What calls belong together: receives of a worker, extensions or settlements of a delivery."""
        holding = self._books.holding
        if holding is None:
            return happening.worker, happening.operation, "", 0
        kind = "extend" if happening.operation == "extend" else "settle"
        return happening.worker, kind, holding.message.key, holding.number

    def _pause_s(self, operation: str, failures: int) -> float:
        settings = self._settings
        if operation == RECEIVE:
            return _least_s(settings.receive_backoff, failures)
        least_s = _least_s(settings.settle_backoff, failures)
        return min(least_s, EXTEND_AGAIN_S) if operation == "extend" else least_s


def _least_s(backoff: Backoff, failures: int) -> float:
    """The shortest pause after so many failures."""
    return _most_s(backoff, failures) * (1.0 - backoff.jitter)


def _most_s(backoff: Backoff, failures: int) -> float:
    """The longest."""
    return min(backoff.cap_s, backoff.base_s * backoff.factor ** min(failures - 1, 60))
