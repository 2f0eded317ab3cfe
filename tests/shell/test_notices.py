"""What the provider says reaches the worker, whatever the metadata service does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from cloud_tasks.core import inputs as got
from cloud_tasks.core.events import Event, MaintenanceScheduled, NonFatalException, RebalanceRecommendation
from cloud_tasks.interfaces import Advisory, InstanceIdentity, InstanceMetadata, TerminationNotice
from cloud_tasks.shell.notices import NoticeWatch
from fakes.clock import VirtualClock, settle

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Said:
    """An `InstanceMetadata` that says what the test puts in; an exception is raised."""

    def __init__(self, *, name_hangs: bool = False) -> None:
        self.notices: asyncio.Queue[TerminationNotice | Exception] = asyncio.Queue()
        self.advisories: asyncio.Queue[Advisory | Exception] = asyncio.Queue()
        self.name_hangs = name_hangs

    async def identity(self) -> InstanceIdentity:
        if self.name_hangs:
            await asyncio.Event().wait()
        return InstanceIdentity("AWS", "i-1")

    async def wait_termination_notice(self) -> TerminationNotice:
        said = await self.notices.get()
        if isinstance(said, Exception):
            raise said
        return said

    async def wait_advisory(self) -> Advisory:
        said = await self.advisories.get()
        if isinstance(said, Exception):
            raise said
        return said

    async def aclose(self) -> None:
        return


class Listening:
    """A watch, and what it passed on."""

    def __init__(self, metadata: InstanceMetadata) -> None:
        self.clock = VirtualClock()
        self.inputs: asyncio.Queue[got.Input] = asyncio.Queue()
        self.events: list[Event] = []
        watch = NoticeWatch(metadata, self.clock, "here", self.inputs.put_nowait, self.events.append)
        self.running = asyncio.create_task(watch.run())


async def test_a_notice_is_passed_on_with_the_name_of_the_machine() -> None:
    said = Said()
    listening = Listening(said)
    said.notices.put_nowait(TerminationNotice("spot", 120.0))
    assert await listening.inputs.get() == got.NoticeReceived(120.0, "i-1")
    listening.running.cancel()


async def test_a_notice_without_a_time_stays_without_one() -> None:
    said = Said()
    listening = Listening(said)
    said.notices.put_nowait(TerminationNotice("spot"))
    assert await listening.inputs.get() == got.NoticeReceived(None, "i-1")
    listening.running.cancel()


async def test_f6_a_name_that_nobody_tells_does_not_hold_up_a_notice() -> None:
    said = Said(name_hangs=True)
    listening = Listening(said)
    said.notices.put_nowait(TerminationNotice("spot", 30.0))
    async with asyncio.timeout(30):
        assert await listening.inputs.get() == got.NoticeReceived(30.0, "here")
    listening.running.cancel()


async def test_advisories_become_events_and_nothing_else() -> None:
    said = Said()
    listening = Listening(said)
    said.advisories.put_nowait(Advisory(kind="rebalance", noticed_at=NOON))
    said.advisories.put_nowait(
        Advisory(kind="maintenance", code="Reboot", event_id="e", state="Scheduled", not_before=NOON)
    )
    await settle()
    assert listening.events == [
        RebalanceRecommendation(instance_id="i-1", noticed_at="2026-01-01T12:00:00+00:00"),
        MaintenanceScheduled(
            instance_id="i-1", code="Reboot", event_id="e", state="Scheduled", description="",
            not_before="2026-01-01T12:00:00+00:00", not_after="",
        ),
    ]  # fmt: skip
    assert listening.inputs.empty()
    listening.running.cancel()


async def test_f3_metadata_that_raises_is_told_once_and_asked_again() -> None:
    said = Said()
    listening = Listening(said)
    for _ in range(3):
        said.notices.put_nowait(ValueError("no such thing"))
    said.notices.put_nowait(TerminationNotice("spot", 120.0))
    await listening.clock.run_for(100.0)
    assert listening.inputs.get_nowait() == got.NoticeReceived(120.0, "i-1")
    (event,) = listening.events
    assert isinstance(event, NonFatalException)
    assert "ValueError: no such thing" in event.exception
    listening.running.cancel()


async def test_metadata_that_always_raises_is_asked_less_and_less() -> None:
    said = Said()
    listening = Listening(said)
    for _ in range(1000):
        said.advisories.put_nowait(OSError("nobody there"))
    await listening.clock.run_for(3600.0)
    assert 60 <= 1000 - said.advisories.qsize() <= 130
    listening.running.cancel()
