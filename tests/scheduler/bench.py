"""Schedulers in virtual time: several of them, one queue, one book, and a backend that can be away."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from cloud_tasks.core.task import Task
from cloud_tasks.errors import Place, QueueUnavailableError
from cloud_tasks.scheduler.cron import Cron
from cloud_tasks.scheduler.missed import MissedPolicy
from cloud_tasks.scheduler.posting import Post, PostByClaim, PostInOneStep
from cloud_tasks.scheduler.schedule import Schedule
from cloud_tasks.scheduler.scheduler import Scheduler
from cloud_tasks.scheduler.timetable import Timetable
from fakes.clock import VirtualClock
from fakes.once_model import InMemoryOnce
from fakes.queue_model import InMemoryQueue
from fakes.queue_options import QueueOptions

START = datetime(2026, 1, 1, tzinfo=UTC)


def schedule(zone: str = "UTC", end: datetime | None = None, **fields: str) -> Schedule:
    return Schedule(
        queue="scheduled_q",
        worker="w",
        payload={"x": 1},
        timetable=Timetable(Cron(fields), ZoneInfo(zone), None, end),
        place=Place("settings.yaml", 1, 1, ""),
    )


class ShakyOnce(InMemoryOnce):
    """A book of a backend that can be away, or answer nothing to what it did."""

    state: Literal["there", "away", "silent"] = "there"

    async def send_once(self, key: str, task: Task) -> bool:
        self._ask()
        sent = await super().send_once(key, task)
        self._answer()
        return sent

    async def newest(self, not_after: str) -> str | None:
        self._ask()
        return await super().newest(not_after)

    async def claim(self, key: str, seconds: float) -> Literal["ours", "theirs", "done"]:
        self._ask()
        return await super().claim(key, seconds)

    async def settle(self, key: str) -> None:
        self._ask()
        await super().settle(key)
        self._answer()

    def _ask(self) -> None:
        if self.state == "away":
            raise QueueUnavailableError("nobody there")

    def _answer(self) -> None:
        if self.state == "silent":
            raise QueueUnavailableError("no answer")


class Bench:
    """A world of schedulers."""

    def __init__(self, policy: MissedPolicy | None = None, *, by_claim: bool = False) -> None:
        self.clock = VirtualClock(START)
        self.queue = InMemoryQueue(self.clock, QueueOptions(lease_s=40_000.0))
        self.once = ShakyOnce(self.clock, self.queue)
        self.log = logging.getLogger("test.scheduler")
        self._policy = policy or MissedPolicy()
        self._by_claim = by_claim
        self._runs: list[asyncio.Task[None]] = []

    def start(self, *schedules: Schedule, clock: VirtualClock | None = None) -> asyncio.Task[None]:
        """One more scheduler; it ends with the bench, or when it is cancelled."""
        scheduler = Scheduler(schedules, self._post, clock or self.clock, self._policy, self.log)
        run = asyncio.create_task(scheduler.run())
        self._runs.append(run)
        return run

    def _post(self, schedule: Schedule) -> Post:
        if self._by_claim:
            return PostByClaim(self.queue, self.once, self.clock)
        return PostInOneStep(self.once, self.once)

    async def run_for(self, seconds: float) -> None:
        await self.clock.run_for(seconds)

    async def taken(self) -> list[str]:
        """The instants whose tasks came since the last time, with the date left out where it is the first."""
        found = []
        while leases := await self.queue.receive(10, 0.0):
            for lease in leases:
                assert isinstance(lease.task, Task)
                assert lease.task.data == {"x": 1}
                found.append(lease.task.task_id.removeprefix("scheduled_q-").removeprefix("20260101T"))
        return found

    async def aclose(self) -> None:
        for run in self._runs:
            run.cancel()
        await asyncio.gather(*self._runs, return_exceptions=True)
