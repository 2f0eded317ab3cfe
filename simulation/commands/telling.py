"""Writing to standard output."""

from __future__ import annotations

import sys


def say(*lines: str) -> None:
    """Write lines."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
