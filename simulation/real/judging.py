"""The judges of the virtual world, over the history of real processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from cloud_tasks.core.events import TaskDeadLettered, TaskEvent
from fakes.history import FactKind
from simulation.happenings import EventStored, QueueChanged
from simulation.history import History
from simulation.judges.judge import Bench
from simulation.judges.leaving import BY_ITSELF
from simulation.judges.panel import panel
from simulation.real.agreement import Disagreement
from simulation.real.evidence import Evidence
from simulation.real.seen import UNASKED, Seen, What
from simulation.verdict import Violation

SLACK_S = 1.5
"""What happens so late is still in time: who watches and who is watched share a machine that is busy."""

NEEDS_LEDGER = frozenset(("S2", "S4", "S5", "S6", "S16"))
"""What is said of runs, which only our own program tells of."""
PARTLY: Mapping[str, str] = {
    "S4": "which kinds of ends are told; results and signals are not seen",
    "S7": "what came back and why; whether a run had ended by itself is not seen",
    "S13": "what is free, and what was started, is counted by the runs in the ledger",
    "S14": "when a signal was heard is not seen: soon after it was sent",
    "S15": "processes and what they started; descriptors and temporary files are not seen",
    "S16": "that runs end in time; which signals they were sent is not seen",
    "S18": "calls of the queue; attempts to store events are not seen",
    "S19": "fatal errors and ends that nobody asked for; coroutines are not seen",
    "L3": "why a worker ends is what it says in its last event",
    "L4": "when the first task is taken; when a worker heard that a receive had failed is not seen",
}
"""What of some invariants cannot be seen from outside."""

_OF_GOOD_ORDER = (0, 1)
"""Statuses of a worker that ends by itself: 1 where a task failed, or its last event was not stored."""
_BACK = {
    FactKind.NACKED: {"retry": "retries", "interrupted": "hand-backs"},
    FactKind.EXPIRED: {"duplicate": "duplicates"},
}
"""How a message comes back into the queue."""


class Judgement(Struct, frozen=True, kw_only=True):
    """What came of a rehearsal.

    Attributes:
        violations: Promises that were not kept, with moments since the first worker began.
        disagreements: Answers that the model of the virtual world would not have given, likewise.
        checks: How often each invariant was looked at.
        excuses: How often each excuse was cited.
        permitted: What the service did that it may do and the model does not, by name.
        compared: How many answers were held against the model's.
        messages: How many tasks were accepted.
        dead: How many of them were put with the dead letters.
        deliveries: How often they were handed out.
        again: Why they were there once more: how often by each way back into the queue.
        runs: How often they were run, by the ledger.
        struck: How many faults of the queue made a difference, by kind.
        ends: How many runs came to what, by the events.
    """

    violations: tuple[Violation, ...]
    disagreements: tuple[Disagreement, ...]
    checks: dict[str, int]
    excuses: dict[str, int]
    permitted: dict[str, int]
    compared: int
    messages: int
    dead: int
    deliveries: int
    again: dict[str, int]
    runs: int
    struck: dict[str, int]
    ends: dict[str, int]


class _Moment:
    """The one that judges are told of.

    Attributes:
        at: When, in seconds.
    """

    at = 0.0


def judge(directory: Path) -> Judgement:
    """Judge what a rehearsal has left in its directory.

    Raises:
        EvidenceError: It cannot be judged.
    """
    evidence = Evidence(directory)
    moment = _Moment()
    blind = frozenset() if evidence.settings.is_ours else NEEDS_LEDGER
    bench = Bench(evidence.plan, lambda: moment.at, slack_s=SLACK_S, blind=blind)
    results = _Results(bench)
    judges = [*panel(bench, evidence.surroundings()), results]
    history = History()
    for each in judges:
        each.listen(history)
    for happening in evidence.happenings():
        moment.at = happening.at
        history.tell(happening)
    moment.at = evidence.closing.over_at
    for each in judges:
        each.finish()
    _check_notes(bench, moment, evidence)
    return _judgement(bench, results, evidence)


def _judgement(bench: Bench, results: _Results, evidence: Evidence) -> Judgement:
    broker, began_at = evidence.broker, evidence.notes[0].at
    peer = broker.peer
    return Judgement(
        violations=tuple(replace(one, at_s=one.at_s - began_at) for one in bench.violations),
        disagreements=tuple(replace(one, at=one.at - began_at) for one in peer.disagreements),
        checks=dict(sorted(bench.checks.items())),
        excuses=dict(sorted(bench.excuses.items())),
        permitted=dict(sorted(peer.permitted.items())),
        compared=peer.compared,
        messages=len(peer.tasks),
        dead=results.dead,
        deliveries=results.deliveries,
        again=dict(sorted(results.again.items())),
        runs=evidence.runs.count,
        struck=dict(broker.struck),
        ends=dict(sorted(results.ends.items())),
    )


class _Results:
    """Nothing is lost: what becomes of every task is durable, or it is with the dead letters."""

    def __init__(self, bench: Bench) -> None:
        self.deliveries = self.dead = 0
        self._bench = bench
        self._sent: list[str] = []
        self._told: set[str] = set()
        self._seen: set[int] = set()
        self.ends: Counter[str] = Counter()
        self.again: Counter[str] = Counter()

    def listen(self, history: History) -> None:
        """See `Judge`."""
        history.on(QueueChanged, self._on_queue)
        history.on(EventStored, self._on_stored)

    def finish(self) -> None:
        """See `Judge`."""
        for task_id in self._sent:
            self._bench.check("S3", task_id in self._told, "nobody knows what became of it", task_id=task_id)

    def _on_queue(self, happening: QueueChanged) -> None:
        kind = happening.fact.kind
        if kind is FactKind.SENT:
            self._sent.append(happening.task_id)
        elif kind is FactKind.DELIVERED:
            self.deliveries += 1
        elif kind in _BACK:
            self.again[_BACK[kind].get(happening.fact.reason, "leases that ended")] += 1
        elif kind is FactKind.DEAD_LETTERED:
            self.dead += 1
            self._told.add(happening.task_id)

    def _on_stored(self, happening: EventStored) -> None:
        event = happening.event
        if isinstance(event, TaskEvent) and (isinstance(event, TaskDeadLettered) or not event.retry):
            self._told.add(event.task_id)
        if isinstance(event, TaskEvent) and id(event) not in self._seen:
            self._seen.add(id(event))  # the history keeps it, so nobody else has this identity
            self.ends[getattr(event, "exception_kind", "") or event.event_type.removeprefix("task_")] += 1


def _check_notes(bench: Bench, moment: _Moment, evidence: Evidence) -> None:
    """What the rehearsal has seen with its own eyes."""
    for note in evidence.notes:
        moment.at = note.at
        if note.what is What.LEFT:
            told = "a process outlives its worker: {}"
            bench.check("S15", False, told, note.text, worker=note.worker)  # noqa: FBT003 - there it is
        elif note.what in {What.WORKER_ENDED, What.WORKER_KILLED}:
            asked = note.what is What.WORKER_KILLED or note.text != UNASKED or _left(note, evidence)
            bench.check("S15", True, "")  # noqa: FBT003 - looked for what is left, and nothing found
            told = "ends with status {}, and nobody had asked it to"
            bench.check("S19", asked, told, int(note.size), worker=note.worker)


def _left(note: Seen, evidence: Evidence) -> bool:
    """Whether it may have had its number, or nothing to do; where it says so, L3 says whether that is so."""
    reason = evidence.reasons.get(note.worker)
    may_leave = reason in BY_ITSELF or (reason is None and evidence.plan.worker.leaves_by_itself)
    return may_leave and note.size in _OF_GOOD_ORDER
