"""Which of the two queues a call is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from cloud_tasks.cli.call import Call
from cloud_tasks.compose.backends import BackendSettings

Which: TypeAlias = Literal["tasks", "events"]


class Chosen(Struct, frozen=True):
    """One of the queues.

    Attributes:
        which: The one.
        name: Its name.
    """

    which: Which
    name: str


def chosen(call: Call, settings: BackendSettings) -> Iterator[Chosen]:
    """The queues that --task-queue-only and --event-queue-only leave."""
    if not call.switch("event_queue_only"):
        yield Chosen("tasks", settings.task_queue)
    if not call.switch("task_queue_only"):
        yield Chosen("events", settings.event_queue)


def counted(depth: int) -> str:
    """A number of messages in words."""
    return f"{depth:,} message{'' if depth == 1 else 's'}"


def total(depth: Mapping[str, int]) -> int:
    """How many messages a depth comes to; those in the dead-letter queue are in another queue."""
    return sum(depth.get(name, 0) for name in ("visible", "in_flight", "delayed"))
