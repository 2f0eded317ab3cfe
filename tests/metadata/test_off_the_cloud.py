"""A worker that is told of a cloud it is not on: it goes on quietly, and asks less and less."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator

import pytest

from cloud_tasks.interfaces import InstanceMetadata
from cloud_tasks.metadata import open_metadata
from fakes.clock import VirtualClock
from tests.metadata.driving import until

WATCHES = {"AWS": 2, "GCP": 2, "AZURE": 1}


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port at which nobody listens, and which nobody else gets."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def nowhere(provider: str, port: int, clock: VirtualClock, hostname: str = "my-laptop") -> InstanceMetadata:
    address = f"127.0.0.1:{port}"
    environ = {
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://{address}",
        "GCE_METADATA_HOST": address,
        "AZURE_METADATA_SERVICE_ENDPOINT": f"http://{address}",
    }
    return open_metadata(provider, hostname=hostname, clock=clock, environ=environ)


async def wakings(provider: str, port: int, hostname: str, span_s: float) -> list[float]:
    """The moments at which it looks again, for a while."""
    clock = VirtualClock()
    metadata = nowhere(provider, port, clock, hostname)
    waiting = asyncio.create_task(metadata.wait_termination_notice())
    moments = []
    while True:
        await until(lambda: len(clock._sleepers) == WATCHES[provider])
        moment = clock.next_deadline()
        assert moment is not None
        if moment > span_s:
            break
        moments.append(moment)
        clock.advance_to(moment)
    assert not waiting.done()
    waiting.cancel()
    await metadata.aclose()
    return moments


@pytest.mark.parametrize("provider", sorted(WATCHES))
async def test_the_machine_is_called_by_its_host_name_and_nothing_is_logged(
    provider: str, closed_port: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG, logger="cloud_tasks"):
        clock = VirtualClock()
        metadata = nowhere(provider, closed_port, clock)
        identity = await metadata.identity()
        waiting = asyncio.create_task(metadata.wait_advisory())
        await until(lambda: len(clock._sleepers) == WATCHES[provider])
        waiting.cancel()
        await metadata.aclose()
    assert (identity.provider, identity.instance_id) == (provider, "my-laptop")
    assert [record for record in caplog.records if record.name.startswith(("cloud_tasks", "asyncio"))] == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("provider", sorted(WATCHES))
async def test_f44_the_pauses_grow_and_stay_bounded(provider: str, closed_port: int) -> None:
    moments = await wakings(provider, closed_port, "my-laptop", 3600.0)
    first_minute = [moment for moment in moments if moment <= 60.0]
    assert 5 <= len(first_minute) / WATCHES[provider] <= 15
    assert 60 <= len(moments) / WATCHES[provider] <= 135


async def test_the_jitter_differs_between_machines_and_is_the_same_each_time(closed_port: int) -> None:
    first = await wakings("AWS", closed_port, "one", 600.0)
    assert first == await wakings("AWS", closed_port, "one", 600.0)
    assert first != await wakings("AWS", closed_port, "other", 600.0)


async def test_who_never_waited_has_nothing_to_close(closed_port: int) -> None:
    await nowhere("AWS", closed_port, VirtualClock()).aclose()
