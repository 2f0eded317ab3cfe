"""`Job`: the event queue, the monitor and the producer of a run, as the world sees them."""

from __future__ import annotations

from collections.abc import Callable

from cloud_tasks.interfaces import EventSink
from cloud_tasks.loading import TaskBook
from cloud_tasks.sinks.tee import TeeSink
from fakes.queue_options import QueueOptions
from simulation.backends import Site
from simulation.broker import Broker
from simulation.clocks import HostClock
from simulation.faults import Fault, FaultClass
from simulation.history import History
from simulation.hosts import Host
from simulation.job.doors import Doors, open_doors
from simulation.job.event_queue import LATE_S_MAX, TWICE_S_MAX, EventBroker
from simulation.job.monitors import Monitors
from simulation.job.process import RESTART_S
from simulation.job.producers import Producers, tasks_of
from simulation.job.setting import Setting
from simulation.job.ways import Witnessed
from simulation.link import SLOW_S_MAX
from simulation.plan import MonitorPlan
from simulation.weather import Weather

MakeSink = Callable[[History], EventSink]
"""Makes the sink that a worker has beside the event queue; it tells that history."""
_PAUSES_S = 60.0
"""The longest pauses of a monitor between tries, and some slack."""
_LOAD_S = 300.0
"""The longest that a load takes without faults: pauses between tries, looks into the queue, calls."""


