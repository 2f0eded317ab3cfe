"""Several workers in one process: a failure of one is its own, an end is for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from cloud_tasks.compose.fleet import Fleet
from cloud_tasks.core.machine import MachineSettings
from cloud_tasks.core.policy import Backoff
from cloud_tasks.core.task import Task
from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import InstanceIdentity, RunSpec
from cloud_tasks.metadata.static import StaticMetadata
from cloud_tasks.shell import ShellSettings, WorkerShell
from cloud_tasks.summary import Summary
from fakes.clock import VirtualClock
from fakes.queue_model import InMemoryQueue
from fakes.queue_options import QueueOptions
from fakes.runner import Script, ScriptedRunner
from tests.shell.harness import ListSink, Watcher

PAUSES = Backoff(base_s=1.0, cap_s=8.0, jitter=0.0)


class Yard:
    """Workers over queues that outlive them, in virtual time."""

    def __init__(
        self, *names: str, script: Callable[[RunSpec], Script] = lambda _: Script(), idle_exit_s: float | None
    ) -> None:
        self.clock = VirtualClock()
        self.queues = {
            name: InMemoryQueue(self.clock, QueueOptions(lease_s=600.0), lambda _: None) for name in names
        }
        self.shells: dict[str, WorkerShell] = {}
        self.made: list[tuple[str, float]] = []
        self.failed: list[tuple[str, str]] = []
        self.refusals: dict[str, int] = {}
        self.hanging: set[str] = set()
        self._script = script
        self._idle_exit_s = idle_exit_s
        self.fleet = Fleet(
            {name: self._maker(name) for name in names},
            self.clock,
            on_failure=lambda name, error: self.failed.append((name, str(error))),
            pauses=PAUSES,
        )

    def _maker(self, name: str) -> Callable[[], asyncio.Future[WorkerShell]]:
        return lambda: asyncio.ensure_future(self._make(name))

    async def _make(self, name: str) -> WorkerShell:
        self.made.append((name, self.clock.monotonic()))
        if name in self.hanging:
            await asyncio.Event().wait()
        if self.refusals.get(name, 0) > 0:
            self.refusals[name] -= 1
            raise QueueUnavailableError("nobody answers")
        self.shells[name] = WorkerShell(
            MachineSettings(
                slots=1, max_runtime_s=100.0, grace_s=30.0, idle_exit_s=self._idle_exit_s, poll_wait_s=1.0
            ),
            ShellSettings(worker_id=name, hostname="here", pid=1),
            queue=Lasting(self.queues[name]),
            runner=ScriptedRunner(self.clock, self._script),
            sink=ListSink([]),
            metadata=StaticMetadata(InstanceIdentity("", "i-1"), None, None, self.clock),
            clock=self.clock,
            observer=Watcher(),
        )
        return self.shells[name]

    async def finish(self, running: asyncio.Task[dict[str, Summary]]) -> dict[str, Summary]:
        for _ in range(200):
            if running.done():
                return running.result()
            await self.clock.run_for(1.0)
        raise AssertionError("the fleet has not ended")

    def completed(self, ends: dict[str, Summary]) -> dict[str, int]:
        return {name: end.counts.completed for name, end in ends.items()}


class Lasting(InMemoryQueue):
    """The queue that a worker closes is not the one that the next is given."""

    def __init__(self, queue: InMemoryQueue) -> None:
        self.__dict__ = queue.__dict__

    async def aclose(self) -> None:
        """Stay."""


async def test_all_work_side_by_side_and_the_fleet_ends_when_all_have() -> None:
    yard = Yard("a", "b", idle_exit_s=3.0)
    for name, queue in yard.queues.items():
        await queue.send(Task(f"{name}-1", {}))
        await queue.send(Task(f"{name}-2", {}))
    ends = await yard.finish(asyncio.ensure_future(yard.fleet.run()))
    assert yard.completed(ends) == {"a": 2, "b": 2}
    assert yard.failed == []
    assert yard.fleet.running == ()


async def test_one_that_fails_is_put_together_again_and_the_other_does_not_notice() -> None:
    yard = Yard("a", "b", idle_exit_s=20.0)
    running = asyncio.ensure_future(yard.fleet.run())
    await yard.clock.run_for(2.0)
    yard.shells["a"].fail(RuntimeError("broken"))
    await yard.clock.run_for(0.5)
    assert yard.fleet.running == ("b",)
    await yard.clock.run_for(2.0)
    await yard.queues["a"].send(Task("after", {}))
    ends = await yard.finish(running)
    assert yard.failed == [("a", "broken")]
    assert [name for name, _ in yard.made] == ["a", "b", "a"]
    assert yard.completed(ends) == {"a": 1, "b": 0}


async def test_the_pauses_double_up_to_a_cap() -> None:
    yard = Yard("a", idle_exit_s=1.0)
    yard.refusals["a"] = 6
    ends = await yard.finish(asyncio.ensure_future(yard.fleet.run()))
    assert [moment for _, moment in yard.made] == [0, 1, 3, 7, 15, 23, 31]
    assert yard.failed == [("a", "nobody answers")] * 6
    assert list(ends) == ["a"]


async def test_who_has_worked_for_long_is_put_together_again_after_the_first_pause() -> None:
    yard = Yard("a", idle_exit_s=1000.0)
    yard.refusals["a"] = 3
    running = asyncio.ensure_future(yard.fleet.run())
    await yard.clock.run_for(20.0)
    yard.shells["a"].fail(RuntimeError("broken"))
    await yard.clock.run_for(5.0)
    assert [moment for _, moment in yard.made] == [0, 1, 3, 7, 21]
    yard.fleet.request_shutdown("SIGTERM")
    await yard.finish(running)


async def test_a_request_to_end_drains_all() -> None:
    yard = Yard("a", "b", script=lambda _: Script(duration_s=10.0), idle_exit_s=None)
    for name, queue in yard.queues.items():
        for number in range(3):
            await queue.send(Task(f"{name}-{number}", {}))
    running = asyncio.ensure_future(yard.fleet.run())
    await yard.clock.run_for(5.0)
    yard.fleet.request_shutdown("SIGTERM")
    ends = await yard.finish(running)
    assert yard.completed(ends) == {"a": 1, "b": 1}
    assert {end.reason for end in ends.values()} == {"shutdown"}
    assert yard.clock.monotonic() < 12.0


async def test_a_second_request_kills() -> None:
    yard = Yard("a", script=lambda _: Script(duration_s=1000.0, ignores_stop=True), idle_exit_s=None)
    await yard.queues["a"].send(Task("endless", {}))
    running = asyncio.ensure_future(yard.fleet.run())
    await yard.clock.run_for(5.0)
    yard.fleet.request_shutdown("SIGTERM")
    yard.fleet.request_shutdown("SIGTERM")
    await yard.finish(running)
    assert yard.clock.monotonic() < 9.0
    assert (await yard.queues["a"].depth())["visible"] == 1  # handed back, not lost


async def test_nobody_is_waited_for_who_is_being_put_together_or_pauses() -> None:
    yard = Yard("hangs", "pauses", "works", idle_exit_s=None)
    yard.hanging.add("hangs")
    yard.refusals["pauses"] = 100
    running = asyncio.ensure_future(yard.fleet.run())
    await yard.clock.run_for(4.0)
    yard.fleet.request_shutdown("SIGTERM")
    ends = await yard.finish(running)
    assert list(ends) == ["works"]
    assert yard.clock.monotonic() < 6.0


async def test_a_failure_that_is_nobodys_own_has_all_put_together_again() -> None:
    yard = Yard("a", "b", idle_exit_s=5.0)

    def fails() -> None:
        raise RuntimeError("in a callback")

    running = asyncio.ensure_future(yard.fleet.run())
    await yard.clock.run_for(1.0)
    asyncio.get_running_loop().call_soon(fails)
    ends = await yard.finish(running)
    assert sorted(yard.failed) == [("a", "in a callback"), ("b", "in a callback")]
    assert sorted(name for name, _ in yard.made) == ["a", "a", "b", "b"]
    assert sorted(ends) == ["a", "b"]


async def test_cancelling_it_leaves_nothing_running() -> None:
    yard = Yard("a", "b", idle_exit_s=None)
    running = asyncio.ensure_future(yard.fleet.run())
    await yard.clock.run_for(1.0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert yard.fleet.running == ()
    assert len(asyncio.all_tasks()) == 1
