"""A worker as a process of its own, with tasks in theirs, and the stand-in for its machine."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from cloud_tasks.clock import SystemClock
from fakes.metadata import ExpireTokens, Hang, Kill, Maintenance, Notice, ProcessGroup, Rebalance, Step
from fakes.metadata.server import MetadataServer
from tests.e2e.programs import ROOT, Ended, Programs, Running, is_alive, wait_until
from tests.e2e.programs import programs as programs

WORKER = """
    import os, sys, time
    from pathlib import Path
    from cloud_tasks.worker import Worker

    def process_task(task_id, task_data, worker_data):
        Path(f"pid-{task_id}").write_text(str(os.getpid()))
        Path(f"started-{task_id}").touch()
        ends = time.monotonic() + task_data.get("seconds", 60)
        while time.monotonic() < ends:
            if worker_data.received_termination_notice and not task_data.get("deaf"):
                return False, time.monotonic()
            time.sleep(0.005)
        return False, "slept"

    if __name__ == "__main__":
        sys.exit(Worker(process_task, args=sys.argv[1:]).run())
"""


class World:
    """A worker on a machine."""

    def __init__(self, server: MetadataServer, programs: Programs) -> None:
        self.server = server
        self.programs = programs

    @property
    def environ(self) -> dict[str, str]:
        return {
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.server.url,
            "GCE_METADATA_HOST": f"127.0.0.1:{self.server.port}",
            "AZURE_METADATA_SERVICE_ENDPOINT": self.server.url,
        }

    async def start(self, provider: str, *tasks: dict[str, object], options: tuple[str, ...] = ()) -> Running:
        """Start a worker, and wait until all the tasks run and the service was asked."""
        items = [{"task_id": f"t{number}", "data": data} for number, data in enumerate(tasks)]
        (self.programs.directory / "tasks.json").write_text(json.dumps(items))
        arguments = (
            "--task-file",
            "tasks.json",
            "--provider",
            provider,
            "--num-simultaneous-tasks",
            str(len(tasks)),
        )
        running = self.programs.start(WORKER, *arguments, *options, env=self.environ)
        for item in items:
            await asyncio.to_thread(running.wait_for_file, f"started-{item['task_id']}")
        return running

    async def asked(self, path: str) -> None:
        """Wait until something was asked for."""
        await asyncio.to_thread(wait_until, lambda: any(each.path.endswith(path) for each in self.server.log))


@pytest.fixture
async def world(programs: Programs) -> AsyncIterator[World]:
    async with MetadataServer(SystemClock()) as server:
        yield World(server, programs)


async def ended(running: Running) -> Ended:
    return await asyncio.to_thread(running.finish)


@pytest.mark.parametrize(
    ("provider", "path", "limit_s", "instance_id"),
    [
        # Under a second where nothing is polled; elsewhere within one poll and a second.
        ("GCP", "/preempted", 1.0, "worker-1"),
        ("AZURE", "/scheduledevents", 2.0, "worker-1"),
        ("AWS", "/instance-action", 6.0, "i-0123456789abcdef0"),
    ],
)
async def test_f41_a_notice_reaches_running_tasks(
    world: World, provider: str, path: str, limit_s: float, instance_id: str
) -> None:
    running = await world.start(provider, {}, {})
    await world.asked(path)
    given_at = time.monotonic()
    world.server.do(Notice())
    done = await ended(running)
    completed = done.of_type("task_completed")
    assert len(completed) == 2, done
    assert all(0 <= event["result"] - given_at < limit_s for event in completed), (given_at, completed)
    assert [event["instance_id"] for event in done.of_type("spot_termination")] == [instance_id]
    assert done.events[-1]["reason"] == "spot_termination"


async def test_a_notice_is_heard_on_a_machine_that_is_said_to_be_no_spot_machine(world: World) -> None:
    running = await world.start("GCP", {}, options=("--no-is-spot",))
    await world.asked("/preempted")
    world.server.do(Notice())
    done = await ended(running)
    assert done.events[-1]["reason"] == "spot_termination"


async def test_tasks_have_until_the_time_of_the_notice_and_no_longer(world: World) -> None:
    running = await world.start("AZURE", {}, {"deaf": True})
    given_at = time.monotonic()
    world.server.do(Notice(ahead_s=8.0))
    done = await ended(running)
    assert time.monotonic() - given_at < 8.0 + 1.0, "dates are whole seconds"
    assert [event["task_id"] for event in done.of_type("task_completed")] == ["t0"]
    interrupted = done.of_type("task_interrupted")
    assert [(event["task_id"], event["reason"]) for event in interrupted] == [("t1", "spot_termination")]


async def test_advice_and_maintenance_are_events_and_stop_nothing(world: World) -> None:
    world.server.do(Rebalance())
    world.server.do(Maintenance(code="system-reboot"))
    running = await world.start("AWS", {"seconds": 2})
    done = await ended(running)
    assert done.status == 0, done
    assert [event["result"] for event in done.of_type("task_completed")] == ["slept"]
    (advice,) = done.of_type("rebalance_recommendation")
    assert advice["instance_id"] == "i-0123456789abcdef0"
    (maintenance,) = done.of_type("maintenance_scheduled")
    assert (maintenance["code"], maintenance["state"]) == ("system-reboot", "active")
    assert maintenance["not_before"].endswith("+00:00")
    assert "the provider plans work on the machine" in done.stderr


@pytest.mark.parametrize("step", [Hang(), ExpireTokens()], ids=lambda step: step.word)
async def test_f6_a_service_in_trouble_holds_up_no_deadline(world: World, step: Step) -> None:
    world.server.do(step)
    running = await world.start("AWS", {"seconds": 0.5}, {}, options=("--max-runtime", "2"))
    done = await ended(running)
    assert [event["task_id"] for event in done.of_type("task_completed")] == ["t0"], done
    (late,) = done.of_type("task_timed_out")
    assert late["elapsed_time"] < 10
    assert "Traceback" not in done.stderr


@pytest.fixture
def instance(programs: Programs, world: World) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process group of its own, as the only thing on its machine."""
    (programs.directory / "tasks.json").write_text('[{"task_id": "t0", "data": {"deaf": true}}]')
    path = programs.write(WORKER)
    process = subprocess.Popen(  # noqa: S603 - the program of the test
        [sys.executable, str(path), "--task-file", "tasks.json", "--provider", "AWS"],
        cwd=programs.directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), **world.environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.wait()


async def test_the_end_of_the_machine_ends_worker_and_tasks(
    world: World, programs: Programs, instance: subprocess.Popen[bytes]
) -> None:
    pid_file = programs.directory / "pid-t0"
    await asyncio.to_thread(wait_until, lambda: pid_file.exists() and pid_file.read_text() != "")
    task_pid = int(await asyncio.to_thread(pid_file.read_text))
    async with MetadataServer(SystemClock(), group=ProcessGroup(instance.pid)) as machine:
        machine.do(Kill())
    await asyncio.to_thread(instance.wait, 30)
    assert instance.returncode == -9
    await asyncio.to_thread(wait_until, lambda: not is_alive(task_pid))
