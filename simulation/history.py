"""What happened, as the judges hear it: everything that can be seen from outside a worker, in order."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeAlias

from msgspec import Struct

from cloud_tasks.core.events import Event
from cloud_tasks.core.task import Lease, Outcome, RunEnd
from fakes.history import Fact


class Happening(Struct, frozen=True, kw_only=True, gc=False):
    """What all have in common.

    Attributes:
        at: True time, in seconds.
        worker: Name of the worker; "" for what concerns none.
    """

    at: float
    worker: str = ""


class WorkerBegan(Happening, frozen=True, kw_only=True):
    """A worker process was started."""


class WorkerEnded(Happening, frozen=True, kw_only=True):
    """A worker returned.

    Attributes:
        reason: Why, in its own words.
    """

    reason: str


class WorkerKilled(Happening, frozen=True, kw_only=True):
    """A worker process is no more."""


class WorkerStopped(Happening, frozen=True, kw_only=True):
    """SIGSTOP."""


class WorkerContinued(Happening, frozen=True, kw_only=True):
    """SIGCONT."""


class EndAsked(Happening, frozen=True, kw_only=True):
    """SIGTERM, or a termination notice, has reached a worker.

    Attributes:
        why: "sigterm" or "notice".
        within_s: How soon it is to be over.
    """

    why: str
    within_s: float


class EndHeard(Happening, frozen=True, kw_only=True):
    """A worker has taken in that it is to end.

    Attributes:
        why: "sigterm" or "notice".
        within_s: How soon it is to be over, from now.
    """

    why: str
    within_s: float


class CallIssued(Happening, frozen=True, kw_only=True):
    """A worker calls a service.

    Attributes:
        operation: Which call.
        task_id: About which task; "" where it is about none.
        number: Of the call, from 1.
        receipt: What it shows for the lease; "" where it is about none.
        seconds: What it asks for: length of a lease, delay of a hand-back, patience of a receive.
        tasks_max: How many tasks a receive asks for.
        reason: Why a task is handed back or put with the dead letters.
        outcome: What an ack says became of the task.
    """

    operation: str
    task_id: str = ""
    number: int = 0
    receipt: str = ""
    seconds: float = 0.0
    tasks_max: int = 0
    reason: str = ""
    outcome: Outcome | None = None


class CallAnswered(Happening, frozen=True, kw_only=True):
    """The answer has reached the worker.

    Attributes:
        operation: Which call.
        number: Of the call.
        task_id: About which task.
        error: Name of the error; "" for success.
        count: How many tasks it brought.
        leases: What it brought: of a receive, and the new one of an extension.
        heard: Whether the worker still waited for it.
    """

    operation: str
    number: int
    task_id: str = ""
    error: str = ""
    count: int = 0
    leases: tuple[Lease, ...] = ()
    heard: bool = True


class QueueChanged(Happening, frozen=True, kw_only=True):
    """Something happened to a message, in the queue itself.

    Attributes:
        fact: What.
        task_id: Of the task in the message.
    """

    fact: Fact
    task_id: str


class RunRequested(Happening, frozen=True, kw_only=True):
    """A worker wants an attempt to be run; its slot is taken from now on.

    Attributes:
        task_id: Of the task.
        attempt: Number of the attempt.
        run: Identity of the run.
    """

    task_id: str
    attempt: int
    run: int


class RunNotStarted(Happening, frozen=True, kw_only=True):
    """There is no process to be had for a run, and never will be.

    Attributes:
        task_id: Of the task.
        run: Identity of the run.
    """

    task_id: str
    run: int


class RunBegan(Happening, frozen=True, kw_only=True):
    """A task's function was called.

    Attributes:
        task_id: Of the task.
        attempt: Number of the attempt, as the task sees it.
        run: Identity of the run.
    """

    task_id: str
    attempt: int
    run: int


class RunAsked(Happening, frozen=True, kw_only=True):
    """The worker has sent a run a signal.

    Attributes:
        task_id: Of the task.
        run: Identity of the run.
        kill: Whether it was SIGKILL; else it was SIGTERM.
    """

    task_id: str
    run: int
    kill: bool


class RunOver(Happening, frozen=True, kw_only=True):
    """A run has ended.

    Attributes:
        task_id: Of the task.
        run: Identity of the run.
        end: How.
    """

    task_id: str
    run: int
    end: RunEnd


class RunGone(Happening, frozen=True, kw_only=True):
    """Nothing is left of a run.

    Attributes:
        task_id: Of the task.
        run: Identity of the run.
    """

    task_id: str
    run: int


class EventStored(Happening, frozen=True, kw_only=True):
    """An event is durable.

    Attributes:
        event: It.
    """

    event: Event


class StoreIssued(Happening, frozen=True, kw_only=True):
    """A worker hands events to where they are to be stored."""


class StoreFailed(Happening, frozen=True, kw_only=True):
    """The worker was told that events could not be stored, whether or not they were."""


Listener: TypeAlias = Callable[[Any], None]
_TOPICS: dict[type, Callable[[Any], object]] = {
    CallIssued: attrgetter("operation"),
    CallAnswered: attrgetter("operation"),
    QueueChanged: attrgetter("fact.kind"),
}
"""What happenings of one type differ in, where most listeners care for some of them only."""


class History:
    """Tells each happening to those who asked for it, in the order in which they asked.

    Attributes:
        count: How many there were.
        kept: All of them, if they are to be kept.
    """

    def __init__(self, *, keep: bool = False) -> None:
        self.count = 0
        self.kept: list[Happening] | None = [] if keep else None
        self._asked: dict[type, list[tuple[frozenset[object], Listener]]] = {}
        self._of_all: list[Listener] = []
        self._hearers: dict[type, tuple[Listener, ...]] = {}
        self._hearers_of: dict[type, dict[object, tuple[Listener, ...]]] = {kind: {} for kind in _TOPICS}
        """Who hears of what, of types that have topics: found out when it happens for the first time."""

    def on(self, kind: type[Happening], listener: Listener, *topics: object) -> None:
        """Tell `listener` the happenings of that type.

        Args:
            kind: The type.
            listener: Told of each.
            topics: Of calls, these operations only; of messages, these kinds of facts only. None given: all.
        """
        self._asked.setdefault(kind, []).append((frozenset(topics), listener))
        self._find_anew()

    def on_all(self, listener: Listener) -> None:
        """Tell `listener` everything."""
        self._of_all.append(listener)
        self._find_anew()

    def tell(self, happening: Happening) -> None:
        """Something happened."""
        self.count += 1
        kind = type(happening)
        topic_of = _TOPICS.get(kind)
        if topic_of is None:
            hearers = self._hearers.get(kind)
        else:
            hearers = self._hearers_of[kind].get(topic_of(happening))
        for listener in self._find_hearers(happening) if hearers is None else hearers:
            listener(happening)

    def _find_anew(self) -> None:
        self._hearers.clear()
        for hearers in self._hearers_of.values():
            hearers.clear()

    def _find_hearers(self, happening: Happening) -> tuple[Listener, ...]:
        kind = type(happening)
        topic_of = _TOPICS.get(kind)
        topic = None if topic_of is None else topic_of(happening)
        kept = [] if self.kept is None else [self.kept.append]
        asked = [one for topics, one in self._asked.get(kind, ()) if not topics or topic in topics]
        hearers = (*kept, *asked, *self._of_all)
        if topic_of is None:
            self._hearers[kind] = hearers
        else:
            self._hearers_of[kind][topic] = hearers
        return hearers
