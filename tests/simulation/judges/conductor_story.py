"""Histories at a server that decides about retries: results are told, or wait on a disk."""

from __future__ import annotations

from msgspec import structs

from cloud_tasks.core.task import Outcome, OutcomeKind
from fakes.history import FactKind
from simulation.backends.conductor import happenings
from simulation.plan import BackendPlan
from tests.simulation.judges.story import EXITED, PLAN, TASK, A, Story, completed, exited

DISK = "disk-1"
DONE = Outcome(OutcomeKind.COMPLETED, elapsed_s=1.0)
FAILED = Outcome(OutcomeKind.EXITED, elapsed_s=1.0, retry_requested=True)


class ConductorStory(Story):
    """A worker that has a task, on a machine with a disk."""

    def __init__(self) -> None:
        super().__init__(structs.replace(PLAN, backend=BackendPlan(name="conductor")))
        self.take(A).worker().send().hold().wait(1)

    def wait(self, seconds: float) -> ConductorStory:
        """Time goes by."""
        super().wait(seconds)
        return self

    def take(self, worker: str) -> ConductorStory:
        """A worker has the machine."""
        self.history.tell(happenings.DiskTaken(at=self.now, worker=worker, disk=DISK))
        return self

    def machine_gone(self) -> ConductorStory:
        """The machine is taken away."""
        self.history.tell(happenings.DiskGone(at=self.now, worker=A, disk=DISK))
        return self

    def returned(self) -> ConductorStory:
        """The run has come to a good end."""
        self.finish().record(completed())
        return self

    def failed(self) -> ConductorStory:
        """It has not; it is to be tried again, as the server will have it."""
        self.finish(end=EXITED).record(exited(retry=False))
        return self

    def tell_server(self, kind: FactKind | None, reason: str = "", outcome: Outcome = DONE) -> ConductorStory:
        """The result is acked, and the server makes that of it; None: it comes too late."""
        self.issue("ack", outcome=outcome)
        self.arrive()
        if kind is not None:
            self.fact(kind, TASK, A, reason)
        self.answer("ack")
        return self

    def arrive(self) -> ConductorStory:
        """A result reaches the server."""
        self.history.tell(happenings.ResultTold(at=self.now, worker=A, receipt=self.receipt()))
        return self

    def keep(self) -> ConductorStory:
        """The result is acked, and waits on the disk."""
        self.issue("ack", outcome=DONE)
        self.history.tell(happenings.ResultKept(at=self.now, worker=A, receipt=self.receipt(), disk=DISK))
        self.answer("ack")
        return self

    def remove(self) -> ConductorStory:
        """It is removed from there."""
        told = happenings.ResultRemoved(at=self.now, worker=A, receipt=self.receipt(), disk=DISK)
        self.history.tell(told)
        return self

    def calm(self) -> ConductorStory:
        """Nothing goes wrong from now on."""
        self.close.quiet_at = self.now
        return self
