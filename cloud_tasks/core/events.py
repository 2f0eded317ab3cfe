"""Typed records of what is told to the outside: one class per event type.

Types and fields are those of the worker documentation that this project follows, so that its monitors read
them; what is ours alone comes after theirs. `docs/events.md` is generated from these classes.

On the wire an event is one JSON object: `timestamp`, `hostname`, `event_type`, then the fields below.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec
from msgspec import Struct

from cloud_tasks.core.task import Json


class Event(Struct, frozen=True, kw_only=True, tag_field="event_type"):
    """What every event has in common."""

    queue_only: ClassVar[bool] = False
    """Whether it goes to the event queue and to displays, but never into the event log file."""

    @property
    def event_type(self) -> str:
        """The value of `event_type` on the wire."""
        return str(self.__struct_config__.tag)


class TaskStarted(Event, frozen=True, kw_only=True, omit_defaults=True, tag="task_started"):
    """An attempt begins; told only where somebody asked for it.

    Attributes:
        task_id: The task's id.
        attempt: Number of the attempt, from 1.
        queue: The queue that it came from; left out where the worker has only one.
        task_name: Name of the function; left out where the worker has only one.
    """

    task_id: str
    attempt: int
    queue: str = ""
    task_name: str = ""


class TaskEvent(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What the events that end an attempt have in common; each attempt has exactly one.

    Attributes:
        task_id: The task's id, as in the task file.
        elapsed_time: Seconds the attempt took, process creation and destruction included.
        retry: Whether the task went back to the queue. Never true for a local task source.
        attempt: Number of the attempt, from 1.
        queue: The queue that it came from; left out where the worker has only one.
        task_name: Name of the function; left out where the worker has only one.
    """

    task_id: str
    elapsed_time: float
    retry: bool
    attempt: int
    queue: str = ""
    task_name: str = ""


class TaskCompleted(TaskEvent, frozen=True, kw_only=True, tag="task_completed"):
    """The function returned.

    Attributes:
        result: What it returned as result.
        retry_requested: Whether it asked for a retry, which a local source cannot give.
    """

    result: Json | msgspec.Raw
    retry_requested: bool


class TaskException(TaskEvent, frozen=True, kw_only=True, tag="task_exception"):
    """The function raised, returned something that it must not return, or ran into its memory limit.

    Attributes:
        exception: The traceback, or what was wrong with the returned value.
        exception_kind: "raised", "wrong_return", "not_serializable" or "memory_limit"; only what was raised
            may be retried.
    """

    exception: str
    exception_kind: str


class TaskTimedOut(TaskEvent, frozen=True, kw_only=True, tag="task_timed_out"):
    """The attempt exceeded `--max-runtime`.

    Attributes:
        stderr_tail: The last lines that it wrote to stderr.
        reason: Why it had less time than that, where its queue had no more to give; left out elsewhere.
    """

    stderr_tail: str
    reason: str = ""


class TaskExited(TaskEvent, frozen=True, kw_only=True, tag="task_exited"):
    """The task's process ended without a result.

    Attributes:
        exit_code: Exit status; negative for a signal.
        signal: Name of the signal that ended it, or "".
        oom_killed: Whether the kernel's out-of-memory killer did it.
        peak_memory_bytes: Largest resident size of the process, if known.
        stderr_tail: The last lines that it wrote to stderr.
    """

    exit_code: int | None
    signal: str
    oom_killed: bool
    peak_memory_bytes: int | None
    stderr_tail: str


class TaskInterrupted(TaskEvent, frozen=True, kw_only=True, tag="task_interrupted"):
    """The attempt was given up through no fault of the task, and handed back unfinished.

    Attributes:
        reason: "shutdown", "spot_termination", "lease_lost", or in other words why the run could not be
            started or was given up.
    """

    reason: str


class TaskDeadLettered(TaskEvent, frozen=True, kw_only=True, tag="task_dead_lettered"):
    """The message was put aside: it is no task, its attempts were used up, or it was interrupted too often.

    Attributes:
        reason: Why.
    """

    reason: str


class NonFatalException(Event, frozen=True, kw_only=True, tag="non_fatal_exception"):
    """The worker met an error and went on.

    Attributes:
        exception: The message.
        stack_trace: Where it happened.
    """

    exception: str
    stack_trace: str


