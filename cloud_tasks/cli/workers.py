"""`cloud_tasks workers`: a process for each queue, and one that looks after them."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from cloud_tasks.cli.parser import Line
from cloud_tasks.compose.queue_workers import Supervisor
from cloud_tasks.compose.queue_workers_crew import Manner
from cloud_tasks.compose.queue_workers_lines import Lines, log
from cloud_tasks.compose.queue_workers_settings import WorkersSettings, read_settings
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.summary.values import status_of_workers


def run(line: Line) -> int:
    """Work until a signal comes, or all queues are empty where that is enough.

    Returns:
        0 when it ended in good order, whatever became of payloads: what failed is among the dead letters.
        130 or 143 when payloads had to be left behind after SIGINT or SIGTERM; 1 when that had other reasons.
    """
    if line.problems:
        raise ConfigurationError(*line.problems)
    settings = read_settings(line.names, os.environ, _texts(line, "set"), _texts(line, "require"))
    directory = os.fspath(Path.cwd())
    if directory not in sys.path:  # its packages are found as if they were programs in it
        sys.path.insert(0, directory)
    manner = Manner(
        quiet="quiet" in line.flags,
        halt_when_empty="halt_when_empty" in line.flags,
        scheduler="scheduler" in line.flags,
    )
    return asyncio.run(_work(settings, manner))


def _texts(line: Line, name: str) -> tuple[str, ...]:
    return line.flags[name].texts if name in line.flags else ()


async def _work(settings: WorkersSettings, manner: Manner) -> int:
    lines = Lines()
    lines.set_up_logging(quiet=manner.quiet)
    try:
        if not settings.all_assignments():
            log.info("No workers configured; terminating.")
            return 0
        return status_of_workers((await Supervisor(settings, manner, lines).run()).values())
    finally:
        await lines.aclose()
