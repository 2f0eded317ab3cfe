"""A happening in full, as traces have it."""

from __future__ import annotations

from msgspec import structs

from cloud_tasks.core.events import Event, FatalException, NonFatalException
from simulation.happenings import EventStored, Happening
from simulation.job.happenings import EventAccepted


def full_text(happening: Happening) -> str:
    """All that can be seen, but for stack traces: the same code lies elsewhere on another machine."""
    return repr(_placeless(happening))


def _placeless(happening: Happening) -> Happening:
    if isinstance(happening, EventStored):
        event = _without_stack(happening.event)
        return happening if event is None else structs.replace(happening, event=event)
    if isinstance(happening, EventAccepted):
        event = _without_stack(happening.record.event)
        if event is not None:
            record = structs.replace(happening.record, event=event)
            return structs.replace(happening, record=record, body=record.encode())
    return happening


def _without_stack(event: Event) -> Event | None:
    """None where there is none."""
    if isinstance(event, FatalException | NonFatalException):
        return structs.replace(event, stack_trace="")
    return None
