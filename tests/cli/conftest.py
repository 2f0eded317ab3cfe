from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.backend import MemoryCloud
from tests.cli.calling import Commands
from tests.cli.keyboard import keyboard as keyboard


@pytest.fixture
def cloud() -> MemoryCloud:
    return MemoryCloud()


@pytest.fixture
def commands(
    cloud: MemoryCloud,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Commands:
    """The commands, called in this process in a folder of their own, over queues in memory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    return Commands(cloud, tmp_path, capfd)
