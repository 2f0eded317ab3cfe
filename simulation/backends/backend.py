"""What the world wants of a backend, and what it gives to one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from cloud_tasks.core.task import MalformedTask, Task
from cloud_tasks.interfaces import Clock, TaskQueue
from simulation.fault_source import FaultSource
from simulation.history import History
from simulation.hosts import Host
from simulation.loop import SimulationLoop
from simulation.plan import RunPlan
from simulation.weather import Weather


class Site(Struct, frozen=True):
    """Where a backend stands.

    Attributes:
        plan: What the run follows from.
        loop: Time.
        faults: What goes wrong.
        history: Told of every call and every message.
        weather: What lies on the way to it.
    """

    plan: RunPlan
    loop: SimulationLoop
    faults: FaultSource
    history: History
    weather: Weather


class Backend(Protocol):
    """A queue of tasks, and the way to it."""

    @property
    def tasks(self) -> Mapping[str, Task | MalformedTask]:
        """What each message holds that was ever accepted, by key."""
        ...

    def put(self, task: Task) -> None:
        """Accept a task."""
        ...

    def put_raw(self, body: bytes) -> None:
        """Accept any message."""
        ...

    def queue(self, host: Host, clock: Clock) -> TaskQueue:
        """The queue as a worker on this host has it."""
        ...

    def is_empty(self) -> bool:
        """Whether nothing is left of the messages but what became of them."""
        ...

    def counts(self) -> Mapping[str, int]:
        """How many messages are "visible", "in_flight", "delayed" and "dead", as the service itself says."""
        ...

    def close(self) -> None:
        """Let go of what is outside of the world."""
        ...
