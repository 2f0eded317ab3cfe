"""Events as single lines."""

from __future__ import annotations

from typing import NamedTuple

from cloud_tasks.console.protocol import Level
from cloud_tasks.console.wording import clean, counted, duration
from cloud_tasks.core.events import (
    Event,
    FatalException,
    KeepAlive,
    MaintenanceScheduled,
    NonFatalException,
    RebalanceRecommendation,
    SpotTermination,
    TaskCompleted,
    TaskDeadLettered,
    TaskEvent,
    TaskExited,
    TaskInterrupted,
    TaskTimedOut,
    WorkerStarted,
    WorkerStopped,
)
from cloud_tasks.summary import headline_of_event

TEXT_LENGTH_MAX = 300


class Line(NamedTuple):
    """A line of the display.

    Attributes:
        level: How much it matters.
        label: The word in front of it.
        text: The rest.
    """

    level: Level
    label: str
    text: str


def tell_task(event: TaskEvent) -> Line:
    """How an attempt ended."""
    task_id, took = clean(event.task_id), duration(event.elapsed_time)
    if isinstance(event, TaskCompleted):
        label = "to be retried" if event.retry else "completed"
        return Line(Level.DEBUG, label, f"{task_id} in {took}")
    label, level = ("to be retried", Level.WARNING) if event.retry else ("failed", Level.ERROR)
    if isinstance(event, TaskInterrupted):
        label, level = ("handed back" if event.retry else "unfinished"), Level.WARNING
    return Line(level, label, f"{task_id}: {_why(event, took)}")


def _why(event: TaskEvent, took: str) -> str:
    found = clean(headline_of_event(event).text[:TEXT_LENGTH_MAX])
    match event:
        case TaskTimedOut():
            return f"timed out after {took}" + (f": {found}" if event.reason else "")
        case TaskExited():
            # With a status of its own also a thread, or a coroutine, that calls `sys.exit`.
            return f"{'its process' if event.signal else 'it'} ended with {found}"
        case TaskDeadLettered():
            return f"put aside without being run: {found}"
        case _:
            return found


def tell(event: Event) -> Line:
    """An event that is no task's."""
    match event:
        case NonFatalException():
            return Line(Level.WARNING, "warning", _first(event.exception))
        case FatalException():
            return Line(Level.ERROR, "error", _first(event.exception))
        case SpotTermination():
            text = f"the machine {clean(event.instance_id)} is about to be taken away: no new task is started"
            return Line(Level.WARNING, "warning", text)
        case RebalanceRecommendation():
            text = f"the machine {clean(event.instance_id)} may be taken away soon, the provider says"
            return Line(Level.WARNING, "warning", text)
        case MaintenanceScheduled():
            return Line(Level.WARNING, "warning", _maintenance(event))
        case _:
            return Line(Level.DEBUG, "debug", _doing(event))


def _maintenance(event: MaintenanceScheduled) -> str:
    state = f" ({clean(event.state)})" if event.state else ""
    when = f", not before {clean(event.not_before)}" if event.not_before else ""
    what = clean(event.code[:TEXT_LENGTH_MAX])
    return f"the provider plans work on the machine {clean(event.instance_id)}: {what}{state}{when}"


def _doing(event: Event) -> str:
    match event:
        case KeepAlive():
            return "keep-alive"
        case WorkerStarted():
            tasks = counted(event.num_simultaneous_tasks, "task")
            return f"worker {event.worker_id} started: up to {tasks} at a time"
        case WorkerStopped():
            return f"worker {event.worker_id} stopped: {event.reason}"
        case _:
            return event.event_type


def _first(text: str) -> str:
    return clean(text.strip().partition("\n")[0][:TEXT_LENGTH_MAX])
