"""From the ledger, and what workers said of it, to what became of each run."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from cloud_tasks.core.events import TaskEvent, TaskExited, TaskTimedOut
from cloud_tasks.core.task import EndKind, RunEnd
from simulation.happenings import EndHeard, Happening, RunBegan, RunGone, RunOver, RunRequested
from simulation.judges.expected import may_end_so
from simulation.real import ledger
from simulation.real.occurrences import FIRST, Occurrences
from simulation.real.seen import Seen, What

REMAINS_S = 1.0
"""Who watches may see so late that nothing is left of a run."""
START_S = 2.0
"""From the request for a run to its first word, on a busy machine."""
UNNOTICED_S = 0.5
"""A worker may give a task to a process that was struck so long ago, because it has not noticed."""
_TICK_S = 1e-6
_AT_DEADLINE_S = 0.5
_KILLED = RunEnd(EndKind.EXITED, exit_code=-9, signal="SIGKILL")
_SIGNALS = frozenset((What.PROCESS_KILLED, What.PROCESS_STOPPED, What.PROCESS_CONTINUED))


class Told(Protocol):
    """What the record tells of tasks on workers."""

    @property
    def stored(self) -> Mapping[tuple[str, str], Sequence[tuple[float, TaskEvent]]]:
        """The events of each task on each worker, with the moments when they were durable."""
        ...

    @property
    def given(self) -> Mapping[tuple[str, str], Sequence[tuple[float, int]]]:
        """When each worker was given each task, and which delivery it was."""
        ...


class LedgerLine(Struct, frozen=True):
    """A line of the ledger; see `ledger.write`."""

    what: str
    at: float
    worker: str
    task_id: str
    attempt: int
    pid: int


def read_ledger(path: Path) -> list[LedgerLine]:
    """What tasks said of themselves; a line that was cut short is left out."""
    if not path.exists():
        return []
    lines = [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    return [LedgerLine(**json.loads(line)) for line in lines]


class Runs:
    """The runs of tasks, by the ledger.

    Args:
        lines: The ledger.
        notes: The rehearsal's notes.
        broker: What was stored of each task, and when it was given out.
        max_runtime_s: Of a run.

    Attributes:
        count: How many there were.
    """

    def __init__(
        self, lines: Sequence[LedgerLine], notes: Sequence[Seen], broker: Told, max_runtime_s: float
    ) -> None:
        self._lines = lines
        self._heard: dict[str, float] = {}
        self._broker = broker
        self._max_runtime_s = max_runtime_s
        self._gone: dict[int, list[Seen]] = {}
        self._signals: dict[str, list[float]] = {}
        for note in notes:
            if note.what is What.GONE:
                self._gone.setdefault(note.pid, []).append(note)
            elif note.what in _SIGNALS:
                self._signals.setdefault(note.worker, []).append(note.at)
        self._left: dict[tuple[str, str, int], list[int]] = {}
        for line in lines:
            if line.what == ledger.LEAVES:
                self._left.setdefault((line.worker, line.task_id, line.attempt), []).append(line.pid)
        self.count = sum(line.what == ledger.BEGAN for line in lines)

    def add_to(self, occurrences: Occurrences) -> None:
        """Tell of each run."""
        for heard in occurrences.of(EndHeard):
            self._heard[heard.worker] = min(heard.at, self._heard.get(heard.worker, heard.at))
        numbers = itertools.count(1)
        for run in self._runs():
            self._add(next(numbers), run, occurrences)
        for at, worker, event in self._unwritten():
            occurrences.add_all(_unwritten_run(next(numbers), at, worker, event), FIRST)

    def _unwritten(self) -> Iterator[tuple[float, str, TaskEvent]]:
        """Runs whose process was struck before it came to write anything: only their events tell of them."""
        written = {(line.worker, line.task_id, line.attempt) for line in self._lines}
        for (worker, task_id), events in self._broker.stored.items():
            for at, event in events:
                ended_otherwise = not isinstance(event, TaskExited | TaskTimedOut)
                if ended_otherwise or (worker, task_id, event.attempt) in written:
                    continue
                given_at = self._given_at(worker, event, at)
                signals = self._signals.get(worker, ())
                struck_at = (moment for moment in signals if given_at - UNNOTICED_S <= moment <= at)
                if (first_at := next(struck_at, None)) is not None:
                    yield max(first_at, given_at + _TICK_S), worker, event

    def _given_at(self, worker: str, event: TaskEvent, before: float) -> float:
        """When the worker was given what an event tells of."""
        deliveries = self._broker.given.get((worker, event.task_id), ())
        moments = [at for at, number in deliveries if number <= event.attempt and at <= before]
        return max(moments, default=math.inf)

    def _runs(self) -> Iterator[list[LedgerLine]]:
        """The lines of each run, the one of its beginning first."""
        runs: dict[tuple[int, str, int], list[LedgerLine]] = {}
        for line in self._lines:
            whose = line.pid, line.task_id, line.attempt
            if line.what == ledger.LEAVES:
                continue
            if line.what == ledger.BEGAN and whose in runs:
                yield runs.pop(whose)
            runs.setdefault(whose, []).append(line)
        yield from runs.values()

    def _add(self, number: int, lines: list[LedgerLine], occurrences: Occurrences) -> None:
        began = lines[0]
        at, worker, task_id = began.at, began.worker, began.task_id
        heard_at = self._heard.get(worker, at)
        # When it was asked for is not seen; if the worker has heard of its end since, it was before that.
        asked_at = heard_at if heard_at < at <= heard_at + START_S else at
        occurrences.add(
            RunRequested(at=asked_at, worker=worker, task_id=task_id, attempt=began.attempt, run=number),
            FIRST,
        )
        occurrences.add(
            RunBegan(at=at, worker=worker, task_id=task_id, attempt=began.attempt, run=number), FIRST
        )
        event_at, event = self._event(began)
        gone_at = self._gone_at(began.pid, at)
        ended = lines[1] if len(lines) > 1 else None
        ended_at = None if ended is None else ended.at
        moments = [moment for moment in (gone_at, event_at, ended_at) if moment is not None]
        if not moments:
            return
        over_at = min(moments)
        end = self._end(began, ended, event, over_at)
        occurrences.add(RunOver(at=over_at, worker=worker, task_id=task_id, run=number, end=end), FIRST)
        whose = worker, task_id, began.attempt
        left_at = max(
            (self._gone_at(pid, at) or over_at for pid in self._left.get(whose, ())), default=over_at
        )
        if gone_at is not None:
            late_s = max(max(gone_at, left_at) - over_at - REMAINS_S, 0.0)
            occurrences.add(RunGone(at=over_at + late_s, worker=worker, task_id=task_id, run=number), FIRST)

    def _event(self, began: LedgerLine) -> tuple[float | None, TaskEvent | None]:
        """What was stored of a run, and when."""
        for at, event in self._broker.stored.get((began.worker, began.task_id), ()):
            if at >= began.at and event.attempt == began.attempt:
                return at, event
        return None, None

    def _gone_at(self, pid: int, after: float) -> float | None:
        """The first moment at which it may have been gone: whom it concerns may have seen it then."""
        note = next((note for note in self._gone.get(pid, ()) if note.at >= after), None)
        return None if note is None else max(note.at - note.size, after)

    def _end(
        self, began: LedgerLine, ended: LedgerLine | None, event: TaskEvent | None, over_at: float
    ) -> RunEnd:
        """How it ended: as it says itself, unless it was cut off between saying so and doing it."""
        if ended is None:
            return _KILLED
        said = RunEnd(EndKind.RETURNED if ended.what == ledger.RETURNED else EndKind.RAISED)
        if event is None or may_end_so(event, said) or not self._was_cut(began, ended.at):
            return said
        return _KILLED

    def _was_cut(self, began: LedgerLine, ended_at: float) -> bool:
        """Whether something may have ended the process after its last word."""
        struck = any(began.at <= at for at in self._signals.get(began.worker, ()))
        return struck or ended_at - began.at >= self._max_runtime_s - _AT_DEADLINE_S


def _unwritten_run(number: int, at: float, worker: str, event: TaskEvent) -> tuple[Happening, ...]:
    task_id, attempt = event.task_id, event.attempt
    return (
        RunRequested(at=at, worker=worker, task_id=task_id, attempt=attempt, run=number),
        RunBegan(at=at, worker=worker, task_id=task_id, attempt=attempt, run=number),
        RunOver(at=at, worker=worker, task_id=task_id, run=number, end=_KILLED),
        RunGone(at=at, worker=worker, task_id=task_id, run=number),
    )
