from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakes.sqs.moto_server import MotoServer


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """A server of moto, mended, one for all tests: each has queues of its own."""
    server = MotoServer()
    server.start()
    yield server.url
    server.stop()