class FatalException(Event, frozen=True, kw_only=True, tag="fatal_exception"):
    """The worker met an error and ended: no further task will be processed.

    Attributes:
        exception: The message.
        stack_trace: Where it happened.
    """

    exception: str
    stack_trace: str


class SpotTermination(Event, frozen=True, kw_only=True, tag="spot_termination"):
    """A termination notice came: no further task is taken; those that finish in time are reported as usual.

    Attributes:
        instance_id: The provider's name for the machine; the host name off the clouds.
    """

    instance_id: str


class RebalanceRecommendation(Event, frozen=True, kw_only=True, tag="rebalance_recommendation"):
    """The provider thinks it likely that the machine is taken away soon. The worker goes on as before.

    Attributes:
        instance_id: The provider's name for the machine; the host name off the clouds.
        noticed_at: When the provider said so; ISO 8601, UTC; "" where it does not tell.
    """

    instance_id: str
    noticed_at: str


class MaintenanceScheduled(Event, frozen=True, kw_only=True, tag="maintenance_scheduled"):
    """The provider plans work on the machine; told for each state of it. The worker goes on as before.

    Attributes:
        instance_id: The provider's name for the machine; the host name off the clouds.
        code: What is to happen, in the provider's word: "system-reboot", "Freeze" and the like.
        event_id: The provider's name for this event; "" where it has none.
        state: How far it is, in the provider's word: "active", "Scheduled"; "" where it does not tell.
        description: What the provider says about it; may be "".
        not_before: The earliest time; ISO 8601, UTC; "" where it is not told.
        not_after: The latest time; ISO 8601, UTC; "" where it is not told.
    """

    instance_id: str
    code: str
    event_id: str
    state: str
    description: str
    not_before: str
    not_after: str


class KeepAlive(Event, frozen=True, kw_only=True, tag="keep_alive"):
    """The worker is alive; every `--keepalive-interval` seconds, never written to the event log file.

    Attributes:
        instance_id: The provider's name for the machine; the host name off the clouds.
    """

    queue_only: ClassVar[bool] = True

    instance_id: str


class WorkerStarted(Event, frozen=True, kw_only=True, tag="worker_started"):
    """The worker is ready and about to take its first task.

    Attributes:
        worker_id: New at every start, so that a worker that comes back is not taken for the one that died.
        pid: Process id.
        version: Version of this package.
        num_simultaneous_tasks: How many tasks it runs at a time.
    """

    worker_id: str
    pid: int
    version: str
    num_simultaneous_tasks: int


class WorkerStopped(Event, frozen=True, kw_only=True, tag="worker_stopped"):
    """The worker has ended in good order.

    Attributes:
        worker_id: As in `worker_started`.
        reason: "exhausted", "idle", "max_num_tasks", "shutdown", "spot_termination" or "source_failed".
        elapsed_time: Seconds since `worker_started`.
        counts: Number of attempts per outcome.
    """

    worker_id: str
    reason: str
    elapsed_time: float
    counts: dict[str, int]


EVENT_CLASSES: tuple[type[Event], ...] = (
    TaskStarted,
    TaskCompleted,
    TaskException,
    TaskTimedOut,
    TaskExited,
    TaskInterrupted,
    TaskDeadLettered,
    NonFatalException,
    FatalException,
    SpotTermination,
    RebalanceRecommendation,
    MaintenanceScheduled,
    KeepAlive,
    WorkerStarted,
    WorkerStopped,
)


class EventRecord(Struct, frozen=True):
    """An event with the time and the place where it happened.

    Attributes:
        timestamp: ISO 8601, UTC.
        hostname: Name of the machine.
        event: What happened.
    """

    timestamp: str
    hostname: str
    event: Event

    def encode(self) -> bytes:
        """The record as one JSON object on one line, without the newline.

        Text that UTF-8 cannot hold (a lone surrogate in a traceback, say) is escaped: an event that could not
        be stored would hold up its task for ever.
        """
        head = _encode({"timestamp": self.timestamp, "hostname": self.hostname})
        try:
            body = _encode(self.event)
        except UnicodeEncodeError:
            body = _encode(_storable(msgspec.to_builtins(self.event)))
        return head[:-1] + b"," + body[1:]


_encode = msgspec.json.Encoder().encode


def _storable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    return value
