"""One process that lives from task to task."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from cloud_tasks.core.policy import Backoff
from cloud_tasks.core.task import EndKind, Json
from cloud_tasks.runners.host import Host
from cloud_tasks.runners.resident import Hooks, Loss, ResidentRunner
from tests.runners import resident_programs
from tests.runners.driving import Written, finish, is_alive, open_fds, own_children, program, start, until

SOON_S = 2.0
"""On a machine that has other things to do."""
PAUSES = Backoff(base_s=0.2, cap_s=0.8, jitter=0.0)


class Watching:
    """Remembers what became of the process."""

    def __init__(self) -> None:
        self.launches: list[float] = []
        self.losses: list[Loss] = []
        self.reasons: list[str] = []
        self.told_pauses: list[float] = []

    def launching(self) -> None:
        self.launches.append(time.monotonic())

    def lost(self, why: Loss, reason: str, pause_s: float) -> None:
        self.losses.append(why)
        self.reasons.append(reason)
        self.told_pauses.append(pause_s)

    @property
    def pauses(self) -> list[float]:
        return [later - earlier for earlier, later in zip(self.launches, self.launches[1:], strict=False)]


class Home:
    """A host, and a resident of it."""

    def __init__(self, host: Host, first: Mapping[str, Json], pauses: Backoff = PAUSES) -> None:
        self.written = Written()
        self.watching = Watching()
        hooks = Hooks({"first": "hello", **first}, lambda asked: {"asked": asked})
        self.runner = ResidentRunner(host, hooks, self.watching, output=self.written, pauses=pauses)

    async def pid(self) -> int:
        """That of the process that is there now."""
        recorder = await finish(self.runner, {"do": "return", "value": "list"})
        assert recorder.pid is not None
        return recorder.pid

    def text(self) -> str:
        return b"".join(chunk for _, stream, chunk in self.written.chunks if stream == "stdout").decode()


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    made = Host(program(resident_programs.reside), "forkserver")
    await made.open()
    yield made
    await made.aclose()


@pytest.fixture
async def home(host: Host) -> AsyncIterator[Home]:
    made = Home(host, {})
    await made.runner.open()
    yield made
    await made.runner.aclose()


async def test_it_is_there_before_the_first_task_and_stays_from_task_to_task(home: Home) -> None:
    await until(lambda: home.text() == "start hello\n")
    counters = [(await finish(home.runner, {"do": "state"})).result["counter"] for _ in range(4)]  # type: ignore[index, call-overload]
    assert counters == [1, 2, 3, 4]
    assert await home.pid() == await home.pid()
    await home.runner.aclose()
    assert home.text() == "start hello\n" + 6 * "task\n" + "end False\n"
    assert home.watching.losses == []
    assert len(home.watching.launches) == 1


async def test_tasks_that_come_together_run_one_after_another(home: Home) -> None:
    recorders = [start(home.runner, {"do": "state"})[1] for _ in range(5)]
    for recorder in recorders:
        await recorder.wait("gone")
    assert [recorder.result["counter"] for recorder in recorders] == [1, 2, 3, 4, 5]  # type: ignore[index, call-overload]
    assert len({recorder.pid for recorder in recorders}) == 1


@pytest.mark.parametrize("do", ["hard_exit", "exit", "segfault", "kill_parent"])
async def test_one_that_dies_with_its_task_is_replaced_at_once(home: Home, do: str) -> None:
    await home.pid()
    recorder = await finish(home.runner, {"do": do, "status": 0})
    assert recorder.end.kind is EndKind.EXITED
    died_at = time.monotonic()
    await home.pid()
    assert time.monotonic() - died_at < SOON_S
    assert home.watching.losses == ["died"]
    assert home.text().count("start hello\n") == 2


async def test_a_kill_while_idle_is_noticed_and_mended(home: Home) -> None:
    before = await home.pid()
    os.kill(before, signal.SIGKILL)
    await until(lambda: home.text().count("start") == 2)
    assert home.watching.losses == ["died"]
    assert await home.pid() != before


async def test_a_task_that_raises_takes_nobody_with_it(home: Home) -> None:
    before = await home.pid()
    assert (await finish(home.runner, {"do": "raise"})).end.kind is EndKind.RAISED
    assert await home.pid() == before


async def test_stop_and_kill_end_the_process(home: Home) -> None:
    run, hanging = start(home.runner, {"do": "hang"})
    await hanging.wait("started")
    run.stop()
    await hanging.wait("gone")
    assert hanging.end.signal == "SIGTERM"
    run, stubborn = start(home.runner, {"do": "ignore_sigterm"})
    await stubborn.until(lambda: stubborn.steps != [])
    run.stop()
    run.kill()
    await stubborn.wait("gone")
    assert stubborn.end.signal == "SIGKILL"
    await home.pid()
    assert home.watching.losses == ["stopped", "stopped"]


async def test_one_that_keeps_dying_is_replaced_after_growing_pauses(host: Host) -> None:
    home = Home(host, {"exit": True})
    await home.runner.open()
    await until(lambda: len(home.watching.launches) == 6)
    await home.runner.aclose()
    assert home.watching.told_pauses == [0.0, 0.2, 0.4, 0.8, 0.8]
    at_once, *pauses = home.watching.pauses
    assert at_once < SOON_S
    for found, expected in zip(pauses, [0.2, 0.4, 0.8, 0.8], strict=True):
        assert expected <= found < expected + SOON_S


async def test_a_finished_task_begins_the_pauses_anew(home: Home) -> None:
    for _ in range(3):
        await home.pid()
        await finish(home.runner, {"do": "hard_exit", "status": 1})
    await home.pid()
    assert max(home.watching.pauses) < SOON_S
    assert home.watching.losses == ["died"] * 3


async def test_a_task_waits_until_the_process_can_begin(host: Host, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.touch()
    home = Home(host, {"fail_if": str(closed)})
    await home.runner.open()
    _, waiting = start(home.runner, {"do": "return", "value": "list"})
    await until(lambda: len(home.watching.losses) == 2)
    assert "it cannot begin" in home.watching.reasons[0]
    assert waiting.told == []
    closed.unlink()
    await waiting.wait("gone")
    assert waiting.end.kind is EndKind.RETURNED
    await home.runner.aclose()


async def test_what_cannot_be_handed_over_is_told(home: Home) -> None:
    circle: list[Json] = []
    circle.append(circle)
    _, recorder = start(home.runner, {"circle": circle})
    await recorder.until(lambda: recorder.told == ["start_failed"])
    await home.pid()


async def test_nothing_is_replaced_when_the_worker_is_about_to_end(home: Home) -> None:
    before = await home.pid()
    home.runner.notify(shutdown=True)
    os.kill(before, signal.SIGKILL)
    await until(lambda: home.runner._member is None)
    _, late = start(home.runner, {"do": "return", "value": "list"})
    await late.until(lambda: late.told == ["start_failed"])
    assert len(home.watching.launches) == 1


async def test_the_end_is_told_with_its_cause_and_bounded(host: Host) -> None:
    home = Home(host, {})
    await home.runner.open()
    await home.pid()
    home.runner.notify(shutdown=True)
    await home.runner.aclose()
    await home.runner.aclose()
    assert home.text().endswith("end True\n")
    stubborn = Home(host, {})
    await stubborn.runner.open()
    _, recorder = start(stubborn.runner, {"do": "ignore_sigterm"})
    await recorder.until(lambda: recorder.steps != [])
    began = time.monotonic()
    await stubborn.runner.aclose()
    assert time.monotonic() - began < 3.0
    assert recorder.pid is not None
    assert not is_alive(recorder.pid)


async def share_a_host(count: int) -> None:
    host = Host(program(resident_programs.reside), "forkserver")
    await host.open()
    homes = [Home(host, {"first": str(number)}) for number in range(count)]
    for home in homes:
        await home.runner.open()
    pids = await asyncio.gather(*(home.pid() for home in homes))
    assert len(set(pids)) == count
    os.kill(pids[0], signal.SIGKILL)
    await until(lambda: len(homes[0].watching.launches) == 2)
    await asyncio.gather(*(home.runner.aclose() for home in homes))
    await host.aclose()
    assert [len(home.watching.launches) for home in homes] == [2, *[1] * (count - 1)]
    assert not any(is_alive(pid) for pid in pids)


async def test_residents_share_a_host_and_leave_nothing() -> None:
    await share_a_host(2)
    fds, children = open_fds(), own_children()
    await share_a_host(5)
    assert own_children() == children
    assert open_fds() == fds
