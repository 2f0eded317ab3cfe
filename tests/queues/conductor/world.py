"""A service with faults, and queues of it whose results wait in a directory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from cloud_tasks.core.task import EndKind, Lease, Outcome, OutcomeKind, RunEnd
from cloud_tasks.interfaces import TaskQueue
from cloud_tasks.queues.conductor import Carrier, ConductorSettings, Form, Watcher, open_queue
from cloud_tasks.queues.conductor.carrier import Answer
from fakes.clock import VirtualClock
from fakes.conductor import ConductorService
from fakes.conductor.faulty import Faulty
from fakes.faults import FaultInjector, FaultKind, FaultPlan, FaultRule
from simulation.backends.conductor.carrier import InProcessCarrier

DONE = Outcome(OutcomeKind.COMPLETED, end=RunEnd(EndKind.RETURNED, result={"n": 1}))
OUTAGE = FaultRule(FaultKind.UNAVAILABLE, "update_task", every=1, until_s=60.0)


class World:
    """A service with faults, and a queue of it."""

    def __init__(self, results: Path, *rules: FaultRule) -> None:
        self.results = results
        self.clock = VirtualClock()
        self.service = ConductorService(self.clock)
        self.service.define_task("jobs", response_timeout_seconds=30, retry_delay_seconds=0)
        self.faults = FaultInjector(FaultPlan(rules=rules), self.clock)
        self.carrier: Carrier = InProcessCarrier(self.service, Faulty(self.faults, self.clock))
        self.watcher = Noted()

    def queue(self, form: Form | None = None) -> TaskQueue:
        settings = ConductorSettings(
            task_types=("jobs",), api_url="http://there/api", results_dir=str(self.results)
        )
        return open_queue(settings, self.clock, form=form, carrier=self.carrier, watcher=self.watcher)

    async def leases(self, queue: TaskQueue, count: int = 1) -> list[Lease]:
        self.service.start_tasks("jobs", [{"number": number} for number in range(count)])
        leases = await queue.receive(count, 0.0)
        assert len(leases) == count
        return leases

    def status_of(self, lease: Lease) -> str:
        task = self.service.task(lease.task.task_id)
        assert task is not None
        return task.status.value

    def kept(self) -> list[Path]:
        return sorted(self.results.glob("[!.]*.json"))

    def break_disk(self) -> None:
        """Have a file where the directory of results was."""
        self.results.rmdir()
        self.results.write_text("")

    async def until(self, moment: float) -> None:
        """Let time go by, and threads do what they have been given meanwhile."""
        while self.clock.monotonic() < moment:
            await asyncio.sleep(0.005)
            await self.clock.run_for(0.25)
        await asyncio.sleep(0.005)

    async def close(self, queue: TaskQueue) -> None:
        closing = asyncio.ensure_future(queue.aclose())
        while not closing.done():
            await asyncio.sleep(0.005)
            await self.clock.run_for(0.25)
        closing.result()


class Noted(Watcher):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def update_failed(self, task_type: str, error: Exception) -> None:
        self.failures.append(f"{task_type}: {type(error).__name__}")


class Stumbling:
    """A server that answers one kind of update with a status of its own."""

    def __init__(self, carrier: Carrier, mark: bytes, status: int) -> None:
        self._carrier = carrier
        self._mark = mark
        self._status = status

    async def carry(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> Answer:
        if self._mark in (body or b""):
            return Answer(self._status, b"no")
        return await self._carrier.carry(method, path, query, body, timeout_s)

    async def aclose(self) -> None:
        pass
