"""`Setting`: what monitors and producers find around them."""

from __future__ import annotations

import os
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from simulation.backends import Site
from simulation.broker import Broker

_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of its own is made there
_PREFIX = "cloud-tasks-simulation-"


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
        self._directory = TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=place())
        self.database = Path(self._directory.name) / "job.db"
        self.output = Path(self._directory.name) / "events.jsonl"

    def close(self) -> None:
        """Leave nothing behind."""
        self._directory.cleanup()


@cache
def place() -> Path:
    """Where databases are: in memory if that can be; what dead processes have left there is removed first."""
    where = _IN_MEMORY if _IN_MEMORY.is_dir() else Path(gettempdir())
    for left in where.glob(f"{_PREFIX}*-*"):
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and not _is_alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    return where


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
