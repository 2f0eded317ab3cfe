from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cloud_tasks.queues.rabbitmq.driver import RabbitDriver
from tests.queues.rabbitmq.harness import driver_at, new_name
from tests.services.rabbitmq import RabbitmqServer


@pytest.fixture
def name() -> str:
    """A queue that no other test has."""
    return new_name()


@pytest_asyncio.fixture
async def driver(rabbitmq_server: RabbitmqServer, name: str) -> AsyncIterator[RabbitDriver]:
    """A driver on the broker that all tests share."""
    one = driver_at(rabbitmq_server.url)
    yield one
    await one.inspector(name).delete()
    await one.disconnect()
