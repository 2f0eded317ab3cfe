"""The excuse ledger: what permits that a lease ends by itself, or that a task is handed back."""

from __future__ import annotations

from fakes.history import Fact
from simulation.judges.records import Holding, Life, RunRecord

DUPLICATE = "duplicate by the broker"
FORGOTTEN = "forgotten by the broker, which had confirmed the ack"
UNFENCED = "handed back by the broker at a late word of one who had it before"
_BY_THE_BROKER = {"duplicate": DUPLICATE, "forgotten": FORGOTTEN, "unfenced": UNFENCED}
UNKNOWN = "the delivery never reached its worker"
LATE = "the delivery reached its worker late"
DEAD = "the worker was gone"
HALTED = "the worker was stopped"
LINK = "a call about it failed, or took long"
SETTLING = "its settlement was under way"
LOST = "the worker had been told that the lease was lost"
LET_GO = "the worker had let go of it when its end was near"
LIMIT = "the longest lease was reached"
ENDING = "the worker was to end"
NO_PROCESS = "there was no process to be had"
LATE_START = "it had not begun for very long, as far as the worker could know"
OLDER_RUN = "an older run of it had not gone"
UNWANTED = "nobody waited for it any more"

HALTED_SHARE = 0.05
"""A worker that was stopped for a smaller share of the lease than this had time enough to extend it."""
LATE_SHARE = 0.25
"""A delivery that took a greater share of its lease to arrive than this is late."""


def of_expiry(  # noqa: C901, PLR0911 - a list of excuses, the strongest first
    holding: Holding, fact: Fact, life: Life | None, longest_s: float
) -> str:
    """Why a lease was not kept; "" if there is no excuse."""
    at = fact.at
    if fact.reason in _BY_THE_BROKER:
        return _BY_THE_BROKER[fact.reason]
    if life is None or (life.over_at is not None and life.over_at <= at):
        return DEAD
    if holding.known_at is None or holding.known_at >= at:
        return UNKNOWN
    if not holding.heard:
        return UNWANTED
    if was_halted(holding, life, at):
        return HALTED
    if holding.lost_at is not None:
        return LOST
    if holding.let_go:
        return LET_GO
    if is_longest(holding, longest_s):
        return LIMIT
    if holding.verdict is not None:
        return SETTLING
    if at > life.exit_by:
        return ENDING
    if holding.troubles or holding.open_calls:
        return LINK
    if holding.known_at - holding.issued_at > LATE_SHARE * (holding.until - holding.issued_at):
        return LATE
    return ""


def was_halted(holding: Holding, life: Life, at: float) -> bool:
    """Whether its worker was stopped for long enough, since it was last told how long the lease lasts."""
    halted_s = life.halted_s(at) - holding.renewed_halted_s
    return halted_s > 0 and (life.halted_at is not None or halted_s >= HALTED_SHARE * holding.term_s)


def is_longest(holding: Holding, longest_s: float) -> bool:
    """Whether its lease cannot be made to last any longer; near its end, its worker lets go of it."""
    return holding.until >= holding.issued_at + longest_s


def of_interruption(  # noqa: PLR0911 - a list of excuses, the strongest first
    holding: Holding, life: Life | None, *, exact: bool
) -> str:
    """Why a task is handed back through no fault of its own; "" if there is no excuse."""
    if not holding.heard:
        return UNWANTED
    if exact and holding.run is not None and ended_by_itself(holding, holding.run, life):
        return ""
    if life is None or life.heard_at is not None or (life.asked and not exact):
        return ENDING
    if holding.let_go:
        return LET_GO
    if holding.starts_failed:
        return NO_PROCESS
    if holding.run is None or holding.run.began_at is None:
        return OLDER_RUN
    if holding.run.unheard:
        return LATE_START
    return ""


def ended_by_itself(holding: Holding, run: RunRecord, life: Life | None) -> bool:
    """Whether a run came to an end of its own, and its worker heard of that before it had to end the run."""
    if run.over_at is None or run.term_at is not None or run.kill_at is not None or run.unheard:
        return False
    if holding.let_go or holding.lost_at is not None or holding.extended_at >= run.over_at:
        return False  # its lease may have been given up as it ended, and turned out to be extended
    return life is None or max(run.over_at, life.continued_at) < life.stop_from
