"""`Producers`: the real load of a task file, on a host of its own."""

from __future__ import annotations

from cloud_tasks.core.task import Task
from cloud_tasks.errors import CloudTasksError
from cloud_tasks.loading import Loader, LoadProgress, LoadSettings
from simulation.broker import Broker
from simulation.clocks import HostClock
from simulation.faults import FaultClass
from simulation.hosts import Host
from simulation.job.happenings import ProducerBegan, ProducerEnded, ProducerKilled
from simulation.job.mortal import MortalTaskBook
from simulation.job.process import Process
from simulation.job.sending import SimulatedLook, SimulatedSender, Twins
from simulation.job.setting import Setting
from simulation.job.ways import aside
from simulation.link import SLOW_S_MAX, Link
from simulation.plan import ProducerPlan
from simulation.streams import Streams

_CLOCK_S = 7000.0
_NAME = "producer"
_LATE_S = 2 * SLOW_S_MAX
"""What a producer sent before it was killed may reach the queue for so long: held, and slow after that."""


class Producers(Process):
    """The load of a job; one that was killed or gave up is gone on with, until every task was sent.

    Args:
        setting: What there is around it.
        plan: How it goes about it.
        tasks: The queue.

    Attributes:
        twins: Which messages hold the same task.
        done: Whether every task was sent, as the last of them said.
        may_come_until: Until when something may arrive from one that is dead.
    """

    def __init__(self, setting: Setting, plan: ProducerPlan, tasks: Broker) -> None:
        super().__init__(setting, _NAME)
        self.done = False
        self.may_come_until = 0.0
        self._sender: SimulatedSender | None = None
        self.twins = Twins(setting, tasks)
        self._plan = plan
        self._tasks = tasks

    @property
    def is_needed(self) -> bool:
        """See `Process`."""
        return not self.done

    def dies_at(self) -> float | None:
        """Where it dies at this writing; see `Mortal`."""
        death = self._death(FaultClass.PRODUCER_DIES)
        if death is None:
            return None
        return death.size

    async def live(self, host: Host) -> None:
        """See `Process`."""
        setting, plan = self._setting, self._plan
        clock = HostClock(setting.loop, offset_s=_CLOCK_S * host.number)
        link = Link(
            setting.loop,
            host,
            setting.faults,
            aside(setting.history),
            latency=setting.plan.latency,
            weather=setting.weather,
        )
        book = MortalTaskBook(setting.database, clock, self)
        self.holds(book.close)
        self._sender = SimulatedSender(setting, self._tasks, host, link)
        loader = Loader(
            book,
            self._sender,
            SimulatedLook(setting, self._tasks, link),
            LoadSettings(
                concurrent_calls=plan.concurrent_calls, batch_size=plan.batch_size, page_size=plan.page_size
            ),
            clock=clock,
            chance=Streams(setting.plan.seed).of(_NAME, self.starts),
            progress=_nobody_looks,
        )
        summary = await loader.load(tasks_of(setting.plan.workload.tasks))
        self.done = not summary.unsent
        self._tell_ended(summary.unsent, "")

    def _tell_ended(self, unsent: int, error: str) -> None:
        name = "" if self.host is None else self.host.name
        now = self._setting.loop.now
        self._setting.history.tell(ProducerEnded(at=now, worker=name, unsent=unsent, error=error))

    def tell_began(self) -> None:
        """See `Process`."""
        name = "" if self.host is None else self.host.name
        self._setting.history.tell(ProducerBegan(at=self._setting.loop.now, worker=name))

    def tell_killed(self, where: str) -> None:
        """See `Process`."""
        if self._sender is not None and self._sender.under_way:
            self.may_come_until = self._setting.loop.now + _LATE_S
        name = "" if self.host is None else self.host.name
        self._setting.history.tell(ProducerKilled(at=self._setting.loop.now, worker=name, where=where))

    def tell_failed(self, error: CloudTasksError) -> None:
        """The queue was away for too long."""
        self._tell_ended(0, type(error).__name__)


def tasks_of(count: int) -> list[Task]:
    """The tasks of a job."""
    return [Task(f"task-{number + 1}", {}) for number in range(count)]


def _nobody_looks(progress: LoadProgress) -> None:
    """Nothing."""
