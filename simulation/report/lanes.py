"""From a history to lanes: bars from one moment to another, and marks at a moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cloud_tasks.core.events import TaskEvent
from cloud_tasks.core.task import EndKind
from fakes.history import FactKind
from simulation.happenings import (
    CallAnswered,
    EndAsked,
    EventStored,
    Happening,
    QueueChanged,
    RunBegan,
    RunGone,
    RunOver,
    WorkerBegan,
    WorkerContinued,
    WorkerEnded,
    WorkerKilled,
    WorkerStopped,
)
from simulation.job.happenings import (
    MonitorBegan,
    MonitorContinued,
    MonitorEnded,
    MonitorFailed,
    MonitorKilled,
    MonitorStopped,
    ProducerBegan,
    ProducerEnded,
    ProducerKilled,
)
from simulation.job.words import JOB_WORDS
from simulation.report.lane import Bar, Lane, Mark

_ENDINGS = {FactKind.ACKED, FactKind.NACKED, FactKind.DEAD_LETTERED, FactKind.EXPIRED, FactKind.REMOVED}


class Lanes:
    """Sorts happenings into lanes, in the order in which they first appear.

    Attributes:
        workers: One for each worker, and for each monitor and producer.
        messages: One for each message, with its leases.
        runs: One for each task, with its runs.
    """

    def __init__(self, history: Sequence[Happening]) -> None:
        self.workers: dict[str, Lane] = {}
        self.messages: dict[str, Lane] = {}
        self.runs: dict[str, Lane] = {}
        self._open: dict[tuple[str, object], Happening] = {}
        self.end_s = history[-1].at if history else 0.0
        takers: dict[type[Happening], Callable[[Any], None]] = {
            WorkerBegan: self._worker_began,
            WorkerEnded: lambda one: self._worker_over(one, "life", f"ended: {one.reason}"),
            WorkerKilled: lambda one: self._worker_over(one, "killed", "killed"),
            WorkerStopped: self._worker_stopped,
            WorkerContinued: self._worker_continued,
            EndAsked: self._end_asked,
            CallAnswered: self._call_answered,
            EventStored: self._event_stored,
            QueueChanged: self._message,
            RunBegan: self._run_began,
            RunOver: self._run_over,
            RunGone: self._run_gone,
            MonitorBegan: self._worker_began,
            MonitorEnded: self._process_over,
            MonitorKilled: self._process_over,
            MonitorFailed: self._process_over,
            MonitorStopped: self._worker_stopped,
            MonitorContinued: self._worker_continued,
            ProducerBegan: self._worker_began,
            ProducerEnded: self._process_over,
            ProducerKilled: self._process_over,
        }
        for happening in history:
            taker = takers.get(type(happening))
            if taker is not None:
                taker(happening)
        self._close_all()

    def _worker_began(self, one: Happening) -> None:
        self._open["life", one.worker] = one

    def _worker_over(self, one: Happening, kind: str, text: str) -> None:
        lane = _lane(self.workers, one.worker)
        self._bar(lane, ("life", one.worker), one.at, kind, text)
        # Who is killed while it is stopped is not continued before.
        self._bar(lane, ("stop", one.worker), one.at, "stopped", "stopped")

    def _process_over(self, one: Happening) -> None:
        """A monitor or a producer is no more."""
        is_killed = isinstance(one, MonitorKilled | ProducerKilled)
        self._worker_over(one, "killed" if is_killed else "life", JOB_WORDS[type(one)](one))

    def _worker_stopped(self, one: Happening) -> None:
        self._open["stop", one.worker] = one

    def _worker_continued(self, one: Happening) -> None:
        self._bar(_lane(self.workers, one.worker), ("stop", one.worker), one.at, "stopped", "stopped")

    def _end_asked(self, one: EndAsked) -> None:
        text = f"asked to end ({one.why}) within {one.within_s:g} s"
        _lane(self.workers, one.worker).marks.append(Mark(one.at, "asked", text))

    def _call_answered(self, one: CallAnswered) -> None:
        if one.error:
            what = f"{one.operation} {one.task_id} #{one.number}: {one.error}"
            _lane(self.workers, one.worker).marks.append(Mark(one.at, "failed", what))

    def _event_stored(self, one: EventStored) -> None:
        if isinstance(one.event, TaskEvent):
            text = f"stored: {one.event.event_type}"
            _lane(self.runs, one.event.task_id).marks.append(Mark(one.at, "stored", text))

    def _run_began(self, one: RunBegan) -> None:
        self._open["run", one.run] = one

    def _run_over(self, one: RunOver) -> None:
        kind = "good" if one.end.kind is EndKind.RETURNED else "bad"
        text = f"attempt on {one.worker}: {one.end.kind.value} {one.end.signal}".rstrip()
        self._bar(_lane(self.runs, one.task_id), ("run", one.run), one.at, kind, text)
        self._open["left", one.run] = one

    def _run_gone(self, one: RunGone) -> None:
        lane = _lane(self.runs, one.task_id)
        self._bar(lane, ("left", one.run), one.at, "left", f"left over on {one.worker}")

    def _message(self, one: QueueChanged) -> None:
        lane, kind = _lane(self.messages, one.task_id), one.fact.kind
        if kind is FactKind.DELIVERED:
            self._open["lease", one.fact.key] = one
        elif kind in _ENDINGS:
            text = f"{_lease(one)}: {kind.value}"
            self._bar(lane, ("lease", one.fact.key), one.at, "lease", text)
        lane.marks.append(Mark(one.at, kind.value, f"{kind.value} {one.fact.reason}".strip()))

    def _bar(self, lane: Lane, key: tuple[str, object], until_s: float, kind: str, text: str) -> None:
        began = self._open.pop(key, None)
        if began is not None:
            lane.bars.append(Bar(began.at, until_s, kind, text))

    def _close_all(self) -> None:
        """What was still open when the run was over."""
        for key, began in list(self._open.items()):
            lane, kind, text = self._unended(began)
            self._bar(lane, key, self.end_s, kind, f"{text}, to the end")

    def _unended(self, began: Happening) -> tuple[Lane, str, str]:
        """The line of what has not ended, what it looks like, and what it was."""
        match began:
            case RunBegan():
                return _lane(self.runs, began.task_id), "bad", f"attempt on {began.worker}"
            case RunOver():
                return _lane(self.runs, began.task_id), "left", f"left over on {began.worker}"
            case QueueChanged():
                return _lane(self.messages, began.task_id), "lease", _lease(began)
            case WorkerStopped() | MonitorStopped():
                return _lane(self.workers, began.worker), "stopped", "stopped"
            case _:
                return _lane(self.workers, began.worker), "life", "alive"


def _lease(one: QueueChanged) -> str:
    return f"lease of {one.worker or 'nobody'}, delivery {one.fact.delivery_count}"


def _lane(lanes: dict[str, Lane], name: str) -> Lane:
    if name not in lanes:
        lanes[name] = Lane(name)
    return lanes[name]
