"""What happens around the workers of a job, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulation.happenings import Happening
from simulation.job.happenings import (
    EventAccepted,
    EventMoved,
    EventTakenIn,
    MonitorBegan,
    MonitorContinued,
    MonitorEnded,
    MonitorFailed,
    MonitorKilled,
    MonitorStopped,
    ProducerBegan,
    ProducerEnded,
    ProducerKilled,
    RunMeant,
    SendAnswered,
    ServiceAnswered,
    ServiceCalled,
    TaskSent,
)


def _ended(one: MonitorEnded) -> str:
    why = "as it was asked to" if one.asked else "by itself"
    return f"ended {why}: {one.finished} of {one.total} tasks finished"


def _load_ended(one: ProducerEnded) -> str:
    return f"gave up: {one.error}" if one.error else f"ended: {one.unsent} tasks are still to be sent"


def _killed(one: MonitorKilled | ProducerKilled) -> str:
    return f"was killed {one.where}".rstrip()


def _moved(one: EventMoved) -> str:
    fact = one.fact
    twin = "" if one.original == fact.key else f", a copy of {one.original}"
    return f"in the event queue: {fact.key}{twin} {fact.kind.value}, delivery {fact.delivery_count}"


JOB_WORDS: dict[type[Happening], Callable[[Any], str]] = {
    EventAccepted: lambda one: f"event {one.key} accepted: {one.body.decode()}",
    EventMoved: _moved,
    EventTakenIn: lambda one: f"has stored {one.event_type} {one.task_id}".rstrip() + f": {one.effect}",
    MonitorBegan: lambda _: "began",
    MonitorContinued: lambda _: "goes on",
    MonitorEnded: _ended,
    MonitorFailed: lambda one: f"failed: {one.error}",
    MonitorKilled: _killed,
    MonitorStopped: lambda _: "was stopped",
    ProducerBegan: lambda _: "began",
    ProducerEnded: _load_ended,
    ProducerKilled: _killed,
    RunMeant: lambda one: f"run {one.run} is for message {one.key}",
    SendAnswered: lambda one: f"knows of sending {one.call}: {one.error or 'all were accepted'}",
    ServiceAnswered: lambda one: (
        f"{one.operation} #{one.number} " + (f"failed: {one.error}" if one.error else "answered")
    ),
    ServiceCalled: lambda one: f"calls {one.operation} #{one.number}",
    TaskSent: lambda one: f"{one.task_id} accepted, by sending {one.call}",
}
"""A sentence for each, without its moment and without whose it is."""
