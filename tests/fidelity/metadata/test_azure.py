"""Facts about the scheduled events of Azure, each with its source.

[EVENTS] Azure documentation, "Scheduled Events for Linux VMs"
[IMDS] Azure documentation, "Azure Instance Metadata Service"
"""

from __future__ import annotations

import asyncio
import json

import pytest

from fakes.metadata import CancelNotice, EndMaintenance, Maintenance, Notice, Slow
from tests.fidelity.metadata.asking import Client, Said
from tests.metadata.driving import until

EVENTS = "/metadata/scheduledevents?api-version=2020-07-01"
HEADERS = {"Metadata": "true"}
FIRST_ID = "00000000-0000-4000-8000-000000000001"


async def get(client: Client, method: str = "GET") -> Said:
    return await client.call(method, EVENTS, HEADERS)


async def approve(client: Client, body: object) -> int:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return (await client.call("POST", EVENTS, HEADERS, text)).status


@pytest.mark.parametrize("headers", [None, {"Metadata": "false"}])
async def test_the_header_is_required(client: Client, headers: dict[str, str] | None) -> None:
    """[IMDS] Requests without `Metadata: true` are rejected: 400."""
    assert (await client.call("GET", EVENTS, headers)).status == 400


@pytest.mark.parametrize("query", ["", "?api-version=", "?api-version=1999-01-01"])
async def test_a_version_is_required(client: Client, query: str) -> None:
    """[EVENTS] The service is versioned; the version is mandatory."""
    assert (await client.call("GET", f"/metadata/scheduledevents{query}", HEADERS)).status == 400


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_before_anything_happens_there_are_no_events(client: Client, method: str) -> None:
    """[EVENTS] An empty array means that nothing is scheduled."""
    said = await get(client, method)
    assert (said.status, said.json) == (200, {"DocumentIncarnation": 1, "Events": []})


async def test_a_preemption_is_an_event(client: Client) -> None:
    """[EVENTS] The fields of an event; `NotBefore` as RFC 1123, at least 30 s ahead for Preempt."""
    client.do(Notice())
    assert (await get(client)).json == {
        "DocumentIncarnation": 2,
        "Events": [
            {
                "EventId": FIRST_ID,
                "EventStatus": "Scheduled",
                "EventType": "Preempt",
                "ResourceType": "VirtualMachine",
                "Resources": ["worker-1"],
                "NotBefore": "Thu, 01 Jan 2026 00:00:30 GMT",
                "Description": "Spot machine is being evicted",
                "EventSource": "Platform",
                "DurationInSeconds": -1,
            }
        ],
    }


async def test_the_time_is_the_same_at_every_poll(client: Client) -> None:
    """[EVENTS] `NotBefore` and the incarnation change when the event does, and not otherwise."""
    client.do(Notice())
    first = (await get(client)).json
    client.clock.advance(29.0)
    assert (await get(client)).json == first


async def test_an_event_that_has_started_tells_no_time(client: Client) -> None:
    """[EVENTS] When its time has come, or it was approved, it is Started, and `NotBefore` is blank."""
    client.do(Notice())
    client.clock.advance(30.0)
    document = (await get(client)).json
    (event,) = document["Events"]
    assert (event["EventStatus"], event["NotBefore"]) == ("Started", "")
    assert document["DocumentIncarnation"] == 3


async def test_an_event_that_is_over_is_gone(client: Client) -> None:
    """[EVENTS] Completed and cancelled events are removed from the array."""
    client.do(Notice(), Maintenance(), CancelNotice())
    document = (await get(client)).json
    assert [event["EventType"] for event in document["Events"]] == ["Reboot"]
    assert document["DocumentIncarnation"] == 4
    client.do(EndMaintenance())
    assert (await get(client)).json == {"DocumentIncarnation": 5, "Events": []}


async def test_events_cover_other_machines_too(client: Client) -> None:
    """[EVENTS] Events go to all machines of the placement group; `Resources` tells whom they are about."""
    client.do(Notice(resources=("worker-2", "worker-3")))
    (event,) = (await get(client)).json["Events"]
    assert event["Resources"] == ["worker-2", "worker-3"]


@pytest.mark.parametrize("code", ["Reboot", "Redeploy", "Freeze", "Terminate"])
async def test_there_are_other_types(client: Client, code: str) -> None:
    """[EVENTS] Freeze, Reboot, Redeploy, Preempt and Terminate."""
    client.do(Maintenance(code=code, ahead_s=900.0, lasts_s=9.0))
    (event,) = (await get(client)).json["Events"]
    assert (event["EventType"], event["DurationInSeconds"]) == (code, 9)


async def test_an_approval_starts_an_event(client: Client) -> None:
    """[EVENTS] POST with StartRequests lets an event start before its time."""
    client.do(Maintenance(ahead_s=900.0))
    assert await approve(client, {"StartRequests": [{"EventId": FIRST_ID}]}) == 200
    (event,) = (await get(client)).json["Events"]
    assert event["EventStatus"] == "Started"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        {},
        {"StartRequests": []},
        {"StartRequests": [{}]},
        {"StartRequests": [{"EventId": "unknown"}]},
    ],
)
async def test_a_malformed_approval_is_400(client: Client, body: object) -> None:
    """[EVENTS] 400: the request body is malformed."""
    client.do(Notice())
    assert await approve(client, body) == 400


async def test_the_first_call_may_take_two_minutes(client: Client) -> None:
    """[EVENTS] The first call enables the service, which may take up to two minutes."""
    client.do(Slow(delay_s=120.0, times=1, path="/metadata/scheduledevents"))
    first = asyncio.create_task(get(client))
    await until(lambda: len(client.clock._sleepers) > 0)
    client.clock.advance(119.0)
    await asyncio.sleep(0.05)
    assert not first.done()
    client.clock.advance(1.0)
    assert (await first).status == 200
    assert (await get(client)).status == 200


async def test_the_name_of_the_machine_is_in_its_metadata(client: Client) -> None:
    """[IMDS] /metadata/instance/compute has `name` and `vmId`; the version is mandatory."""
    path = "/metadata/instance/compute"
    said = await client.call("GET", f"{path}?api-version=2021-02-01&format=json", HEADERS)
    assert (said.json["name"], said.json["vmId"]) == ("worker-1", "13f56399-bd52-4150-9748-7190aae1ff21")
    whole = await client.call("GET", "/metadata/instance?api-version=2021-02-01", HEADERS)
    assert whole.json["compute"] == said.json
    assert (await client.call("GET", path, HEADERS)).status == 400
