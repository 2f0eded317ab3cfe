"""Azure: only the events of this machine, and nothing approved."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from cloud_tasks.interfaces import Advisory, InstanceIdentity, InstanceMetadata, TerminationNotice
from cloud_tasks.metadata.azure import AzureMetadata
from fakes.metadata import CancelNotice, EndMaintenance, Fail, Heal, Maintenance, Notice, Slow
from tests.metadata.driving import Machine

EVENTS = "/metadata/scheduledevents"


async def test_the_machine_is_called_by_its_name(machine: Machine) -> None:
    metadata: InstanceMetadata = machine.ask(AzureMetadata)
    assert await metadata.identity() == InstanceIdentity("AZURE", "worker-1")


async def test_a_notice_comes_within_a_second(machine: Machine) -> None:
    waiting = asyncio.create_task(machine.ask(AzureMetadata).wait_termination_notice())
    await machine.pass_time(10.5, 1)
    machine.do(Notice())
    await machine.pass_time(1.0, 1)
    notice = await waiting
    assert notice.kind == "spot"
    # Dates are whole seconds.
    assert notice.in_s == pytest.approx(29.0, abs=1.0)


async def test_the_events_of_other_machines_are_not_ours(machine: Machine) -> None:
    metadata = machine.ask(AzureMetadata)
    notice = asyncio.create_task(metadata.wait_termination_notice())
    advisory = asyncio.create_task(metadata.wait_advisory())
    machine.do(Notice(resources=("worker-2", "worker-11")))
    machine.do(Maintenance(resources=("worker-2",)))
    await machine.pass_time(10.0, 1)
    assert not notice.done()
    assert not advisory.done()
    machine.do(Notice(resources=("worker-2", "WORKER-1")))
    await machine.pass_time(1.0, 1)
    assert (await notice).in_s is not None
    advisory.cancel()


async def test_a_preemption_that_has_started_is_now(machine: Machine) -> None:
    machine.do(Notice())
    machine.clock.advance(60.0)
    assert await machine.ask(AzureMetadata).wait_termination_notice() == TerminationNotice("spot", 0.0)


async def test_a_notice_that_is_taken_back_stands(machine: Machine) -> None:
    metadata = machine.ask(AzureMetadata)
    machine.do(Notice())
    await metadata.wait_termination_notice()
    machine.do(CancelNotice())
    await machine.pass_time(10.0, 1)
    assert (await metadata.wait_termination_notice()).in_s == pytest.approx(20.0)


@pytest.mark.parametrize("code", ["Reboot", "Redeploy", "Freeze", "Terminate"])
async def test_other_events_are_told_for_each_of_their_states(machine: Machine, code: str) -> None:
    metadata = machine.ask(AzureMetadata)
    machine.do(Maintenance(code=code, ahead_s=20.0, description="work"))
    event = Advisory(
        kind="maintenance",
        code=code,
        event_id="00000000-0000-4000-8000-000000000001",
        state="Scheduled",
        description="work",
        not_before=datetime(2026, 1, 1, 0, 0, 20, tzinfo=UTC),
    )
    assert await metadata.wait_advisory() == event
    waiting = asyncio.create_task(metadata.wait_advisory())
    await machine.pass_time(30.0, 1)
    assert await waiting == Advisory(
        kind="maintenance", code=code, event_id=event.event_id, state="Started", description="work"
    )
    waiting = asyncio.create_task(metadata.wait_advisory())
    machine.do(EndMaintenance())
    await machine.pass_time(30.0, 1)
    assert not waiting.done()
    waiting.cancel()


async def test_the_first_call_may_take_two_minutes(machine: Machine) -> None:
    machine.do(Slow(delay_s=120.0, times=1, path=EVENTS))
    metadata = machine.ask(AzureMetadata)
    waiting = asyncio.create_task(metadata.wait_termination_notice())
    await machine.asleep(1)
    assert (await metadata.identity()).instance_id == "worker-1", "it is known meanwhile"
    await machine.pass_time(125.0, 1)
    assert [each.status for each in machine.asked(EVENTS)][:1] == [200]
    machine.do(Notice())
    await machine.pass_time(1.0, 1)
    assert (await waiting).kind == "spot"


async def test_nothing_is_approved_unless_asked(machine: Machine) -> None:
    metadata = machine.ask(AzureMetadata)
    await metadata.approve()
    machine.do(Notice())
    await metadata.wait_termination_notice()
    await machine.pass_time(10.0, 1)
    assert machine.asked(method="POST") == []
    await metadata.approve()
    assert [each.status for each in machine.asked(method="POST")] == [200]


async def test_events_wait_for_the_name_of_the_machine(machine: Machine) -> None:
    machine.do(Fail(status=500, path="/metadata/instance"))
    metadata = machine.ask(AzureMetadata)
    waiting = asyncio.create_task(metadata.wait_termination_notice())
    machine.do(Notice())
    await machine.pass_time(10.0, 1)
    assert not waiting.done()
    machine.do(Heal())
    await machine.pass_time(60.0, 1)
    assert (await waiting).kind == "spot"
