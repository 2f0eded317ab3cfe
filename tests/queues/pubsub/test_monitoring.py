"""Counting messages with Cloud Monitoring, as its REST interface answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from google.auth.credentials import AnonymousCredentials

from cloud_tasks.clock import SystemClock
from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.queues.pubsub.monitoring import Monitoring

SUBSCRIPTION = "projects/p/subscriptions/jobs-subscription"


class MonitoringServer:
    """Answers every question in one way."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] = {}
        self.status = 200
        self.asked: list[dict[str, str]] = []
        self.address = ""

    async def time_series(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        return web.json_response(self.answer, status=self.status)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[MonitoringServer]:
    server = MonitoringServer()
    app = web.Application()
    app.router.add_get("/v3/projects/p/timeSeries", server.time_series)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    server.address = f"http://{host}:{port}/v3"
    yield server
    await runner.cleanup()


def monitoring(server: MonitoringServer) -> Monitoring:
    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
    return Monitoring(credentials, "p", SystemClock(), server.address)


async def test_the_newest_point_of_the_subscription_counts(server: MonitoringServer) -> None:
    points = [{"value": {"int64Value": "17"}}, {"value": {"int64Value": "4"}}]
    server.answer = {"timeSeries": [{"points": points}]}
    assert await monitoring(server).unacked(SUBSCRIPTION) == 17
    (asked,) = server.asked
    assert "num_undelivered_messages" in asked["filter"]
    assert 'subscription_id="jobs-subscription"' in asked["filter"]
    assert asked["interval.startTime"] < asked["interval.endTime"]


async def test_no_points_are_no_zero(server: MonitoringServer) -> None:
    assert await monitoring(server).unacked(SUBSCRIPTION) is None


async def test_a_refusal_is_told(server: MonitoringServer) -> None:
    server.status = 403
    with pytest.raises(QueueUnavailableError, match="Cloud Monitoring: 403"):
        await monitoring(server).unacked(SUBSCRIPTION)
