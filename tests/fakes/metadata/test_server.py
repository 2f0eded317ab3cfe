"""The server: its faults, and what it may end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import aiohttp
import pytest

from cloud_tasks.errors import ConfigurationError
from fakes.clock import VirtualClock
from fakes.metadata import Drop, Fail, Fault, Hang, Heal, Kill, Moment, ProcessGroup, Script, Slow, SoftOff
from fakes.metadata.server import MetadataServer
from tests.metadata.driving import until

PATH = "/computeMetadata/v1/instance/name"


async def status(server: MetadataServer, path: str = PATH) -> int:
    async with (
        aiohttp.ClientSession(headers={"Metadata-Flavor": "Google"}) as session,
        session.get(server.url + path) as response,
    ):
        return response.status


async def test_a_fault_meets_so_many_requests() -> None:
    async with MetadataServer(VirtualClock()) as server:
        server.do(Fail(status=503, times=2))
        assert [await status(server) for _ in range(3)] == [503, 503, 200]


@pytest.mark.parametrize("number", [200, 204, 304, 599])
async def test_a_fault_has_the_status_that_it_is_given(number: int) -> None:
    async with MetadataServer(VirtualClock()) as server:
        server.do(Fail(status=number))
        assert await status(server) == number


async def test_a_fault_meets_the_requests_that_it_is_meant_for() -> None:
    async with MetadataServer(VirtualClock()) as server:
        server.do(Fail(status=503, path="/latest"))
        assert [await status(server, path) for path in ("/latest/meta-data/x", PATH)] == [503, 200]


async def test_a_fault_is_over_after_its_time_or_when_healed() -> None:
    clock = VirtualClock()
    async with MetadataServer(clock) as server:
        server.do(Fail(status=500, for_s=10.0))
        assert await status(server) == 500
        clock.advance(10.0)
        assert await status(server) == 200
        server.do(Fail(status=500))
        server.do(Heal())
        assert await status(server) == 200


@pytest.mark.parametrize("fault", [Slow(delay_s=60.0, times=1), Hang(for_s=60.0), Hang()])
async def test_an_answer_can_be_held_back(fault: Fault) -> None:
    clock = VirtualClock()
    async with MetadataServer(clock) as server:
        server.do(fault)
        asking = asyncio.create_task(status(server))
        await until(lambda: clock.next_deadline() is not None)
        assert not asking.done()
        if fault == Hang():
            server.do(Heal())
        else:
            clock.advance(60.0)
        assert await asking == 200


async def test_who_hangs_is_let_go_although_the_fault_is_used_up_for_others() -> None:
    clock = VirtualClock()
    async with MetadataServer(clock) as server:
        server.do(Hang(times=1))
        asking = asyncio.create_task(status(server))
        await until(lambda: clock.next_deadline() is not None)
        assert await status(server) == 200
        assert not asking.done()
        server.do(Heal())
        assert await asyncio.wait_for(asking, 10) == 200


async def test_a_connection_can_be_dropped() -> None:
    async with MetadataServer(VirtualClock()) as server:
        server.do(Drop())
        with pytest.raises(aiohttp.ClientError):
            await status(server)
        assert server.log[0].status == 0


@pytest.mark.parametrize("given", ["9" * 4_000, "9" * 5_000, "9" * 19, "-1", "x", ""])
async def test_a_time_out_that_is_none_is_refused(given: str) -> None:
    async with MetadataServer(VirtualClock()) as server:
        assert await status(server, f"{PATH}?wait_for_change=true&timeout_sec={given}") == 400


@pytest.mark.parametrize(
    "body",
    [
        b'{"StartRequests":[{"EventId":"\xff"}]}',
        b'{"More":' + b"[" * 100_000,
        b'{"StartRequests":[{}]}',
        b"no JSON",
    ],
)
async def test_an_approval_that_cannot_be_read_is_refused(body: bytes) -> None:
    async with (
        MetadataServer(VirtualClock()) as server,
        aiohttp.ClientSession(headers={"Metadata": "true"}) as session,
        session.post(f"{server.url}/metadata/scheduledevents?api-version=2020-07-01", data=body) as response,
    ):
        assert response.status == 400
        assert "malformed" in await response.text()


async def test_the_log_keeps_the_last_of_many() -> None:
    """A program that serves for weeks does not grow by it."""
    async with MetadataServer(VirtualClock(), log_max=2) as server:
        for path in ("/a", "/b", "/c"):
            await status(server, path)
        assert [each.path for each in server.log] == ["/b", "/c"]


async def test_one_cloud_can_be_served_alone() -> None:
    async with MetadataServer(VirtualClock(), clouds=("aws",)) as server:
        assert await status(server) == 404


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, deaf to SIGTERM once it has said so."""
    program = (
        "import os, signal, time; signal.signal(15, lambda *_: os.write(1, b'off\\n')); "
        "print('on', flush=True); time.sleep(60); time.sleep(60)"
    )
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        process_group=0,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"on\n"
    yield process
    process.kill()
    process.communicate()


async def test_the_machine_is_switched_off_softly_and_then_hard(sleeper: subprocess.Popen[bytes]) -> None:
    """As at GCP: 30 seconds lie between the two."""
    clock = VirtualClock()
    server = MetadataServer(clock, group=ProcessGroup(sleeper.pid))
    script = Script(timeline=(Moment(0.0, SoftOff()), Moment(30.0, Kill())))
    playing = asyncio.create_task(server.play(script))
    await clock.run_for(29.0)
    assert sleeper.stdout is not None
    assert await asyncio.to_thread(sleeper.stdout.readline) == b"off\n"
    assert sleeper.poll() is None
    await clock.run_for(1.0)
    assert playing.done()
    assert await asyncio.to_thread(sleeper.wait, 30) == -signal.SIGKILL


def test_a_group_that_is_gone_is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    group = ProcessGroup(sleeper.pid)
    sleeper.kill()
    sleeper.wait()
    assert group.send(signal.SIGKILL) is False


@pytest.mark.parametrize("pgid", [-5, 0, 1, os.getpgrp(), 2**22 + 1, 10**20])
def test_only_a_group_that_may_be_ended_is_taken(pgid: int) -> None:
    with pytest.raises(ConfigurationError):
        ProcessGroup(pgid)


async def test_without_a_group_nothing_is_ended() -> None:
    MetadataServer(VirtualClock()).do(Kill())
