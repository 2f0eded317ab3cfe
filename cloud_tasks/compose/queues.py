"""The provider's queues, where a worker's tasks or events are in them."""

from __future__ import annotations

from cloud_tasks.compose.backends import NOTHING_STARTED, BackendSettings, open_backend, unreachable
from cloud_tasks.config.settings import Settings
from cloud_tasks.errors import ConfigurationError, QueueUnavailableError
from cloud_tasks.interfaces import QueueBackend


async def open_queues(settings: Settings, *, tasks: bool) -> QueueBackend | None:
    """Open the queues that the settings name, and see that they can be used; None where none are wanted.

    Args:
        settings: The settings.
        tasks: Whether tasks come from a queue.

    Raises:
        ConfigurationError: They cannot be used; nothing was taken from them.
    """
    if not tasks and not settings.event_log_to_queue:
        return None
    backend = open_backend(_backend_settings(settings))
    try:
        await backend.check(tasks=tasks, events=settings.event_log_to_queue, create=settings.create_queue)
    except QueueUnavailableError as error:
        await backend.aclose()
        problem = unreachable(settings.provider or "", error, notes=(NOTHING_STARTED,))
        raise ConfigurationError(problem) from error
    except BaseException:  # boundary: closed, and raised again
        await backend.aclose()
        raise
    return backend


def _backend_settings(settings: Settings) -> BackendSettings:
    return BackendSettings(
        provider=settings.provider or "",
        task_queue=settings.queue_name or "",
        event_queue=settings.event_log_queue_name or f"{settings.queue_name}-events",
        region=settings.region,
        project_id=settings.project_id,
        exactly_once=settings.exactly_once_queue,
        lease_s=settings.visibility_timeout,
    )
