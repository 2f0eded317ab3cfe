"""What a service manager is told, by a real worker on a real socket."""

from __future__ import annotations

import asyncio
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from cloud_tasks.compose.service import CLOSE_S, Service
from tests.compose.apps import App, assert_quiet
from tests.compose.manager import Manager, managing


@pytest.fixture
def manager() -> Iterator[Manager]:
    # The path of a socket must be short.
    with tempfile.TemporaryDirectory() as directory, managing(Path(directory) / "notify") as one:
        yield one


class Nobody:
    def task_started(self, task_id: str) -> None:
        pass

    def task_progress(self, task_id: str, done: float, total: float | None) -> None:
        pass

    def worker_message(self, text: str) -> None:
        pass


def test_a_worker_from_its_beginning_to_its_end(app: App, manager: Manager) -> None:
    app.put("add:1,2", "add:3,4", "bad:1")
    done = app.worker("--exit-when-empty", "0.5", env=manager.env(watchdog_s=0.5)).finish()
    assert done.status == 0, done
    assert_quiet(done)
    states = [state for state in manager.states() if not state.startswith("STATUS=")]
    main = [state for state in states if state != "WATCHDOG=1"]
    assert main == ["READY=1", "STOPPING=1"]
    assert "STATUS=ended (idle): 0 running, 2 done, 1 failed" in manager.states()
    assert manager.of("WATCHDOG=1")


def test_a_worker_says_that_it_stops_when_it_is_told_to(app: App, manager: Manager) -> None:
    app.put("sleep:2.5", "add:1,1")
    worker = app.worker("--shutdown-grace-period", "20", env=manager.env(watchdog_s=1.0))
    worker.wait_for_file("sleeping")
    manager.wait_for(lambda states: "STATUS=1 running, 1 done" in states)
    asked_at = time.monotonic()
    worker.send(signal.SIGTERM)
    manager.wait_for(lambda states: "STOPPING=1" in states)
    assert worker.process.poll() is None
    assert f"EXTEND_TIMEOUT_USEC={int((20 + CLOSE_S) * 1e6)}" in manager.states()
    assert "STATUS=1 running, 1 done, draining" in manager.states()
    done = worker.finish()
    assert done.status == 0, done
    assert len(manager.of("STOPPING=1")) == 2
    # It goes on saying that it is alive while it drains.
    assert manager.of("WATCHDOG=1")[-1] > asked_at + 0.4
    assert manager.states()[-1] == "STATUS=ended (shutdown): 0 running, 2 done"


def test_a_second_signal_is_no_second_beginning_of_the_end(app: App, manager: Manager) -> None:
    app.put("sleep:60")
    worker = app.worker(env=manager.env())
    worker.wait_for_file("sleeping")
    worker.send(signal.SIGTERM)
    manager.wait_for(lambda states: "STOPPING=1" in states)
    worker.send(signal.SIGTERM)
    done = worker.finish()
    assert done.status == 0, done
    assert sum(state.startswith("EXTEND_TIMEOUT_USEC") for state in manager.states()) == 1
    assert "WATCHDOG=1" not in manager.states()


def test_a_worker_says_at_half_time_that_it_lives(app: App, manager: Manager) -> None:
    worker = app.worker(env=manager.env(watchdog_s=0.6))
    manager.wait_for(lambda states: states.count("WATCHDOG=1") >= 6)
    moments = manager.of("WATCHDOG=1")
    pauses = [later - earlier for earlier, later in pairwise(moments[1:])]
    assert 0.25 < median(pauses) < 0.6, moments
    worker.send(signal.SIGSTOP)
    time.sleep(0.7)
    count = len(manager.of("WATCHDOG=1"))
    time.sleep(0.7)
    assert len(manager.of("WATCHDOG=1")) == count
    worker.send(signal.SIGCONT)
    manager.wait_for(lambda states: states.count("WATCHDOG=1") > count)
    worker.send(signal.SIGINT)
    assert worker.finish().status == 0


def test_a_worker_whose_loop_is_blocked_does_not_say_that_it_lives(app: App, manager: Manager) -> None:
    app.put("block:3.0")
    worker = app.worker("--max-tasks", "1", env=manager.env(watchdog_s=0.4))
    worker.wait_for_file("blocking")
    blocked_at = time.monotonic()
    assert worker.finish().status == 0
    meanwhile = [at for at in manager.of("WATCHDOG=1") if blocked_at + 0.3 < at < blocked_at + 1.2]
    assert meanwhile == []


def test_without_a_manager_nothing_is_said(manager: Manager) -> None:
    environments = [
        {},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "vsock:2:1"},
        {"NOTIFY_SOCKET": "/nowhere/at/all"},
    ]
    for environ in environments:
        Service(environ, 1.0, Nobody()).tell("READY=1")
    assert manager.states() == []


def test_an_abstract_address() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind("")  # the kernel chooses an abstract one
        heard.settimeout(10)
        name = heard.getsockname()[1:].decode()
        Service({"NOTIFY_SOCKET": f"@{name}"}, 1.0, Nobody()).tell("READY=1", "STATUS=x")
        assert heard.recv(100) == b"READY=1\nSTATUS=x"


async def test_a_manager_that_hangs_holds_up_nobody(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as silent:
            silent.bind(str(path))
            service = Service({"NOTIFY_SOCKET": str(path)}, 1.0, Nobody())
            began = time.monotonic()
            for _ in range(10_000):
                service.tell("STATUS=x" * 10)
            assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("environ", "watched"),
    [
        ({"WATCHDOG_USEC": "20000"}, True),
        ({"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}, False),  # meant for somebody else
        ({"WATCHDOG_USEC": "soon"}, False),
        ({}, False),
    ],
)
async def test_who_is_watched(manager: Manager, environ: dict[str, str], watched: bool) -> None:  # noqa: FBT001 - a parameter of the test
    service = Service({**environ, "NOTIFY_SOCKET": manager.address}, 1.0, Nobody())
    with service.watching():
        await asyncio.sleep(0.2)
    await asyncio.sleep(0)
    assert bool(manager.of("WATCHDOG=1")) is watched
    assert asyncio.all_tasks() == {asyncio.current_task()}
