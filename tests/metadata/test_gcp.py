"""GCP: not polled, told in milliseconds."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from cloud_tasks.interfaces import Advisory, InstanceIdentity, InstanceMetadata, TerminationNotice
from cloud_tasks.metadata.gcp import GcpMetadata
from cloud_tasks.metadata.http import MetadataHttp
from fakes.clock import VirtualClock
from fakes.metadata import CancelNotice, Drop, EndMaintenance, Fail, Heal, Maintenance, Notice
from tests.metadata.driving import Machine, until

PREEMPTED = "/computeMetadata/v1/instance/preempted"
MAINTENANCE = "/computeMetadata/v1/instance/maintenance-event"
WATCHES = 2


async def test_the_machine_is_called_by_its_name(machine: Machine) -> None:
    metadata: InstanceMetadata = machine.ask(GcpMetadata)
    assert await metadata.identity() == InstanceIdentity("GCP", "worker-1")


async def test_a_notice_comes_without_any_time_going_by(machine: Machine) -> None:
    waiting = asyncio.create_task(machine.ask(GcpMetadata).wait_termination_notice())
    await machine.asleep(WATCHES)
    machine.do(Notice())
    assert await waiting == TerminationNotice("spot", 30.0)
    assert machine.clock.monotonic() == 0.0


async def test_a_notice_that_was_there_before_is_seen(machine: Machine) -> None:
    machine.do(Notice())
    assert (await machine.ask(GcpMetadata).wait_termination_notice()).in_s == 30.0


async def test_the_server_is_not_polled(machine: Machine) -> None:
    waiting = asyncio.create_task(machine.ask(GcpMetadata).wait_termination_notice())
    await machine.pass_time(600.0, WATCHES)
    assert len(machine.asked(PREEMPTED)) <= 32
    assert {each.status for each in machine.server.log} == {200}
    waiting.cancel()


async def test_what_changes_between_two_calls_is_not_missed(machine: Machine) -> None:
    waiting = asyncio.create_task(machine.ask(GcpMetadata).wait_termination_notice())
    await machine.asleep(WATCHES)
    machine.do(Drop())
    machine.clock.advance(20.0)  # the calls end, and the next ones fail
    await until(lambda: len([each for each in machine.asked(PREEMPTED) if each.status == 0]) > 0)
    machine.do(Notice())
    machine.do(Heal())
    await machine.pass_time(5.0, WATCHES)
    assert (await waiting).kind == "spot"


async def test_503_is_tried_again(machine: Machine) -> None:
    metadata = machine.ask(GcpMetadata)
    waiting = asyncio.create_task(metadata.wait_termination_notice())
    machine.do(Fail(status=503, times=10))
    machine.do(Notice())
    await machine.pass_time(120.0, WATCHES)
    assert (await waiting).kind == "spot"


async def test_a_notice_that_is_taken_back_stands(machine: Machine) -> None:
    metadata = machine.ask(GcpMetadata)
    machine.do(Notice())
    await metadata.wait_termination_notice()
    machine.do(CancelNotice())
    await machine.pass_time(10.0, WATCHES)
    assert (await metadata.wait_termination_notice()).in_s == pytest.approx(20.0)


async def test_maintenance_is_told_each_time_and_is_no_notice(machine: Machine) -> None:
    metadata = machine.ask(GcpMetadata)
    notice = asyncio.create_task(metadata.wait_termination_notice())
    for _ in range(2):
        advisory = asyncio.create_task(metadata.wait_advisory())
        await machine.asleep(WATCHES)
        machine.do(Maintenance(code="MIGRATE_ON_HOST_MAINTENANCE"))
        assert await advisory == Advisory(kind="maintenance", code="MIGRATE_ON_HOST_MAINTENANCE")
        answered = len(machine.asked(MAINTENANCE))
        machine.do(EndMaintenance())
        await until(lambda count=answered: len(machine.asked(MAINTENANCE)) > count)  # type: ignore[misc]
    assert not notice.done()
    notice.cancel()


@pytest.mark.parametrize("flavor", ["", "Google"])
async def test_a_server_that_does_not_wait_is_not_run_down(flavor: str) -> None:
    """A proxy that ignores `wait_for_change`, and something that is no metadata server at all."""
    asked = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.Response(text="FALSE", headers={"Metadata-Flavor": flavor, "ETag": "same"})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    clock = VirtualClock()
    metadata = GcpMetadata(MetadataHttp(f"http://127.0.0.1:{runner.addresses[0][1]}"), clock, "some-host")
    waiting = asyncio.create_task(metadata.wait_termination_notice())
    for _ in range(100):
        await until(lambda: len(clock._sleepers) == WATCHES)
        clock.advance(1.0)
    assert 0 < asked <= 2 * WATCHES + 100 * WATCHES
    expected = "FALSE" if flavor else "some-host"
    assert (await metadata.identity()).instance_id == expected
    waiting.cancel()
    await metadata.aclose()
    await runner.cleanup()
