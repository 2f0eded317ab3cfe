from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from cloud_tasks.queues.redis_streams.driver import RedisDriver
from tests.queues.redis_streams.harness import driver_at
from tests.services.redis import RedisServer


@pytest_asyncio.fixture
async def driver(redis_server: RedisServer) -> AsyncIterator[RedisDriver]:
    """A driver on the server that all tests share."""
    one = driver_at(redis_server.url)
    yield one
    for queue in await one.queue_names():
        await one.inspector(queue).delete()
    await one.disconnect()
