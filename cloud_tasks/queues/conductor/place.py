"""Where results wait that the server could not be told."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.queues.conductor.settings import ConductorSettings
from cloud_tasks.queues.conductor.spool import Spool


def open_spool(settings: ConductorSettings) -> Spool:
    """The directory of results; made if it is not there.

    Raises:
        ConfigurationError: Nothing can be kept in it.
    """
    try:
        spool = Spool(_directory(settings))
        spool.probe()
    except (OSError, RuntimeError) as error:  # a RuntimeError: nobody knows where the user is at home
        raise ConfigurationError(
            Problem(
                f"results that the server cannot be told cannot be kept on disk: {error}",
                helps=("name a directory that can be written with --results-dir, or `results_dir=`",),
            )
        ) from None
    return spool


def _directory(settings: ConductorSettings) -> Path:
    """By default apart for each server, together for all workers of a user."""
    if settings.results_dir is not None:
        return Path(settings.results_dir)
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    server = hashlib.sha256(settings.api_url.rstrip("/").encode()).hexdigest()[:16]
    return Path(state).expanduser() / "cloud_tasks" / "conductor" / server
