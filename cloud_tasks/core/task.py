"""The values that everything else speaks of: tasks, leases, how a run ended, outcomes."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Raw, Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloud_tasks.core.policy import TaskRules

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


class Task(Struct, frozen=True):
    """One unit of work, as the user wrote it.

    Attributes:
        task_id: Unique within its source; no "/" and no NUL.
        data: The mapping that the user's function gets as `task_data`.
    """

    task_id: str
    data: Mapping[str, Json]


class MalformedTask(Struct, frozen=True):
    """A message or an item that is not a task. It is dead-lettered as it came, never run, never deleted.

    Attributes:
        raw: The message byte for byte.
        reason: What is wrong with it.
        task_id: Its id, if that much could be read; "" otherwise.
    """

    raw: bytes
    reason: str
    task_id: str = ""


class AttemptNote(Struct, frozen=True, omit_defaults=True):
    """What is kept of an attempt that did not bring the task to its end; written beside the message.

    Attributes:
        attempt: Its number, from 1.
        outcome: What became of it, as in `OutcomeKind`.
        elapsed_s: How long it took, in seconds.
        error: The exception or what else is known of the cause; cut to `NOTE_CHARACTERS_MAX`.
        worker_id: Who ran it; "" where that is not told.
        at: When it was written; ISO 8601, UTC, by the clock of whoever keeps it; "" until then.
    """

    attempt: int
    outcome: str
    elapsed_s: float
    error: str = ""
    worker_id: str = ""
    at: str = ""


NOTES_MAX = 20
"""How many notes are kept of a task; the oldest are dropped first."""
NOTE_CHARACTERS_MAX = 4_000
"""Longest `error` of a note; the end is kept, where a traceback says what happened."""


class Lease(Struct, frozen=True):
    """The right to work on one task for a while, handed out by a queue.

    Attributes:
        task: The task, or what came in its place.
        key: Identity of the message across redeliveries; attempts are counted on it.
        receipt: What to settle or extend this delivery with; a new one for every delivery.
        duration_s: Length of the lease in seconds, counted from the moment *before* the call that gave it
            was issued; None for a lease that never expires.
        delivery_count: How often the queue has handed the message out, this time included; None where the
            queue does not count. One that decides about retries itself leaves out what was handed back
            untried.
        interruptions: How many of those deliveries the queue knows to have been handed back
            without being the task's fault.
        queue: Name of the queue, where the worker reads several; "" otherwise.
        history: What is known of earlier attempts, oldest first; what `nack` and `dead_letter` have to keep,
            where the queue can (`QueueCapabilities.history`).
        rules: What holds for this task instead of the worker's own settings; None: nothing.
    """

    task: Task | MalformedTask
    key: str
    receipt: str
    duration_s: float | None = None
    delivery_count: int | None = None
    interruptions: int = 0
    queue: str = ""
    history: tuple[AttemptNote, ...] = ()
    rules: TaskRules | None = None


class HandBack(enum.Enum):
    """Why a lease is given back with `nack`."""

    RETRY = "retry"
    """The attempt ended in a way that is to be tried again; it counts as an attempt."""
    INTERRUPTED = "interrupted"
    """The worker is going away, or never started the task; it does not count as an attempt."""
    SKIPPED = "skipped"
    """The worker was told not to take this task (`--tasks-to-skip`); it does not count either."""


class EndKind(enum.Enum):
    """How a run ended, as a fact; what follows from it is policy."""

    RETURNED = "returned"
    """The function returned `(retry, result)` and the process ended by itself with status 0."""
    RAISED = "raised"
    """The function raised."""
    WRONG_RETURN = "wrong_return"
    """The function returned something that is not `(bool, result)`."""
    NOT_SERIALIZABLE = "not_serializable"
    """The function returned a result that JSON cannot hold."""
    MEMORY_LIMIT = "memory_limit"
    """The function ran into the memory limit that was asked for."""
    EXITED = "exited"
    """The process ended without a result: an exit status, or a signal."""


class RunEnd(Struct, frozen=True):
    """All that is known of a run after it ended.

    Attributes:
        kind: How it ended.
        retry: What the function asked for (RETURNED only).
        result: What the function returned (RETURNED only).
        exception: The traceback, or the explanation for WRONG_RETURN and the like; "" otherwise.
        exit_code: The exit status; negative for a signal, as in `subprocess` (EXITED only).
        signal: Name of the signal, "SIGKILL" for instance; "" if there was none.
        oom_killed: Whether the kernel's out-of-memory killer ended it.
        peak_memory_bytes: Largest resident size of the run's process; None where it is not known.
        stderr_tail: The last lines that it wrote to stderr; "" if none.
    """

    kind: EndKind
    retry: bool = False
    result: Json | Raw = None
    exception: str = ""
    exit_code: int | None = None
    signal: str = ""
    oom_killed: bool = False
    peak_memory_bytes: int | None = None
    stderr_tail: str = ""


class OutcomeKind(enum.Enum):
    """What became of an attempt. Every attempt has exactly one, and it never changes."""

    COMPLETED = "completed"
    EXCEPTION = "exception"
    TIMED_OUT = "timed_out"
    EXITED = "exited"
    INTERRUPTED = "interrupted"
    MALFORMED = "malformed"
    EXHAUSTED = "exhausted"
    """Not run: its attempts were used up before."""
    SKIPPED = "skipped"
    LEASE_LOST = "lease_lost"


class Outcome(Struct, frozen=True):
    """The one outcome of an attempt, as it is recorded and reported to the queue.

    Attributes:
        kind: What became of it.
        retry: Whether the task goes back to the queue.
        retry_requested: Whether the function or the settings asked for that.
        elapsed_s: Seconds from the request to start until the end, on the monotonic clock.
        end: The facts of the run; None when nothing ran.
        reason: Why, for what was not run to its end.
    """

    kind: OutcomeKind
    retry: bool = False
    retry_requested: bool = False
    elapsed_s: float = 0.0
    end: RunEnd | None = None
    reason: str = ""
