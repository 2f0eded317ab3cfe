"""AWS: version 2 alone, tokens that are renewed, a notice within one poll."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from cloud_tasks.interfaces import Advisory, InstanceIdentity, InstanceMetadata, TerminationNotice
from cloud_tasks.metadata.aws import AwsMetadata
from fakes.metadata import (
    CancelNotice,
    EndMaintenance,
    ExpireTokens,
    Fail,
    Hang,
    Heal,
    Maintenance,
    Notice,
    Rebalance,
)
from tests.metadata.driving import Machine, until

TOKEN = "/latest/api/token"  # noqa: S105 - a path
ACTION = "/latest/meta-data/spot/instance-action"
WATCHES = 2


async def test_the_machine_is_called_by_its_instance_id(machine: Machine) -> None:
    metadata: InstanceMetadata = machine.ask(AwsMetadata)
    assert await metadata.identity() == InstanceIdentity("AWS", "i-0123456789abcdef0")
    asked = len(machine.server.log)
    assert (await metadata.identity()).instance_id == "i-0123456789abcdef0"
    assert len(machine.server.log) == asked, "asked once and remembered"


async def test_f41_a_notice_is_seen_where_a_token_is_required(machine: Machine) -> None:
    metadata = machine.ask(AwsMetadata)
    waiting = asyncio.create_task(metadata.wait_termination_notice())
    await machine.pass_time(7.0, WATCHES)
    machine.do(Notice())
    await machine.pass_time(5.0, WATCHES)
    notice = await waiting
    # Told three seconds after it was given, at the next poll.
    assert notice.kind == "spot"
    assert notice.in_s == pytest.approx(117.0)
    assert {each.status for each in machine.server.log} == {200, 404}, "no call without a token"


async def test_the_service_is_asked_every_five_seconds(machine: Machine) -> None:
    waiting = asyncio.create_task(machine.ask(AwsMetadata).wait_termination_notice())
    await machine.pass_time(60.0, WATCHES)
    assert [each.at_s for each in machine.asked(ACTION)] == [5.0 * number for number in range(13)]
    waiting.cancel()


async def test_f41_version_1_is_never_asked(machine: Machine) -> None:
    machine.do(Fail(status=403, path=TOKEN))
    metadata = machine.ask(AwsMetadata)
    waiting = asyncio.create_task(metadata.wait_termination_notice())
    assert (await metadata.identity()).instance_id == "some-host"
    await machine.pass_time(600.0, WATCHES)
    assert machine.asked(method="GET") == []
    assert 2 < len(machine.asked(TOKEN)) < 60
    waiting.cancel()


async def test_a_token_is_renewed_before_its_end(machine: Machine) -> None:
    def short(*arguments: object) -> AwsMetadata:
        return AwsMetadata(*arguments, token_ttl_s=60)  # type: ignore[arg-type] # what Machine.ask passes

    waiting = asyncio.create_task(machine.ask(short).wait_termination_notice())
    await machine.pass_time(600.0, WATCHES)
    assert {each.status for each in machine.server.log} == {200, 404}
    assert 9 <= len(machine.asked(TOKEN)) <= 13
    waiting.cancel()


async def test_a_token_that_is_refused_is_replaced_once_and_the_call_made_again(machine: Machine) -> None:
    metadata = machine.ask(AwsMetadata)
    waiting = asyncio.create_task(metadata.wait_termination_notice())
    await machine.asleep(WATCHES)
    machine.do(ExpireTokens())
    machine.do(Notice())
    await machine.pass_time(5.0, WATCHES)
    assert (await waiting).in_s == pytest.approx(115.0)
    assert len(machine.asked(TOKEN)) == 2, "who needs a new one at the same time shares it"


async def test_tokens_that_are_always_refused_are_not_asked_for_without_end(machine: Machine) -> None:
    machine.do(Fail(status=401, path="/latest/meta-data"))
    metadata = machine.ask(AwsMetadata)
    waiting = asyncio.create_task(metadata.wait_termination_notice())
    await machine.pass_time(600.0, WATCHES)
    assert len(machine.server.log) < 200
    machine.do(Heal())
    machine.do(Notice())
    await machine.pass_time(60.0, WATCHES)
    assert (await waiting).in_s is not None
    waiting.cancel()


async def test_the_time_of_a_notice_is_fixed_when_it_is_given(machine: Machine) -> None:
    metadata = machine.ask(AwsMetadata)
    machine.do(Notice())
    first = await metadata.wait_termination_notice()
    await machine.pass_time(20.0, WATCHES)
    second = await metadata.wait_termination_notice()
    assert first.in_s == pytest.approx(120.0)
    assert second.in_s == pytest.approx(100.0)


async def test_a_time_that_is_over_is_now(machine: Machine) -> None:
    machine.do(Notice())
    machine.clock.advance(500.0)
    assert await machine.ask(AwsMetadata).wait_termination_notice() == TerminationNotice("spot", 0.0)


async def test_a_notice_that_is_taken_back_stands(machine: Machine) -> None:
    metadata = machine.ask(AwsMetadata)
    machine.do(Notice())
    await metadata.wait_termination_notice()
    machine.do(CancelNotice())
    await machine.pass_time(30.0, WATCHES)
    assert (await metadata.wait_termination_notice()).in_s == pytest.approx(90.0)


async def test_a_second_notice_changes_nothing(machine: Machine) -> None:
    metadata = machine.ask(AwsMetadata)
    machine.do(Notice(ahead_s=30.0))
    await metadata.wait_termination_notice()
    machine.do(Notice(ahead_s=120.0))
    await machine.pass_time(10.0, WATCHES)
    assert (await metadata.wait_termination_notice()).in_s == pytest.approx(20.0)


@pytest.mark.parametrize("status", [500, 503, 404])
async def test_an_outage_is_waited_out(machine: Machine, status: int) -> None:
    metadata = machine.ask(AwsMetadata)
    waiting = asyncio.create_task(metadata.wait_termination_notice())
    await machine.asleep(WATCHES)
    machine.do(Fail(status=status))
    await machine.pass_time(60.0, WATCHES)
    machine.do(Heal())
    machine.do(Notice())
    began = machine.clock.monotonic()
    await machine.pass_time(5.0, WATCHES)
    notice = await waiting
    assert notice.in_s is not None
    assert notice.in_s >= 115.0 - (machine.clock.monotonic() - began)


async def test_f6_a_service_that_hangs_holds_up_nothing(machine: Machine) -> None:
    def hasty(*arguments: object) -> AwsMetadata:
        return AwsMetadata(*arguments, call_s=0.3)  # type: ignore[arg-type] # what Machine.ask passes

    machine.do(Hang())
    metadata = machine.ask(hasty)
    asking = asyncio.create_task(metadata.identity())
    waiting = asyncio.create_task(metadata.wait_termination_notice())
    turns = 0
    while not asking.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 10, "the loop went on"
    assert (await asking).instance_id == "some-host"
    machine.do(Heal())
    machine.do(Notice())
    await machine.pass_time(60.0, WATCHES)
    assert (await waiting).kind == "spot"


async def test_a_name_that_nobody_told_is_asked_for_again_later(machine: Machine) -> None:
    machine.do(Fail(status=503))
    metadata = machine.ask(AwsMetadata)
    for _ in range(100):
        assert (await metadata.identity()).instance_id == "some-host"
    assert len(machine.server.log) == 1, "not at every question"
    machine.do(Heal())
    machine.clock.advance(60.0)
    assert (await metadata.identity()).instance_id == "i-0123456789abcdef0"


async def test_what_else_is_said_is_told_once(machine: Machine) -> None:
    metadata = machine.ask(AwsMetadata)
    machine.do(Rebalance())
    assert await metadata.wait_advisory() == Advisory(
        kind="rebalance", noticed_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    waiting = asyncio.create_task(metadata.wait_advisory())
    await machine.pass_time(60.0, WATCHES)
    assert not waiting.done()
    machine.do(Maintenance(ahead_s=540.0, lasts_s=3600.0, code="instance-retirement", description="old"))
    await machine.pass_time(5.0, WATCHES)
    assert await waiting == Advisory(
        kind="maintenance",
        code="instance-retirement",
        event_id="instance-event-00000000000000001",
        state="active",
        description="old",
        not_before=datetime(2026, 1, 1, 0, 10, tzinfo=UTC),
        not_after=datetime(2026, 1, 1, 1, 10, tzinfo=UTC),
    )
    waiting = asyncio.create_task(metadata.wait_advisory())
    machine.do(EndMaintenance())
    await machine.pass_time(60.0, WATCHES)
    assert not waiting.done()
    waiting.cancel()


async def test_advisories_do_not_hold_up_a_notice(machine: Machine) -> None:
    machine.do(Hang(path="/latest/meta-data/events"))
    metadata = machine.ask(AwsMetadata)
    waiting = asyncio.create_task(metadata.wait_termination_notice())
    await until(lambda: machine.asked(ACTION) != [])
    machine.do(Notice())
    await machine.asleep(1)
    machine.clock.advance(5.0)
    assert (await waiting).in_s == pytest.approx(115.0)
