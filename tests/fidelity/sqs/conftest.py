"""Fixtures for the facts about SQS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fidelity.sqs.asking import Sqs, WireSqs, asking, asking_moto


@pytest.fixture
def wire() -> Iterator[WireSqs]:
    """Our own server, in virtual time that begins on 2026-01-01 at midnight."""
    with asking() as one:
        yield one


@pytest.fixture
def moto() -> Iterator[Sqs]:
    """The mended moto as a library, in virtual time."""
    with asking_moto() as one:
        yield one


@pytest.fixture(params=["wire", "moto"])
def sqs(request: pytest.FixtureRequest) -> Sqs:
    """Both, one after the other."""
    one: Sqs = request.getfixturevalue(request.param)
    return one
