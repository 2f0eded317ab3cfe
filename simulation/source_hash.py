"""The hash of the code that a seed belongs to: the same seed means another run in other code."""

from __future__ import annotations

import hashlib
from pathlib import Path

PACKAGES = ("cloud_tasks", "fakes", "simulation")


def source_hash() -> str:
    """Twelve hexadecimal digits that change with any of our source files."""
    root = Path(__file__).resolve().parent.parent
    hasher = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            hasher.update(path.relative_to(root).as_posix().encode())
            hasher.update(path.read_bytes())
    return hasher.hexdigest()[:12]
