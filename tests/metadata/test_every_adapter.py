"""What every `InstanceMetadata` keeps, and what each cloud's makes of the scripts that are shipped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

import pytest
from msgspec import structs

from cloud_tasks.interfaces import InstanceIdentity, InstanceMetadata
from cloud_tasks.metadata.aws import AwsMetadata
from cloud_tasks.metadata.azure import AzureMetadata
from cloud_tasks.metadata.gcp import GcpMetadata
from cloud_tasks.metadata.static import StaticMetadata
from fakes.metadata import CancelNotice, Heal, Maintenance, Moment, Notice, read_script
from tests.metadata.driving import Machine

Make: TypeAlias = Callable[[Machine], InstanceMetadata]
CLOUDS: dict[str, tuple[Make, int, float]] = {
    "AWS": (lambda machine: machine.ask(AwsMetadata), 2, 5.0),
    "GCP": (lambda machine: machine.ask(GcpMetadata), 2, 0.0),
    "AZURE": (lambda machine: machine.ask(AzureMetadata), 1, 1.0),
}
"""How each is made, how many things it watches, and how late a notice may be (in seconds)."""


def static(machine: Machine) -> InstanceMetadata:
    return StaticMetadata(InstanceIdentity("", "here"), 0.0, 30.0, machine.clock)


EVERY: list[Make] = [*(make for make, _, _ in CLOUDS.values()), static]
NAMES = [*CLOUDS, "static"]


@pytest.mark.parametrize("make", EVERY, ids=NAMES)
async def test_all_who_wait_are_told_of_a_notice(machine: Machine, make: Make) -> None:
    metadata = make(machine)
    machine.do(Notice(ahead_s=30.0))
    waiting = [asyncio.create_task(metadata.wait_termination_notice()) for _ in range(3)]
    assert [(await each).kind for each in waiting] == ["spot"] * 3


@pytest.mark.parametrize("make", EVERY, ids=NAMES)
async def test_who_asks_again_is_told_what_is_left(machine: Machine, make: Make) -> None:
    metadata = make(machine)
    machine.do(Notice(ahead_s=30.0))
    first = await metadata.wait_termination_notice()
    machine.do(CancelNotice())
    machine.clock.advance(12.0)
    second = await metadata.wait_termination_notice()
    machine.clock.advance(1000.0)
    third = await metadata.wait_termination_notice()
    assert first.in_s == pytest.approx(30.0)
    assert second.in_s == pytest.approx(18.0)
    assert third.in_s == 0.0


@pytest.mark.parametrize("make", EVERY, ids=NAMES)
async def test_a_wait_that_is_given_up_loses_nothing(machine: Machine, make: Make) -> None:
    metadata = make(machine)
    for wait in (metadata.wait_termination_notice, metadata.wait_advisory):
        given_up = asyncio.create_task(wait())
        await asyncio.sleep(0)
        given_up.cancel()
    machine.do(Notice(ahead_s=30.0))
    machine.do(Maintenance())
    waiting = asyncio.create_task(metadata.wait_termination_notice())
    for _ in range(3):
        machine.clock.advance(5.0)
        await asyncio.sleep(0.01)
    assert (await waiting).kind == "spot"
    if not isinstance(metadata, StaticMetadata):
        assert (await metadata.wait_advisory()).kind == "maintenance"


@pytest.mark.parametrize("make", EVERY, ids=NAMES)
async def test_it_can_be_closed_at_any_time_and_more_than_once(machine: Machine, make: Make) -> None:
    metadata = make(machine)
    waiting = asyncio.create_task(metadata.wait_advisory())
    await asyncio.sleep(0)
    await metadata.aclose()
    await metadata.aclose()
    assert not waiting.done()
    waiting.cancel()


@pytest.mark.parametrize("provider", sorted(CLOUDS))
@pytest.mark.parametrize(
    "name",
    [
        "notice-then-kill",
        "notice-late",
        "notice-twice",
        "rebalance",
        "unauthorized",
        "unavailable",
        "expiring-tokens",
    ],
)
async def test_the_notice_of_a_script_is_found_in_time(machine: Machine, provider: str, name: str) -> None:
    make, watches, late_s = CLOUDS[provider]
    script = read_script(name)
    at_s, notice = next((each.at_s, each.step) for each in script.timeline if isinstance(each.step, Notice))
    # The player goes on to the end of the test, so that it is known how many wait for time to go by.
    longer = structs.replace(script, timeline=(*script.timeline, Moment(1000.0, Heal())))
    playing = asyncio.create_task(machine.server.play(longer))
    waiting = asyncio.create_task(make(machine).wait_termination_notice())
    while machine.clock.monotonic() < at_s:
        await machine.asleep(watches + 1)
        assert not waiting.done()
        moment = machine.clock.next_deadline()
        assert moment is not None
        machine.clock.advance_to(moment)
    await machine.pass_time(late_s, watches + 1)
    found = await waiting
    assert machine.clock.monotonic() == pytest.approx(at_s + late_s)
    left_s = (
        at_s + notice.ahead_s - machine.clock.monotonic() if notice.ahead_s and provider != "GCP" else 30.0
    )
    assert found.in_s is not None
    # What is found earlier has more time left; dates are whole seconds.
    assert left_s - 1.0 <= found.in_s <= left_s + late_s
    playing.cancel()


@pytest.mark.parametrize("provider", sorted(CLOUDS))
@pytest.mark.parametrize("name", ["no-notice", "kill-no-notice", "maintenance"])
async def test_no_notice_is_found_where_a_script_has_none(machine: Machine, provider: str, name: str) -> None:
    make, watches, _ = CLOUDS[provider]
    playing = asyncio.create_task(machine.server.play(read_script(name)))
    waiting = asyncio.create_task(make(machine).wait_termination_notice())
    await machine.pass_time(120.0, watches)
    assert not waiting.done()
    waiting.cancel()
    playing.cancel()
