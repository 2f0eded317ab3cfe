"""`Process`: a program on a host of its own, which is killed, stopped, ended, and started again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from cloud_tasks.errors import CloudTasksError
from simulation.faults import Fault, FaultClass
from simulation.hosts import Host
from simulation.job.setting import Setting

RESTART_S = 5.0
"""From the end of one to the start of the next in its place."""


class Process(ABC):
    """One that is started again and again for as long as it is needed.

    Args:
        setting: What there is around it.
        name: Of the program.

    Attributes:
        host: Of the one that runs, or ran last; None before the first.
        running: Whether one runs.
        asked: Whether it was asked to end.
        starts: How many there were.
        ended: The hosts of those that have returned.
    """

    def __init__(self, setting: Setting, name: str) -> None:
        self.host: Host | None = None
        self.running = self.asked = False
        self.starts = 0
        self.ended: list[str] = []
        self._setting = setting
        self._name = name
        self._open: list[Callable[[], None]] = []

    def _death(self, kind: FaultClass) -> Fault | None:
        """What kills it at this writing; None where nothing does."""
        faults, name = self._setting.faults, self._name
        if kind not in faults.on:
            return None
        faults.occasions[name] += 1
        death = faults.strikes(kind, name, faults.occasions[name], lambda share: share)
        if death is not None:
            faults.had_effect(kind)
        return death

    @property
    @abstractmethod
    def is_needed(self) -> bool:
        """Whether one that is gone is followed by another."""

    @abstractmethod
    async def live(self, host: Host) -> None:
        """What it does, from beginning to end; registers what it opens by `holds`."""

    @abstractmethod
    def tell_began(self) -> None:
        """Tell the history."""

    @abstractmethod
    def tell_killed(self, where: str) -> None:
        """Tell the history."""

    @abstractmethod
    def tell_failed(self, error: CloudTasksError) -> None:
        """Tell the history."""

    def start(self) -> None:
        """Start one, unless one runs or none is needed."""
        if self.running or not self.is_needed:
            return
        loop = self._setting.loop
        self.starts += 1
        self.running, self.asked = True, False
        self.host = loop.add_host(f"{self._name}-{self.starts}")
        self.tell_began()
        loop.start_on(self.host, self._live(self.host))

    def kill(self, where: str = "") -> None:
        """SIGKILL."""
        if self.running and self.host is not None:
            self._setting.loop.kill(self.host)
            self.tell_killed(where)
            self._over()

    def holds(self, close: Callable[[], None]) -> None:
        """To be closed when the process is over, as the system would."""
        self._open.append(close)

    async def _live(self, host: Host) -> None:
        try:
            await self.live(host)
        except CloudTasksError as error:
            if not host.alive:
                return  # what a dead process stumbles upon on its way out
            self.tell_failed(error)
        self.ended.append(host.name)
        self._over()

    def let_go(self) -> None:
        """Close what it has open."""
        while self._open:
            self._open.pop()()

    def _over(self) -> None:
        self.running = False
        self.let_go()
        loop = self._setting.loop
        loop.at(loop.world, loop.now + RESTART_S, self.start)
