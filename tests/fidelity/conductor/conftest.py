"""Fixtures for the facts about Conductor."""

from __future__ import annotations

import pytest

from tests.fakes.conductor.worlds import World


@pytest.fixture
def world() -> World:
    """A model in virtual time."""
    return World()
