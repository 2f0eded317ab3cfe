"""Happenings in words, a line each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cloud_tasks.core.events import TaskEvent
from simulation.backends.conductor.happenings import (
    DiskGone,
    DiskTaken,
    ResultKept,
    ResultRemoved,
    ResultTold,
)
from simulation.happenings import (
    CallAnswered,
    CallIssued,
    EndAsked,
    EndHeard,
    EventStored,
    Happening,
    QueueChanged,
    RunAsked,
    RunBegan,
    RunGone,
    RunNotStarted,
    RunOver,
    RunRequested,
    StoreFailed,
    StoreIssued,
    WorkerBegan,
    WorkerContinued,
    WorkerEnded,
    WorkerKilled,
    WorkerStopped,
)
from simulation.job.words import JOB_WORDS


def line_of(happening: Happening) -> str:
    """When, who and what."""
    return f"{happening.at:12.3f} s  {happening.worker or '-':<10}  {WORDS[type(happening)](happening)}"


def _of_task(task_id: str) -> str:
    return f" of {task_id}" if task_id else ""


def _call_answered(one: CallAnswered) -> str:
    what = f"{one.operation}{_of_task(one.task_id)} #{one.number}"
    if one.error:
        return f"{what} failed: {one.error}"
    return f"{what} answered" + (f", {one.count} tasks" if one.operation == "receive" else "")


def _queue_changed(one: QueueChanged) -> str:
    fact = one.fact
    until = "" if fact.until is None else f" until {fact.until:.3f} s"
    why = f" ({fact.reason})" if fact.reason else ""
    return f"in the queue: {one.task_id} {fact.kind.value}{until}{why}, delivery {fact.delivery_count}"


def _event_stored(one: EventStored) -> str:
    event = one.event
    whose = _of_task(event.task_id) if isinstance(event, TaskEvent) else ""
    again = ", to come again" if isinstance(event, TaskEvent) and event.retry else ""
    return f"stored: {event.event_type}{whose}{again}"


WORDS: dict[type[Happening], Callable[[Any], str]] = {
    WorkerBegan: lambda _: "began",
    WorkerEnded: lambda one: f"ended: {one.reason}",
    WorkerKilled: lambda _: "was killed",
    WorkerStopped: lambda _: "was stopped",
    WorkerContinued: lambda _: "goes on",
    EndAsked: lambda one: f"is asked to end ({one.why}) within {one.within_s:g} s",
    EndHeard: lambda one: f"has heard that it is to end ({one.why}) within {one.within_s:g} s",
    CallIssued: lambda one: f"calls {one.operation}{_of_task(one.task_id)} #{one.number}",
    CallAnswered: _call_answered,
    QueueChanged: _queue_changed,
    RunAsked: lambda one: f"{'SIGKILL' if one.kill else 'SIGTERM'} to run {one.run} of {one.task_id}",
    StoreFailed: lambda _: "events not stored",
    StoreIssued: lambda _: "events on their way to be stored",
    RunRequested: lambda one: f"wants {one.task_id} to be run, attempt {one.attempt} (run {one.run})",
    RunNotStarted: lambda one: f"there is no process for run {one.run} of {one.task_id}",
    RunBegan: lambda one: f"runs {one.task_id}, attempt {one.attempt} (run {one.run})",
    RunOver: lambda one: (
        f"run {one.run} of {one.task_id} over: {one.end.kind.value} {one.end.signal}".rstrip()
    ),
    RunGone: lambda one: f"nothing is left of run {one.run} of {one.task_id}",
    EventStored: _event_stored,
    ResultTold: lambda one: f"result of {one.receipt} has reached the server",
    ResultKept: lambda one: f"result of {one.receipt} is on {one.disk}",
    ResultRemoved: lambda one: f"result of {one.receipt} is no more on {one.disk}",
    DiskTaken: lambda one: f"has {one.disk}",
    DiskGone: lambda one: f"{one.disk} was taken away",
    **JOB_WORDS,
}
"""A sentence for each, without its moment and without whose it is."""
