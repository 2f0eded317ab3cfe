"""`Setting`: what monitors and producers find around them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from simulation.backends import Site
from simulation.broker import Broker

_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of its own is made there


class Setting:
    """What monitors and producers find around them.

    Args:
        site: The world.
        tasks: The queue of tasks; None where it is one that nobody can look into.

    Attributes:
        site: As given.
        plan: What the run follows from.
        loop: Time.
        faults: What goes wrong.
        history: Told of all that can be seen.
        tasks: As given.
        weather: What lies on the way to it.
        database: The task database.
        output: The file that a monitor writes events into.
    """

    def __init__(self, site: Site, tasks: Broker | None) -> None:
        self.site = site
        self.plan = site.plan
        self.loop = site.loop
        self.faults = site.faults
        self.history = site.history
        self.weather = site.weather
        self.tasks = tasks
        in_memory = _IN_MEMORY if _IN_MEMORY.is_dir() else None
        self._directory = TemporaryDirectory(prefix="cloud-tasks-simulation-", dir=in_memory)
        self.database = Path(self._directory.name) / "job.db"
        self.output = Path(self._directory.name) / "events.jsonl"

    def close(self) -> None:
        """Leave nothing behind."""
        self._directory.cleanup()
