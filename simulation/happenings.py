"""What can be seen from outside a worker: everything that judges hear of."""

from __future__ import annotations

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
    """SIGSTOP.

    Attributes:
        suspended: Whether its machine stands still as well, and the clock that it goes by.
    """

    suspended: bool = False


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
