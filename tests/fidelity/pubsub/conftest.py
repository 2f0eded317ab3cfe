"""Fixtures for the facts about Pub/Sub."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fidelity.pubsub.world import World, a_world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A service with nothing in it, in virtual time, and its clients."""
    async with a_world() as one:
        yield one
