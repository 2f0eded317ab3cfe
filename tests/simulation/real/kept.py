"""A rehearsal as a user types it, and what it has kept, to be looked at and changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
Line = dict[str, Any]
ENDS_S = 100


def start(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    """`python -m simulation real`; everything of it has this directory in its environment."""
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "simulation", "real", *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(directory)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def real(directory: Path, *arguments: str) -> tuple[int, str]:
    """Status and output of a whole rehearsal."""
    process = start(directory, *arguments)
    try:
        stdout, stderr = process.communicate(timeout=ENDS_S)
    finally:
        process.kill()
    assert "Traceback" not in stderr
    return process.returncode, stdout + stderr


def left(directory: Path) -> list[int]:
    """The processes that have this directory in their environment."""
    entry = f"TMPDIR={directory}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if entry in (path / "environ").read_bytes().split(b"\0"):
                found.append(int(path.name))
        except OSError:
            continue
    return found


def change(path: Path, changed: Callable[[Line], Line | None]) -> None:
    """Change the lines of a file; None leaves one out."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    kept = [line for line in map(changed, lines) if line is not None]
    path.write_text("".join(json.dumps(line) + "\n" for line in kept))


def events_in(call: Line) -> list[Line]:
    """The events that a call stores."""
    if call["operation"] != "SendMessageBatch":
        return []
    return [json.loads(entry["MessageBody"]) for entry in call["request"]["Entries"]]
