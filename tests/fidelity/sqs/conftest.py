"""Fixtures for the facts about SQS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fidelity.sqs.asking import Sqs, WireSqs, asking


@pytest.fixture
def wire() -> Iterator[WireSqs]:
    """Our own server, in virtual time that begins on 2026-01-01 at midnight."""
    with asking() as one:
        yield one


@pytest.fixture
def sqs(wire: WireSqs) -> Sqs:
    return wire
