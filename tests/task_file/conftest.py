from __future__ import annotations

from pathlib import Path

import pytest

from tests.task_file.files import Write


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a file into an empty working directory; returns its relative path."""
    monkeypatch.chdir(tmp_path)

    def write_file(content: str | bytes, name: str = "tasks.json") -> Path:
        path = Path(name)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file
