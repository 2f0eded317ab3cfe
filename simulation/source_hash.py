"""The hash of the code that a seed belongs to: the same seed means another run in other code."""

from __future__ import annotations

import hashlib
from pathlib import Path

PACKAGES = ("cloud_tasks", "fakes", "simulation")
_ROOT = Path(__file__).resolve().parent.parent


def source_hash(*more: Path) -> str:
    """Twelve hexadecimal digits that change with any of our source files.

    Args:
        more: Files that seeds follow from besides.
    """
    hasher = hashlib.sha256()
    for path in source_files():
        hasher.update(path.relative_to(_ROOT).as_posix().encode())
        hasher.update(path.read_bytes())
    for path in more:
        hasher.update(path.read_bytes())
    return hasher.hexdigest()[:12]


def source_files() -> list[Path]:
    """Our modules, and the scenarios of the library."""
    found = [path for package in PACKAGES for path in sorted((_ROOT / package).rglob("*.py"))]
    return [*found, *sorted((_ROOT / "simulation" / "scenarios").glob("*.yaml"))]
