"""Which event loop a worker of its own process runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cloud_tasks.errors import ConfigurationError, Problem

MakeLoop = Callable[[], asyncio.AbstractEventLoop]


def maker_of(name: str) -> MakeLoop | None:
    """What makes a loop of that name, "asyncio" or "uvloop"; None: what asyncio makes by itself.

    Raises:
        ConfigurationError: It is not installed.
    """
    if name != "uvloop":
        return None
    try:
        import uvloop
    except ImportError as error:
        problem = Problem(
            "--event-loop uvloop needs the package uvloop, which cannot be imported",
            helps=("pip install 'cloud-tasks[uvloop]'", "or leave the option out"),
            notes=(str(error), "nothing started; 0 tasks taken"),
        )
        raise ConfigurationError(problem) from None
    make: MakeLoop = uvloop.new_event_loop
    return make
