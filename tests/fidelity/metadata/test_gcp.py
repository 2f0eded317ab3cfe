"""Facts about the metadata server of GCP, each with its source.

[QUERY] Compute Engine documentation, "View and query VM metadata"
[KEYS] Compute Engine documentation, "Predefined metadata keys"
[PREEMPT] Compute Engine documentation, "Spot VMs" and "Preemptible VM instances"
[MAINTENANCE] Compute Engine documentation, "Query metadata server for maintenance event notices"
"""

from __future__ import annotations

import asyncio

import pytest

from fakes.metadata import CancelNotice, EndMaintenance, Fail, Maintenance, Notice
from tests.fidelity.metadata.asking import Client, Said
from tests.metadata.driving import until

INSTANCE = "/computeMetadata/v1/instance/"
FLAVOR = {"Metadata-Flavor": "Google"}


async def get(client: Client, name: str) -> Said:
    return await client.call("GET", INSTANCE + name, FLAVOR)


async def waiting(client: Client, name: str, query: str) -> asyncio.Task[Said]:
    """A request that hangs."""
    task = asyncio.create_task(get(client, f"{name}?wait_for_change=true{query}"))
    await until(lambda: len(client.clock._sleepers) > 0)
    return task


@pytest.mark.parametrize("headers", [None, {"Metadata-Flavor": "Other"}])
async def test_the_header_is_required(client: Client, headers: dict[str, str] | None) -> None:
    """[QUERY] Requests without `Metadata-Flavor: Google` are denied: 403."""
    assert (await client.call("GET", f"{INSTANCE}name", headers)).status == 403


async def test_the_answer_has_the_header_and_a_tag(client: Client) -> None:
    """[QUERY] The answer carries `Metadata-Flavor: Google`, and an ETag."""
    said = await get(client, "name")
    assert (said.status, said.headers["Metadata-Flavor"]) == (200, "Google")
    assert said.headers["ETag"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "worker-1"),
        ("id", "4520031799277581759"),
        ("zone", "projects/739419398126/zones/us-central1-a"),
        ("preempted", "FALSE"),
        ("maintenance-event", "NONE"),
    ],
)
async def test_the_keys_of_an_instance(client: Client, name: str, value: str) -> None:
    """[KEYS] Each key is text."""
    assert (await get(client, name)).text == value


async def test_what_is_not_there_is_404(client: Client) -> None:
    """[QUERY] An unknown key is not found."""
    assert (await get(client, "nothing")).status == 404


async def test_preemption_turns_false_into_true(client: Client) -> None:
    """[PREEMPT] `preempted` is FALSE, and TRUE once the instance is preempted; no time is told."""
    before = await get(client, "preempted")
    client.do(Notice())
    after = await get(client, "preempted")
    assert (before.text, after.text) == ("FALSE", "TRUE")
    assert before.headers["ETag"] != after.headers["ETag"]
    client.do(CancelNotice())
    assert (await get(client, "preempted")).text == "FALSE"


async def test_a_tag_stays_while_the_value_does(client: Client) -> None:
    """[QUERY] The tag tells one value from the next."""
    first = (await get(client, "preempted")).headers["ETag"]
    client.clock.advance(1000.0)
    client.do(Maintenance())
    assert (await get(client, "preempted")).headers["ETag"] == first


async def test_a_request_can_wait_for_a_change(client: Client) -> None:
    """[QUERY] `wait_for_change=true` answers when the value has changed."""
    task = await waiting(client, "preempted", "")
    client.do(Maintenance())
    await asyncio.sleep(0.05)
    assert not task.done(), "another value has changed"
    client.do(Notice())
    assert (await task).text == "TRUE"


async def test_the_wait_can_have_a_limit(client: Client) -> None:
    """[QUERY] `timeout_sec=N` answers with the value as it is when the time is up."""
    etag = (await get(client, "preempted")).headers["ETag"]
    task = await waiting(client, "preempted", f"&timeout_sec=20&last_etag={etag}")
    client.clock.advance(19.9)
    await asyncio.sleep(0.05)
    assert not task.done()
    client.clock.advance(0.1)
    said = await task
    assert (said.status, said.text, said.headers["ETag"]) == (200, "FALSE", etag)


async def test_a_stale_tag_is_answered_at_once(client: Client) -> None:
    """[QUERY] With `last_etag`, a value that has another tag by now is returned immediately."""
    etag = (await get(client, "preempted")).headers["ETag"]
    client.do(Notice())
    said = await get(client, f"preempted?wait_for_change=true&last_etag={etag}")
    assert said.text == "TRUE"
    assert (await get(client, "preempted?wait_for_change=true&last_etag=0")).text == "TRUE"


async def test_503_can_come_at_any_time(client: Client) -> None:
    """[QUERY] 503 while the server is being worked on; the request is to be tried again."""
    client.do(Fail(status=503, times=1))
    assert (await get(client, "preempted")).status == 503
    assert (await get(client, "preempted")).status == 200


@pytest.mark.parametrize("code", ["MIGRATE_ON_HOST_MAINTENANCE", "TERMINATE_ON_HOST_MAINTENANCE"])
async def test_a_maintenance_event_is_no_preemption(client: Client, code: str) -> None:
    """[MAINTENANCE] NONE, then what is going to happen, then NONE again."""
    client.do(Maintenance(code=code))
    assert (await get(client, "maintenance-event")).text == code
    assert (await get(client, "preempted")).text == "FALSE"
    client.do(EndMaintenance())
    assert (await get(client, "maintenance-event")).text == "NONE"
