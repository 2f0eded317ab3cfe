"""`Monitors`: the real monitor with its task database, on a host of its own."""

from __future__ import annotations

from cloud_tasks.errors import CloudTasksError
from cloud_tasks.monitor import EventMonitor, MonitorSettings
from cloud_tasks.task_db import Applied, Snapshot
from simulation.clocks import HostClock
from simulation.faults import FaultClass
from simulation.hosts import Host
from simulation.job.doors import Doors
from simulation.job.happenings import (
    EventTakenIn,
    MonitorBegan,
    MonitorContinued,
    MonitorEnded,
    MonitorFailed,
    MonitorKilled,
    MonitorStopped,
)
from simulation.job.mortal import STORED, MortalEventBook, MortalOutput
from simulation.job.process import Process
from simulation.job.setting import Setting
from simulation.plan import MonitorPlan

_CLOCK_S = 5000.0
_NAME = "monitor"


class Monitors(Process):
    """The monitor of a job, one after the other.

    Args:
        setting: What there is around it.
        plan: How it goes about it.
        doors: The way to the event queue.

    Attributes:
        wanted: Whether one that has ended by itself is followed by another.
    """

    def __init__(self, setting: Setting, plan: MonitorPlan, doors: Doors) -> None:
        super().__init__(setting, _NAME)
        self.wanted = True
        self._plan = plan
        self._doors = doors
        self._auto_complete = plan.auto_complete
        self._monitor: EventMonitor | None = None

    @property
    def is_needed(self) -> bool:
        """See `Process`."""
        return self.wanted

    def terminate(self) -> None:
        """SIGTERM; one that has not come so far as to hear it is over at once."""
        if self._monitor is None or self.host is None:
            self.kill()
        elif self.running:
            self.asked = True
            self._setting.loop.at(self.host, self._setting.loop.now, self._monitor.stop)

    def stop(self) -> bool:
        """SIGSTOP; returns whether there was one to stop."""
        if not self.running or self.host is None or self.host.stopped:
            return False
        self._setting.loop.stop_host(self.host)
        self._setting.history.tell(MonitorStopped(at=self._setting.loop.now, worker=self.host.name))
        return True

    def go_on(self) -> None:
        """SIGCONT."""
        if self.running and self.host is not None and self.host.stopped:
            self._setting.loop.continue_host(self.host)
            self._setting.history.tell(MonitorContinued(at=self._setting.loop.now, worker=self.host.name))

    def stay(self) -> None:
        """From now on, none ends by itself."""
        self.wanted, self._auto_complete = True, False
        self.start()

    def dies_at(self) -> float | None:
        """Where it dies at this storing; see `Mortal`."""
        death = self._death(FaultClass.MONITOR_DIES)
        if death is None:
            return None
        return death.size if self._plan.output_file else death.size * STORED

    async def live(self, host: Host) -> None:
        """See `Process`."""
        setting, plan = self._setting, self._plan
        clock = HostClock(setting.loop, offset_s=_CLOCK_S * host.number)
        book = MortalEventBook(setting.database, self)
        self.holds(book.close)
        output = MortalOutput(setting.output, book) if plan.output_file else None
        if output is not None:
            self.holds(output.close)
        settings = MonitorSettings(
            auto_complete=self._auto_complete, batch_max=plan.batch_max, wait_s=plan.wait_s
        )
        feed = self._doors.feed(host, clock)
        self._monitor = EventMonitor(feed, book, _View(setting, host), settings, clock=clock, output=output)
        snapshot = await self._monitor.run()
        self._tell_ended(snapshot, host)

    def _tell_ended(self, snapshot: Snapshot, host: Host) -> None:
        if not self.asked and self._auto_complete:
            self.wanted = False
        now = self._setting.loop.now
        self._setting.history.tell(
            MonitorEnded(
                at=now,
                worker=host.name,
                asked=self.asked,
                total=snapshot.total,
                finished=snapshot.finished,
            )
        )

    def tell_began(self) -> None:
        """See `Process`."""
        self._monitor = None
        self._setting.history.tell(MonitorBegan(at=self._setting.loop.now, worker=self._host_name))

    def tell_killed(self, where: str) -> None:
        """See `Process`."""
        now = self._setting.loop.now
        self._setting.history.tell(MonitorKilled(at=now, worker=self._host_name, where=where))

    def tell_failed(self, error: CloudTasksError) -> None:
        """See `Process`."""
        now = self._setting.loop.now
        self._setting.history.tell(MonitorFailed(at=now, worker=self._host_name, error=str(error)))

    @property
    def _host_name(self) -> str:
        return "" if self.host is None else self.host.name


class _View:
    """A `MonitorView` that tells the history."""

    def __init__(self, setting: Setting, host: Host) -> None:
        self._setting = setting
        self._host = host

    def show(self, snapshot: Snapshot, now_s: float) -> None:
        """Nobody looks."""

    def event(self, applied: Applied) -> None:
        event = applied.event or {}
        self._setting.history.tell(
            EventTakenIn(
                at=self._setting.loop.now,
                worker=self._host.name,
                effect=applied.effect,
                event_type=str(event.get("event_type", "")),
                task_id=str(event.get("task_id", "")),
            )
        )

    def say(self, text: str) -> None:
        """Nobody listens."""
