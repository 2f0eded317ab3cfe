"""Fixtures for the facts about metadata services."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fidelity.metadata.asking import Client, asking


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client of a stand-in in virtual time, which begins on 2026-01-01 at midnight."""
    async with asking() as one:
        yield one
