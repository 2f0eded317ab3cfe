"""Tasks of a Conductor server (Swift Conductor, Conductor OSS) as a queue.

The server decides about retries: the worker tells it the outcome of each attempt, and hands back what was
interrupted. Libraries are imported when a queue is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.queues.conductor.carrier import Carrier as Carrier
from cloud_tasks.queues.conductor.forms import Form as Form
from cloud_tasks.queues.conductor.forms import PlainForm as PlainForm
from cloud_tasks.queues.conductor.settings import ConductorSettings as ConductorSettings
from cloud_tasks.queues.conductor.watching import Watcher as Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloud_tasks.interfaces import Clock, TaskQueue


def open_queue(
    settings: ConductorSettings,
    clock: Clock,
    *,
    form: Form | None = None,
    watcher: Watcher | None = None,
    paused: Callable[[], bool] | None = None,
    carrier: Carrier | None = None,
) -> TaskQueue:
    """A queue of one or more task types. Reads no network.

    Args:
        settings: Which server, which types.
        clock: Time.
        form: How a task of the server becomes one of ours, and an outcome a result; None: `PlainForm`.
        watcher: Told of polls and updates.
        paused: Asked before each poll, in a thread of its own; while it says True, none is made.
        carrier: Carries calls to the server; None: over HTTP.

    Raises:
        ConfigurationError: The package aiohttp is missing, or results cannot be kept on disk.
    """
    from cloud_tasks.queues.conductor.place import open_spool
    from cloud_tasks.queues.conductor.task_queue import ConductorQueue

    carrier = carrier or _over_http(settings)
    return ConductorQueue(
        settings,
        clock,
        carrier,
        form=form or PlainForm(),
        watcher=watcher or Watcher(),
        results=open_spool(settings),
        paused=paused,
    )


def _over_http(settings: ConductorSettings) -> Carrier:
    try:
        from cloud_tasks.queues.conductor.http import HttpCarrier
    except ImportError as error:
        raise ConfigurationError(
            Problem(
                "Conductor needs the package aiohttp, which cannot be imported",
                helps=("pip install 'cloud-tasks[conductor]'",),
                notes=(str(error),),
            )
        ) from None
    return HttpCarrier(settings.api_url, settings.headers)
