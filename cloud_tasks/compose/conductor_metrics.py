"""Metrics of Conductor workers, under the names of the published clients, in a file that Prometheus reads."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from cloud_tasks.conductor_app.configuration import MetricsSettings
from cloud_tasks.conductor_app.workers import WorkerAbc
from cloud_tasks.core.events import EventRecord, TaskCompleted, TaskEvent, TaskException
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.conductor import Watcher

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

TYPE, EXCEPTION = "taskType", "exception"
_COUNTERS = {
    "task_poll": ("Polls", (TYPE,)),
    "task_poll_error": ("Polls that were not answered", (TYPE, EXCEPTION)),
    "task_paused": ("Polls that were not made because the worker was paused", (TYPE,)),
    "task_execute_error": ("Tasks that failed", (TYPE, EXCEPTION)),
    "task_update_error": ("Results that could not be sent at once", (TYPE, EXCEPTION)),
}
_GAUGES = {
    "task_poll_time": "Duration of the last poll, in seconds",
    "task_execute_time": "Duration of the last task, in seconds",
    "task_result_size": "Size of the last result, in bytes",
}


def open_metrics(settings: MetricsSettings | None, clock: Clock) -> Metrics | None:
    """Begin to write metrics, if that is asked for; on a running loop.

    Raises:
        ConfigurationError: The package prometheus-client is missing, or the file cannot be written.
    """
    if settings is None:
        return None
    try:
        from prometheus_client import CollectorRegistry
    except ImportError as error:
        raise ConfigurationError(
            Problem(
                "metrics need the package prometheus-client, which cannot be imported",
                helps=("pip install 'cloud-tasks[conductor]'",),
                notes=(str(error),),
            )
        ) from None
    return Metrics(settings, clock, CollectorRegistry())


class Metrics:
    """The metrics of all workers of a host.

    Args:
        settings: Where they are written.
        clock: Time.
        registry: Where they are kept.

    Attributes:
        watcher: To be told of polls and updates.
    """

    def __init__(self, settings: MetricsSettings, clock: Clock, registry: CollectorRegistry) -> None:
        from prometheus_client import Counter, Gauge

        self._path = Path(settings.directory).expanduser() / settings.file_name
        self._interval_s = settings.update_interval
        self._clock = clock
        self._registry = registry
        self.counters = {
            name: Counter(name, text, labels, registry=registry) for name, (text, labels) in _COUNTERS.items()
        }
        self.gauges = {name: Gauge(name, text, (TYPE,), registry=registry) for name, text in _GAUGES.items()}
        self.watcher: Watcher = _Watcher(self)
        self._write_first()
        self._writer = asyncio.get_running_loop().create_task(self._keep_writing())

    def count(self, name: str, *labels: str) -> None:
        """One more."""
        self.counters[name].labels(*labels).inc()

    def measure(self, name: str, task_type: str, value: float) -> None:
        """The last one was so long, or so large."""
        self.gauges[name].labels(task_type).set(value)

    def sink(self, worker: WorkerAbc) -> MetricsSink:
        """To be told of what becomes of the tasks of a worker."""
        return MetricsSink(self, worker.get_task_definition_name())

    async def aclose(self) -> None:
        """Write once more, and stop."""
        self._writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._writer
        with contextlib.suppress(OSError):
            self._write()

    def _write_first(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._write()
        except OSError as error:
            raise ConfigurationError(Problem(f"metrics cannot be written to {self._path}: {error}")) from None

    def _write(self) -> None:
        from prometheus_client import write_to_textfile

        write_to_textfile(str(self._path), self._registry)

    async def _keep_writing(self) -> None:
        while True:
            await self._clock.sleep_until(self._clock.monotonic() + self._interval_s)
            with contextlib.suppress(OSError):  # the disk may have room again at the next time
                await asyncio.to_thread(self._write)


class _Watcher(Watcher):
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def polled(self, task_type: str, elapsed_s: float, tasks: int) -> None:
        self._metrics.count("task_poll", task_type)
        self._metrics.measure("task_poll_time", task_type, elapsed_s)

    def poll_failed(self, task_type: str, error: Exception) -> None:
        self._metrics.count("task_poll", task_type)
        self._metrics.count("task_poll_error", task_type, type(error).__name__)

    def paused(self, task_type: str) -> None:
        self._metrics.count("task_paused", task_type)

    def result_ready(self, task_type: str, size_bytes: int) -> None:
        self._metrics.measure("task_result_size", task_type, size_bytes)

    def update_failed(self, task_type: str, error: Exception) -> None:
        self._metrics.count("task_update_error", task_type, type(error).__name__)


class MetricsSink:
    """Reads metrics off events.

    Args:
        metrics: Where they go.
        task_type: Of tasks whose event names none.
    """

    def __init__(self, metrics: Metrics, task_type: str) -> None:
        self._metrics = metrics
        self._task_type = task_type

    async def emit(self, records: list[EventRecord]) -> None:
        """Read them."""
        for record in records:
            event = record.event
            if isinstance(event, TaskEvent):
                task_type = event.queue or self._task_type
                self._metrics.measure("task_execute_time", task_type, event.elapsed_time)
                if not isinstance(event, TaskCompleted):
                    self._metrics.count("task_execute_error", task_type, _cause(event))

    async def aclose(self) -> None:
        """Nothing to let go of: the metrics are those of all workers."""


def _cause(event: TaskEvent) -> str:
    """What is told as the exception: its class, or what became of the task."""
    if isinstance(event, TaskException) and event.exception.strip():
        last = event.exception.strip().splitlines()[-1]
        return last.partition(":")[0].strip()
    return type(event).__name__