class Job:
    """What a job has around its workers.

    Args:
        setting: What there is around it; its plan has a monitor, a producer or both.

    Attributes:
        setting: Where the database is.
        producers: Who loads the tasks; None where they come by themselves, or nobody can look into the queue.
        monitors: Who takes events into the database; None where nobody does.
        followed: Whether the event queue was empty within the bound, and the monitor ended when asked to.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.followed = True
        self._weather = Weather()
        self.producers: Producers | None = None
        self.monitors: Monitors | None = None
        self._events: EventBroker | None = None
        self._doors: Doors | None = None
        plan = setting.plan
        if plan.producer is not None and setting.tasks is not None:
            self.producers = Producers(setting, plan.producer, setting.tasks)
        if plan.monitor is not None:
            options = _options(plan.monitor)
            self._events = EventBroker(setting.loop, options, setting.faults, setting.history)
            self._doors = open_doors(setting, self._events, self._weather)
            self.monitors = Monitors(setting, plan.monitor, self._doors)

    @property
    def is_loaded(self) -> bool:
        """Whether every task was sent, and nothing is on its way to the queue any more."""
        producers = self.producers
        return producers is None or (producers.done and self.setting.loop.now >= producers.may_come_until)

    @property
    def is_followed(self) -> bool:
        """Whether every event was taken in."""
        return self._events is None or self._events.is_empty

    @property
    def loading_bound_s(self) -> float:
        """How much longer it may take until every task is settled, because of a job."""
        load_s = _LOAD_S + RESTART_S + 2 * SLOW_S_MAX if self.producers is not None else 0.0
        return load_s + (SLOW_S_MAX if self.monitors is not None else 0.0)

    @property
    def following_bound_s(self) -> float:
        """How long it may take until every event is taken in, once nobody tells any."""
        plan = self.setting.plan.monitor
        if plan is None:
            return 0.0
        lease_s = max(plan.lease_s, MonitorPlan().lease_s)  # an adapter asks for what it wants
        return LATE_S_MAX + TWICE_S_MAX + 2 * lease_s + plan.wait_s + _PAUSES_S + 2 * SLOW_S_MAX

    def begin(self) -> None:
        """Everything starts."""
        if self.producers is not None:
            self.producers.start()
        else:
            self._load_at_once()
        if self.monitors is not None:
            self.monitors.start()
        for fault in self.setting.plan.faults:
            if fault.kind in JOB_TIMED:
                self.setting.loop.at(self.setting.loop.world, fault.at_s, self._strike, fault)

    def sink(self, host: Host, make: MakeSink) -> EventSink:
        """Where the events of a worker go."""
        setting, history = self.setting, self.setting.history
        if self._doors is None:
            return make(history)
        sinks = [make(History()), self._doors.sink(host)]
        return Witnessed(setting.loop, host, TeeSink(sinks), history)

    def stop_faults(self) -> None:
        """No fault strikes any more."""
        self._weather.clear()
        if self.monitors is not None:
            self.monitors.go_on()

    def stay(self) -> None:
        """Workers are gone: a monitor is to take in what they have told."""
        if self.monitors is not None:
            self.monitors.stay()

    def end(self) -> None:
        """The monitor is asked to end."""
        if self.monitors is not None:
            self.monitors.wanted = False
            self.monitors.terminate()

    @property
    def is_over(self) -> bool:
        """Whether nobody is left."""
        return self.monitors is None or not self.monitors.running

    def left_behind(self) -> list[str]:
        """What coroutines still wait of monitors and producers that have returned."""
        processes = [process for process in (self.producers, self.monitors) if process is not None]
        ended = {name for process in processes for name in process.ended}
        tasks = self.setting.loop.pending()
        left = [task for task in tasks if task.get_name().partition(":")[0] in ended]
        return sorted(f"{task.get_name()}: {getattr(task.get_coro(), '__qualname__', '?')}" for task in left)

    def close(self) -> None:
        """Leave nothing behind."""
        for process in (self.producers, self.monitors):
            if process is not None:
                process.let_go()
        self.setting.close()

    def _load_at_once(self) -> None:
        """The database as it is after a load that went well, long ago."""
        tasks = tasks_of(self.setting.plan.workload.tasks)
        with TaskBook(self.setting.database, HostClock(self.setting.loop)) as book:
            book.add(tasks)
            book.confirm([task.task_id for task in tasks])

    # -- faults that strike at a time --------------------------------------------------------------------

    def _strike(self, fault: Fault) -> None:
        if not self.setting.faults.quiet:
            self.setting.faults.note(fault)
            if JOB_TIMED[fault.kind](self, fault):
                self.setting.faults.had_effect(fault.kind)

    def begin_outage(self, fault: Fault) -> bool:
        """The event queue stops answering; calls that it does not answer say that this made a difference."""
        until = self.setting.loop.now + fault.size
        self._weather.outage_until = max(self._weather.outage_until, until)
        return False

    def crash_monitor(self, _: Fault) -> bool:
        """SIGKILL to the monitor."""
        if self.monitors is None or not self.monitors.running:
            return False
        self.monitors.kill()
        return True

    def halt_monitor(self, fault: Fault) -> bool:
        """SIGSTOP to the monitor, and SIGCONT later."""
        if self.monitors is None or not self.monitors.stop():
            return False
        loop = self.setting.loop
        loop.at(loop.world, loop.now + fault.size, self.monitors.go_on)
        return True

    def end_monitor(self, _: Fault) -> bool:
        """SIGTERM to the monitor."""
        if self.monitors is None or not self.monitors.running:
            return False
        self.monitors.terminate()
        return True

    def crash_producer(self, _: Fault) -> bool:
        """SIGKILL to the producer."""
        if self.producers is None or not self.producers.running:
            return False
        self.producers.kill()
        return True


def open_job(site: Site, tasks: object) -> Job | None:
    """The job of a plan; None where it has none.

    Args:
        site: The world.
        tasks: The queue of tasks. A load needs one that it can look into.
    """
    if site.plan.monitor is None and site.plan.producer is None:
        return None
    return Job(Setting(site, tasks if isinstance(tasks, Broker) else None))


def _options(plan: MonitorPlan) -> QueueOptions:
    return QueueOptions(
        lease_s=plan.lease_s,
        lease_s_max=max(plan.lease_s, QueueOptions().lease_s_max),
        lease_total_s_max=max(plan.lease_s, QueueOptions().lease_total_s_max),
        batch_size_max=plan.batch_max,
        wait_s_max=plan.wait_s,
        settles_after_expiry=True,
    )


JOB_TIMED: dict[FaultClass, Callable[[Job, Fault], bool]] = {
    FaultClass.EVENTS_OUTAGE: Job.begin_outage,
    FaultClass.MONITOR_CRASH: Job.crash_monitor,
    FaultClass.MONITOR_STOP: Job.halt_monitor,
    FaultClass.MONITOR_SIGTERM: Job.end_monitor,
    FaultClass.PRODUCER_CRASH: Job.crash_producer,
}
"""The classes that strike a job at a time, with what each does; returns whether it made a difference."""
