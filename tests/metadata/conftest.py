"""Fixtures for tests of the adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.metadata.driving import Machine, running_machine


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    """A machine with all three services."""
    async with running_machine() as one:
        yield one
