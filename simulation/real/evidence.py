"""What a rehearsal has left in its directory, put together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from cloud_tasks.core.task import MalformedTask
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.runners.attempt import KILL_CONFIRM_S
from simulation.happenings import EventStored, Happening
from simulation.judges.panel import Surroundings
from simulation.real import run_side, worker_side
from simulation.real.agreement import Peer
from simulation.real.broker_side import BrokerSide
from simulation.real.occurrences import Occurrences
from simulation.real.recorded import read_record
from simulation.real.rehearsal import CALLS, LEDGER, SEEN, liveness_bound_s
from simulation.real.seen import Seen, What
from simulation.real.settings import RealSettings
from simulation.world import machine_settings

SETTINGS = "settings.json"
R = TypeVar("R")


class EvidenceError(ConfigurationError):
    """What a directory holds cannot be judged."""


class RealClosing:
    """How a rehearsal came to its end, by its notes; see `Closing`.

    Args:
        notes: The notes.
        settings: What it was told.
        peer: Knows how many tasks there were.

    Attributes:
        quiet_at: When the faults stopped.
        settled: Whether nothing was left in the queue then, in time.
        ended: Whether every worker ended in time when it was asked to.
        over_at: When all was over.
    """

    def __init__(self, notes: list[Seen], settings: RealSettings, peer: Peer) -> None:
        moments = {note.what: note.at for note in notes}
        self.quiet_at = moments.get(What.QUIET, math.inf)
        self.settled = What.SETTLED in moments
        self.ended = What.ENDED in moments
        self.over_at = moments.get(What.OVER, math.inf)
        self._settings = settings
        self._peer = peer

    def liveness_bound_s(self) -> float:
        """See `Closing`."""
        return liveness_bound_s(self._settings, len(self._peer.tasks))


class Evidence:
    """Three sides of the same story: the record, the ledger, and the notes.

    Args:
        directory: Where they are.

    Attributes:
        settings: What the rehearsal was told.
        plan: The rehearsal as the virtual world would have planned it.
        notes: What it did and saw.
        broker: What the record tells.
        runs: What the ledger tells.
        closing: How it came to its end.
        reasons: Why workers say that they ended, by name.

    Raises:
        EvidenceError: A side is missing or is something else; or the rehearsal did not come to its end.
    """

    def __init__(self, directory: Path) -> None:
        self.settings = _read(directory / SETTINGS, _read_settings)
        self.plan = self.settings.plan()
        self.notes = _read(directory / SEEN, worker_side.read_seen)
        if What.OVER not in {note.what for note in self.notes}:
            told = f"the rehearsal in `{directory}` was interrupted: what it came to cannot be judged"
            raise EvidenceError(Problem(told))
        self._occurrences = Occurrences()
        self.broker = BrokerSide(self.plan.queue, self._occurrences)
        self.broker.read(_read(directory / CALLS, lambda path: list(read_record(path))))
        self.closing = RealClosing(self.notes, self.settings, self.broker.peer)
        self._counts = self.broker.peer.counts(self.closing.over_at)
        lines = _read(directory / LEDGER, run_side.read_ledger)
        self.runs = run_side.Runs(lines, self.notes, self.broker, self.plan.worker.max_runtime_s)
        self._add_workers()
        self.runs.add_to(self._occurrences)

    def happenings(self) -> Iterator[Happening]:
        """Everything, as the virtual world would have told it."""
        return self._occurrences.in_order()

    def surroundings(self) -> Surroundings:
        """What judges know beside that."""
        tasks = self.broker.peer.tasks
        settings = machine_settings(self.plan.worker)
        # A process that watches over a run may be stopped just when it is to end it; then it is ended itself.
        settings = replace(settings, stop_s=settings.stop_s + KILL_CONFIRM_S)
        return Surroundings(
            settings=settings,
            counts=lambda: self._counts,
            is_malformed=lambda key: isinstance(tasks[key], MalformedTask),
            loop=None,
            closing=self.closing,
        )

    def _add_workers(self) -> None:
        occurrences = self._occurrences
        events = list(occurrences.of(EventStored))
        self.reasons = worker_side.reasons_of(events)
        grace_s = self.plan.worker.shutdown_grace_period_s
        worker_side.add_workers(self.notes, grace_s, self.reasons, occurrences)
        worker_side.add_notices(self.notes, events, occurrences)


def _read_settings(path: Path) -> RealSettings:
    return msgspec.json.decode(path.read_bytes(), type=RealSettings)


def _read(path: Path, read: Callable[[Path], R]) -> R:
    """What a file holds.

    Raises:
        EvidenceError: It cannot be read, or is something else.
    """
    try:
        return read(path)
    except OSError as error:
        raise EvidenceError(Problem(f"cannot read `{path}`: {error.strerror}")) from None
    except (ValueError, TypeError) as error:  # TypeError: a line of the ledger has other fields
        raise EvidenceError(Problem(f"`{path}` is not what `real` has written: {error}")) from None
