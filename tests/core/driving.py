"""Drives a machine by hand: tells facts, lets time go by, remembers what it was asked to do."""

from __future__ import annotations

from typing import Any, TypeVar

from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.attempt import Signal, State
from cloud_tasks.core.book import Attempt
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.machine import MachineSettings, WorkerMachine
from cloud_tasks.core.task import EndKind, Lease, MalformedTask, RunEnd, Task

C = TypeVar("C", bound=do.Command)

CLOUD = QueueCapabilities(lease_s_max=600.0, delay_s_max=900.0, delivery_count=True, dead_letters=True)
LOCAL = QueueCapabilities(renewable=False, requeues=False, batch_size_max=1000, finite=True, immediate=True)

RETURNED = RunEnd(EndKind.RETURNED, result="result")
RETRY = RunEnd(EndKind.RETURNED, retry=True, result="again")
RAISED = RunEnd(EndKind.RAISED, exception="Traceback: boom")
KILLED = RunEnd(EndKind.EXITED, exit_code=-9, signal="SIGKILL")
TERMINATED = RunEnd(EndKind.EXITED, exit_code=-15, signal="SIGTERM", stderr_tail="last words")


class WatchedMachine(WorkerMachine):
    """A machine that notes which rows of the table it goes through."""

    def __init__(self, settings: MachineSettings, capabilities: QueueCapabilities) -> None:
        self.fired: list[tuple[State, Signal]] = []
        super().__init__(settings, capabilities)

    def _fire(self, attempt: Attempt, signal: Signal, fact: got.Input) -> None:
        self.fired.append((State(attempt.state), signal))
        super()._fire(attempt, signal, fact)


def lease(name: str = "a", receipt: str = "r1", duration_s: float | None = None, **more: Any) -> Lease:
    """A lease of the task `name`; its key is its name."""
    return Lease(Task(name, {}), name, receipt, duration_s, **more)


def malformed(name: str = "m", **more: Any) -> Lease:
    """A lease of something that is no task."""
    return Lease(MalformedTask(b"?", "not a task", name), name, "r1", **more)


class Driver:
    """A machine, its time, and everything that it has asked for so far."""

    def __init__(
        self,
        capabilities: QueueCapabilities = CLOUD,
        *,
        now: float = 0.0,
        opened: bool = True,
        **settings: Any,
    ) -> None:
        told = {"slots": 2, "max_runtime_s": 60.0, **settings}
        self.settings = MachineSettings(**told)
        self.machine = WatchedMachine(self.settings, capabilities)
        self.now = now
        self.log: list[do.Command] = []
        if opened:
            self.tell(got.Opened())

    def tell(self, *facts: got.Input) -> list[do.Command]:
        """Report facts, all at this moment; returns what the machine asks for."""
        asked = [command for fact in facts for command in self.machine.handle(fact, self.now)]
        self.log += asked
        return asked

    def wait(self, seconds: float) -> list[do.Command]:
        """Let time go by, waking the machine whenever it wants to be; returns what it asks for meanwhile."""
        return self.wait_until(self.now + seconds)

    def wait_until(self, moment: float) -> list[do.Command]:
        asked: list[do.Command] = []
        for _ in range(10_000):
            wakeup = self.machine.next_wakeup()
            if wakeup is None or wakeup > moment:
                break
            self.now = max(self.now, wakeup)
            asked += self.tell(got.TimeReached())
        else:
            raise AssertionError("the machine wakes up for ever")
        self.now = max(self.now, moment)
        return asked + self.tell(got.TimeReached())

    def receive(self, *leases: Lease, took_s: float = 0.0) -> list[do.Command]:
        """The receive that is under way comes back."""
        return self.tell(got.LeasesReceived(list(leases), self.now - took_s))

    def start(self, *leases: Lease) -> int:
        """Leases come in and their runs start; returns the number of the last attempt."""
        starts = only(self.receive(*leases), do.StartRun)
        self.tell(*(got.RunStarted(start.attempt_id) for start in starts))
        return starts[-1].attempt_id

    def end(self, attempt_id: int, end: RunEnd = RETURNED) -> list[do.Command]:
        """The run ends, and nothing is left of it."""
        return self.tell(got.RunFinished(attempt_id, end))

    def store(self, attempt_id: int) -> list[do.Command]:
        """Its event is durable."""
        return self.tell(got.EventsStored([attempt_id]))

    def finish(self, attempt_id: int, end: RunEnd = RETURNED) -> list[do.Command]:
        """From the end of the run to the settlement."""
        asked = [*self.end(attempt_id, end), *self.store(attempt_id)]
        return asked + self.tell(got.Settled(attempt_id))

    def asked(self, kind: type[C]) -> list[C]:
        """All commands of a kind so far."""
        return only(self.log, kind)

    @property
    def finished(self) -> do.Finish | None:
        """The last command, if it was given."""
        finishes = self.asked(do.Finish)
        assert len(finishes) <= 1
        return finishes[0] if finishes else None


def only(commands: list[do.Command], kind: type[C]) -> list[C]:
    """Those of one kind."""
    return [command for command in commands if isinstance(command, kind)]


def one(commands: list[do.Command], kind: type[C]) -> C:
    """The one of that kind."""
    found = only(commands, kind)
    assert len(found) == 1, f"expected one {kind.__name__}, got {commands}"
    return found[0]
