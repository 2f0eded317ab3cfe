"""Facts about the instance metadata service of AWS, each with its source.

[IMDS] Amazon EC2 User Guide, "Use the Instance Metadata Service to access instance metadata"
[SPOT] Amazon EC2 User Guide, "Spot Instance interruption notices"
[REBALANCE] Amazon EC2 User Guide, "EC2 instance rebalance recommendations"
[EVENTS] Amazon EC2 User Guide, "View scheduled events for your instances"
[ASG] Amazon EC2 Auto Scaling User Guide, "Retrieve the target lifecycle state through instance metadata"
"""

from __future__ import annotations

import pytest

from fakes.metadata import CancelNotice, EndMaintenance, ExpireTokens, Fail, Maintenance, Notice, Rebalance
from tests.fidelity.metadata.asking import Client

TOKEN = "/latest/api/token"  # noqa: S105 - a path
TTL = "X-aws-ec2-metadata-token-ttl-seconds"
META = "/latest/meta-data"


async def token_of(client: Client, ttl: int = 21600) -> str:
    said = await client.call("PUT", TOKEN, {TTL: str(ttl)})
    assert said.status == 200
    return said.text


async def get(client: Client, path: str, token: str | None = None) -> tuple[int, str]:
    used = await token_of(client) if token is None else token
    said = await client.call("GET", META + path, {"X-aws-ec2-metadata-token": used})
    return said.status, said.text


@pytest.mark.parametrize("ttl", ["1", "60", "21600"])
async def test_a_token_is_text_and_its_time_comes_back(client: Client, ttl: str) -> None:
    """[IMDS] PUT with a TTL of 1 to 21,600 seconds gives the token; the TTL is a header of the answer."""
    said = await client.call("PUT", TOKEN, {TTL: ttl})
    assert said.status == 200
    assert said.text
    assert said.headers[TTL] == ttl


@pytest.mark.parametrize("ttl", [None, "", "0", "21601", "-1", "1.5", "many", "000001999999", "9" * 5000])
async def test_a_bad_time_to_live_is_400(client: Client, ttl: str | None) -> None:
    """[IMDS] 400: a missing or invalid parameter in the PUT request."""
    said = await client.call("PUT", TOKEN, None if ttl is None else {TTL: ttl})
    assert said.status == 400


async def test_a_service_that_is_disabled_answers_403(client: Client) -> None:
    """[IMDS] 403: the request is not allowed, or the service is turned off."""
    client.do(Fail(status=403, path="/latest"))
    assert (await client.call("PUT", TOKEN, {TTL: "60"})).status == 403


async def test_reading_needs_a_token(client: Client) -> None:
    """[IMDS] 401 where the token is missing or wrong."""
    assert (await client.call("GET", f"{META}/instance-id")).status == 401
    assert (await get(client, "/instance-id", "wrong"))[0] == 401
    assert await get(client, "/instance-id") == (200, "i-0123456789abcdef0")


async def test_a_token_ends_after_its_time(client: Client) -> None:
    """[IMDS] After the token expires, a new session is needed."""
    token = await token_of(client, 60)
    client.clock.advance(59.0)
    assert (await get(client, "/instance-id", token))[0] == 200
    client.clock.advance(1.0)
    assert (await get(client, "/instance-id", token))[0] == 401


async def test_tokens_can_be_made_to_end_early(client: Client) -> None:
    """A script's way to the 401 of [IMDS]."""
    token = await token_of(client)
    client.do(ExpireTokens())
    assert (await get(client, "/instance-id", token))[0] == 401


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
async def test_everything_but_the_token_is_read(client: Client, method: str) -> None:
    """[IMDS] Metadata is read with GET."""
    headers = {"X-aws-ec2-metadata-token": await token_of(client)}
    assert (await client.call(method, f"{META}/instance-id", headers)).status == 405


async def test_what_is_not_there_is_404(client: Client) -> None:
    """[IMDS] 404: the resource does not exist."""
    assert (await get(client, "/nothing"))[0] == 404


async def test_there_is_no_instance_action_before_a_notice(client: Client) -> None:
    """[SPOT] An instance that is not to be interrupted has no instance-action: 404."""
    assert (await get(client, "/spot/instance-action"))[0] == 404
    assert (await get(client, "/spot/termination-time"))[0] == 404


@pytest.mark.parametrize("action", ["terminate", "stop", "hibernate"])
async def test_a_notice_tells_action_and_time(client: Client, action: str) -> None:
    """[SPOT] instance-action: the action, and its approximate time in UTC, two minutes ahead."""
    client.do(Notice(action=action))
    status, text = await get(client, "/spot/instance-action")
    assert (status, text) == (200, f'{{"action": "{action}", "time": "2026-01-01T00:02:00Z"}}')


async def test_the_termination_time_is_text(client: Client) -> None:
    """[SPOT] termination-time: the time alone, where the instance is to be terminated."""
    client.do(Notice())
    assert await get(client, "/spot/termination-time") == (200, "2026-01-01T00:02:00Z")


async def test_the_time_is_the_same_at_every_poll(client: Client) -> None:
    """[SPOT] The time is that of the notice; if it slid, each poll would look like a new notice."""
    client.do(Notice())
    first = await get(client, "/spot/instance-action")
    client.clock.advance(60.0)
    assert await get(client, "/spot/instance-action") == first
    client.clock.advance(600.0)
    assert await get(client, "/spot/instance-action") == first


async def test_a_notice_can_come_late_and_be_taken_back(client: Client) -> None:
    """[SPOT] Notices are given on a best-effort basis."""
    client.do(Notice(ahead_s=5.0))
    assert "00:00:05Z" in (await get(client, "/spot/instance-action"))[1]
    client.do(CancelNotice())
    assert (await get(client, "/spot/instance-action"))[0] == 404


async def test_a_rebalance_recommendation_tells_its_time(client: Client) -> None:
    """[REBALANCE] 404, then the time at which it was emitted; before the notice, or with it."""
    path = "/events/recommendations/rebalance"
    assert (await get(client, path))[0] == 404
    client.clock.advance(10.0)
    client.do(Rebalance())
    client.clock.advance(10.0)
    assert await get(client, path) == (200, '{"noticeTime": "2026-01-01T00:00:10Z"}')
    assert (await get(client, "/spot/instance-action"))[0] == 404


async def test_scheduled_maintenance_is_a_list(client: Client) -> None:
    """[EVENTS] A list of events, with dates such as `21 Jan 2019 09:00:43 GMT`."""
    path = "/events/maintenance/scheduled"
    assert await get(client, path) == (200, "[]")
    client.do(Maintenance(ahead_s=32443.0, lasts_s=3600.0))
    said = await client.call("GET", META + path, {"X-aws-ec2-metadata-token": await token_of(client)})
    (event,) = said.json
    assert event == {
        "NotBefore": "1 Jan 2026 09:00:43 GMT",
        "Code": "system-reboot",
        "Description": "scheduled reboot",
        "EventId": "instance-event-00000000000000001",
        "NotAfter": "1 Jan 2026 10:00:43 GMT",
        "State": "active",
    }
    client.do(EndMaintenance())
    assert await get(client, path) == (200, "[]")


async def test_the_target_lifecycle_state_is_text(client: Client) -> None:
    """[ASG] The state that Auto Scaling is moving the instance to."""
    path = "/autoscaling/target-lifecycle-state"
    assert await get(client, path) == (200, "InService")
    client.do(Notice())
    assert await get(client, path) == (200, "Terminated")
