"""What workers are called, so that no two have one name."""

from __future__ import annotations

import os
import secrets


def new_worker_id(hostname: str, *parts: str) -> str:
    """A name for a worker of this process that nobody had before.

    Args:
        hostname: Of the machine.
        parts: What the name is to say besides.
    """
    return "-".join((hostname, str(os.getpid()), *parts, secrets.token_hex(4)))
