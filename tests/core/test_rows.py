"""Every row of the transition table can be taken, and does what it says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloud_tasks.core import inputs as got
from cloud_tasks.core.actions import ACTIONS
from cloud_tasks.core.attempt import SIGNAL_MEANINGS, TRANSITIONS, Row, Signal, State
from cloud_tasks.core.policy import Backoff
from tests.core.driving import TERMINATED, Driver, lease, malformed

L, R, P = State.LEASED, State.RUNNING, State.STOPPING
S, D, X, W = State.SETTLING, State.SETTLED, State.LOST, State.WAITING

# How each row is reached: what happens, in order; the last word is what the row is about.
PATHS: dict[tuple[State, Signal], str] = {
    (L, Signal.STARTED): "lease started",
    (L, Signal.START_AGAIN): "lease start_failed",
    (L, Signal.BUSY): "lease started ended again",
    (L, Signal.START_FAILED): "lease start_failed start_due start_failed start_due start_failed",
    (L, Signal.REFUSED): "malformed",
    (L, Signal.UNWANTED): "shutdown lease",
    (L, Signal.ENDED): "lease ended",
    (L, Signal.DEADLINE): "longlease deadline",
    (L, Signal.INTERRUPT): "longlease shutdown stop_due",
    (L, Signal.RENEW_DUE): "lease renew_due",
    (L, Signal.EXTENDED): "lease renew_due extended",
    (L, Signal.EXTEND_FAILED): "lease renew_due extend_failed",
    (L, Signal.FENCE): "lease renew_due fence",
    (L, Signal.LEASE_LOST): "lease renew_due lost",
    (W, Signal.START_DUE): "lease start_failed start_due",
    (W, Signal.INTERRUPT): "lease start_failed shutdown",
    (W, Signal.RENEW_DUE): "slow lease start_failed renew_due",
    (W, Signal.EXTENDED): "slow lease renew_due start_failed extended",
    (W, Signal.EXTEND_FAILED): "slow lease renew_due start_failed extend_failed",
    (W, Signal.FENCE): "slow lease renew_due start_failed fence",
    (W, Signal.LEASE_LOST): "slow lease renew_due start_failed lost",
    (R, Signal.ENDED): "lease started ended",
    (R, Signal.DEADLINE): "longlease started deadline",
    (R, Signal.INTERRUPT): "longlease started shutdown stop_due",
    (R, Signal.RENEW_DUE): "lease started renew_due",
    (R, Signal.EXTENDED): "lease started renew_due extended",
    (R, Signal.EXTEND_FAILED): "lease started renew_due extend_failed",
    (R, Signal.FENCE): "lease started renew_due fence",
    (R, Signal.LEASE_LOST): "lease started renew_due lost",
    (P, Signal.STARTED): "longlease deadline started",
    (P, Signal.START_FAILED): "longlease deadline start_failed",
    (P, Signal.ENDED): "longlease started deadline ended",
    (P, Signal.INTERRUPT): "longlease started deadline shutdown shutdown",
    (P, Signal.KILL_DUE): "longlease started deadline kill_due",
    (P, Signal.RENEW_DUE): "lease started wait deadline renew_due",
    (P, Signal.EXTENDED): "lease started wait deadline renew_due extended",
    (P, Signal.EXTEND_FAILED): "lease started wait deadline renew_due extend_failed",
    (P, Signal.FENCE): "lease started wait deadline renew_due fence",
    (P, Signal.LEASE_LOST): "lease started wait deadline renew_due lost",
    (S, Signal.STORED): "lease started ended stored",
    (S, Signal.SETTLED): "lease started ended stored settled",
    (S, Signal.SETTLE_FAILED): "lease started ended stored settle_failed",
    (S, Signal.RETRY_DUE): "lease started ended stored settle_failed retry_due",
    (S, Signal.RENEW_DUE): "lease started ended renew_due",
    (S, Signal.EXTENDED): "lease started ended renew_due extended",
    (S, Signal.EXTEND_FAILED): "lease started ended renew_due extend_failed",
    (S, Signal.LEASE_LOST): "lease started ended stored lost",
    (S, Signal.GONE): "lease started ended gone",
    (D, Signal.GONE): "lease started ended stored settled gone",
    (D, Signal.SETTLED): "lease started renew_due fence ended gone stored extended settled",
    (D, Signal.SETTLE_FAILED): "lease started renew_due fence ended gone extended stored settle_failed",
    (D, Signal.STORED): "lease started ended renew_due lost stored",
    (D, Signal.EXTENDED): "lease started renew_due fence ended extended",
    (D, Signal.EXTEND_FAILED): "lease started renew_due fence ended extend_failed",
    (D, Signal.LEASE_LOST): "lease started renew_due fence ended lost",
    (X, Signal.STARTED): "lease renew_due fence started",
    (X, Signal.START_FAILED): "lease renew_due fence start_failed",
    (X, Signal.ENDED): "lease started renew_due fence ended",
    (X, Signal.INTERRUPT): "lease started renew_due fence shutdown shutdown",
    (X, Signal.KILL_DUE): "lease started renew_due fence kill_due",
    (X, Signal.EXTENDED): "lease started renew_due fence extended",
    (X, Signal.EXTEND_FAILED): "lease started renew_due fence extend_failed",
    (X, Signal.LEASE_LOST): "lease started renew_due fence lost",
}

LEASE_S = 30.0
RUNTIME_S = 50.0


class Path(Driver):
    """Understands the words of `PATHS`; "slow" comes first, where starts are tried at long intervals."""

    def __init__(self, words: str) -> None:
        pause_s = 1000.0 if words.startswith("slow") else 0.1
        backoff = Backoff(base_s=pause_s, cap_s=pause_s)
        super().__init__(max_runtime_s=RUNTIME_S, grace_s=20.0, starts_max=3, start_backoff=backoff)
        self.walk(words)

    def walk(self, words: str) -> None:
        """All words, in order."""
        for word in words.split():
            self.machine.fired.clear()
            WORDS[word](self)

    def until_fired(self, signal: Signal) -> None:
        """Wake the machine up, again and again, until it fires the signal."""
        while signal not in [fired for _, fired in self.machine.fired]:
            moment = self.machine.next_wakeup()
            assert moment is not None, f"{signal.name} is not planned"
            self.now = max(self.now, moment)
            self.tell(got.TimeReached())


def time_for(signal: Signal) -> Callable[[Path], None]:
    return lambda path: path.until_fired(signal)


def wait_and_extend(path: Path) -> None:
    """Come close to the deadline with the lease just extended."""
    while path.now < RUNTIME_S - LEASE_S / 3:
        path.until_fired(Signal.RENEW_DUE)
        path.tell(got.Extended(1, lease(duration_s=LEASE_S), path.now))
        path.machine.fired.clear()


WORDS: dict[str, Callable[[Path], object]] = {
    "lease": lambda path: path.receive(lease(duration_s=LEASE_S)),
    "longlease": lambda path: path.receive(lease(duration_s=600.0)),
    "again": lambda path: path.receive(lease(receipt="r2", duration_s=LEASE_S)),
    "malformed": lambda path: path.receive(malformed()),
    "shutdown": lambda path: path.tell(got.ShutdownRequested()),
    "started": lambda path: path.tell(got.RunStarted(1)),
    "start_failed": lambda path: path.tell(got.RunStartFailed(1, "no processes left")),
    "ended": lambda path: path.tell(got.RunEnded(1, TERMINATED)),
    "gone": lambda path: path.tell(got.RunGone(1)),
    "stored": lambda path: path.tell(got.EventsStored([1])),
    "settled": lambda path: path.tell(got.Settled(1)),
    "settle_failed": lambda path: path.tell(got.SettleFailed(1, "no answer")),
    "extended": lambda path: path.tell(got.Extended(1, lease(receipt="r2", duration_s=LEASE_S), path.now)),
    "extend_failed": lambda path: path.tell(got.ExtendFailed(1, "no answer")),
    "lost": lambda path: path.tell(got.LeaseLost(1, "somebody else has it")),
    "deadline": time_for(Signal.DEADLINE),
    "stop_due": time_for(Signal.INTERRUPT),
    "kill_due": time_for(Signal.KILL_DUE),
    "renew_due": time_for(Signal.RENEW_DUE),
    "fence": time_for(Signal.FENCE),
    "retry_due": time_for(Signal.RETRY_DUE),
    "start_due": time_for(Signal.START_DUE),
    "wait": wait_and_extend,
    "slow": lambda path: path.now,
}


@pytest.mark.parametrize("row", TRANSITIONS, ids=lambda row: f"{row.state.name}-{row.signal.name}")
def test_the_row_is_taken(row: Row) -> None:
    path = Path(PATHS[row.state, row.signal])
    assert (row.state, row.signal) in path.machine.fired
    attempts = path.machine._state.attempts
    if attempts:
        assert attempts[max(attempts)].state is row.next
    else:
        assert "close" in row.does


def test_every_row_has_a_path_and_every_path_a_row() -> None:
    assert set(PATHS) == {(row.state, row.signal) for row in TRANSITIONS}
    assert len(PATHS) == len(TRANSITIONS)


def test_every_action_is_used_and_every_signal_explained() -> None:
    assert {name for row in TRANSITIONS for name in row.does} == set(ACTIONS)
    assert set(SIGNAL_MEANINGS) == set(Signal) == {row.signal for row in TRANSITIONS}


def test_what_is_not_in_the_table_is_said_to_be_impossible() -> None:
    path = Path("lease started")
    with pytest.raises(AssertionError, match="attempt 1: GONE cannot happen in state RUNNING"):
        path.tell(got.RunGone(1))
