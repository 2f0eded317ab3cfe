"""What to do: the requests that the shell carries out, in the order in which they are given."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from cloud_tasks.core.events import Event
from cloud_tasks.core.task import HandBack, Lease, Outcome, Task


class Receive(Struct, frozen=True, gc=False):
    """Ask the queue for tasks; there is at most one such request under way.

    Attributes:
        tasks_max: How many at most.
        wait_s: How long to wait for the first.
    """

    tasks_max: int
    wait_s: float


class CancelReceive(Struct, frozen=True, gc=False):
    """Give up the receive that is under way; what arrives all the same is reported all the same."""


class StartRun(Struct, frozen=True, gc=False):
    """Start an attempt.

    Attributes:
        attempt_id: Number for reports about it.
        task: What to run.
        attempt: Number of the attempt at this task, from 1.
        max_runtime_s: How long it may run, from when it has started; infinite: for as long as it likes.
        name: The task's name; "" where it has none.
        queue: Name of its queue; "" where the worker has only one.
    """

    attempt_id: int
    task: Task
    attempt: int
    max_runtime_s: float
    name: str = ""
    queue: str = ""


class StopRun(Struct, frozen=True, gc=False):
    """Ask a run to end (SIGTERM)."""

    attempt_id: int


class KillRun(Struct, frozen=True, gc=False):
    """End a run and all that it started (SIGKILL)."""

    attempt_id: int


class Record(Struct, frozen=True, gc=False):
    """Store an event; for one that ends an attempt, report when it is durable.

    Attributes:
        event: What to tell.
        attempt_id: The attempt that waits for it; None if none does.
    """

    event: Event
    attempt_id: int | None = None


class Ack(Struct, frozen=True, gc=False):
    """Settle: the task is done."""

    attempt_id: int
    lease: Lease
    outcome: Outcome


class Nack(Struct, frozen=True, gc=False):
    """Settle: hand the task back.

    Attributes:
        delay_s: How long it stays out of sight.
        reason: Why it is handed back.
    """

    attempt_id: int
    lease: Lease
    delay_s: float
    reason: HandBack


class DeadLetter(Struct, frozen=True, gc=False):
    """Settle: put the message aside."""

    attempt_id: int
    lease: Lease
    reason: str


class Extend(Struct, frozen=True, gc=False):
    """Make the lease end `seconds` from now."""

    attempt_id: int
    lease: Lease
    seconds: float


class NotifyRuns(Struct, frozen=True, gc=False):
    """Let every task know that the machine or the worker is about to go."""

    termination: bool = False
    shutdown: bool = False


class Finish(Struct, frozen=True, gc=False):
    """Nothing is left to do; always the last command.

    Attributes:
        reason: As in the event `worker_stopped`.
        abandoned: Task ids whose settlement was not confirmed when time was up.
    """

    reason: str
    abandoned: tuple[str, ...] = ()


Command: TypeAlias = (
    Receive
    | CancelReceive
    | StartRun
    | StopRun
    | KillRun
    | Record
    | Ack
    | Nack
    | DeadLetter
    | Extend
    | NotifyRuns
    | Finish
)
