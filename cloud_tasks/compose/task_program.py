"""Task functions in a program of the user's: its connection, its drivers, its workers."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import replace

from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.drivers import open_driver, settled
from cloud_tasks.compose.outbox import DriverOutbox
from cloud_tasks.compose.program_checks import check_config
from cloud_tasks.compose.queue_config import config_from_environment, usual_defaults
from cloud_tasks.compose.running import nobody
from cloud_tasks.compose.task_events import EnqueuedOnChannel, open_channel, open_teller
from cloud_tasks.compose.task_worker import TaskWorker, TaskWorkerSettings
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.interfaces import EventSink, QueueDriver
from cloud_tasks.runners.output import Output
from cloud_tasks.shell import Observer
from cloud_tasks.sinks.redis_channel import RedisChannel
from cloud_tasks.sinks.redis_events import RedisEventSink
from cloud_tasks.sinks.worker_events import WorkerEvents
from cloud_tasks.sinks.worker_messages import Encode, encoder
from cloud_tasks.summary import Summary
from cloud_tasks.task_app.config import Config
from cloud_tasks.task_app.options import TaskDefaults
from cloud_tasks.task_app.outbox import WorkersOutbox
from cloud_tasks.task_app.serializing import serializer_of

_config_of: weakref.WeakKeyDictionary[QueueDriver, Config] = weakref.WeakKeyDictionary()


def create_driver(config: Config) -> QueueDriver:
    """The driver that the settings name; the settings are remembered with it.

    Raises:
        ConfigurationError: There is none, its package is missing, or a setting cannot be used.
    """
    check_config(config)
    driver = open_driver(config)
    _config_of[driver] = settled(config)
    return driver


async def open_outbox(config: Config | None, environ: Mapping[str, str]) -> DriverOutbox:
    """Connect, for a program that dispatches tasks.

    Args:
        config: Where to; None: where the variables say.
        environ: The environment.

    Raises:
        ConfigurationError: What the settings name cannot be used.
        QueueUnavailableError: Nobody answers there.
    """
    found = config_from_environment(environ) if config is None else config
    check_config(found)
    serializer = serializer_of(found.serializer)
    driver = open_driver(found)
    try:
        await driver.connect()
        teller = open_teller(found)
    except BaseException:  # boundary: closed, and raised again
        await driver.disconnect()
        raise
    return DriverOutbox(driver, found.task_defaults.queue, teller, owned=True, serializer=serializer)


class ProgramWorker:
    """A worker of task functions on a driver that is connected already.

    Args:
        driver: The driver; it stays connected.
        settings: What the worker is told; `defaults` and `handed_down` are filled in here, and what it says
            nothing of about the pool.
        defaults: What holds for functions that say nothing themselves; None: as in the driver's settings.
        serializer: What reads and writes arguments, as "module:Class"; None: as in the driver's settings.
        sinks: Those that must have stored an event before its task is settled.
        displays: Those whose failures never matter; not closed here.
        observer: Who watches; None: the logger "cloud_tasks".
        output: Gets what tasks in processes of their own print; None: the program's own streams do.
        on_signal: Told the name of each signal that asks for an end, before anything is done about it.
    """

    def __init__(
        self,
        driver: QueueDriver,
        settings: TaskWorkerSettings,
        defaults: TaskDefaults | None = None,
        *,
        serializer: str | None = None,
        sinks: tuple[EventSink, ...] = (),
        displays: tuple[EventSink, ...] = (),
        observer: Observer | None = None,
        output: Output | None = None,
        on_signal: Callable[[str], None] = nobody,
    ) -> None:
        """Check what can be checked; nothing is started.

        Raises:
            ConfigurationError: A setting, or a function, cannot be used.
        """
        _check_driver(driver)
        config = _config_of.get(driver)
        self._driver = driver
        self._config = config or Config()
        if serializer is not None:
            self._config = replace(self._config, serializer=serializer)
        self._serializer = serializer_of(self._config.serializer)
        self._config = replace(self._config, task_defaults=defaults or usual_defaults(self._config))
        # Of a driver that we did not make nobody knows where it is.
        told = {"serializer": self._config.serializer} if config is None else self._config
        pool = self._config.process_pool
        self._settings = replace(
            settings,
            pool_size=pool.size if settings.pool_size is None else settings.pool_size,
            pool_tasks_max=(
                pool.max_tasks_per_child if settings.pool_tasks_max is None else settings.pool_tasks_max
            ),
            defaults=self._config.task_defaults,
            handed_down=msgspec.json.encode(told).decode(),
        )
        self._sinks, self._displays, self._observer = sinks, displays, observer
        self._output, self._on_signal = output, on_signal
        self._worker = self._make(())
        self.worker_id = self._worker.worker_id

    def _make(self, displays: tuple[EventSink, ...]) -> TaskWorker:
        return TaskWorker(
            self._driver,
            self._settings,
            sinks=self._sinks,
            displays=(*self._displays, *displays),
            observer=self._observer,
            output=self._output,
            tell_starts=bool(displays or self._sinks),
            on_signal=self._on_signal,
        )

    async def work(self) -> Summary:
        """Work until somebody asks for an end, or the settings say that it has come.

        What its tasks dispatch goes to the same driver. What the program dispatches beside them does not.
        """
        told = None if self._observer is None else self._observer.worker_message
        channel = open_channel(self._config, told)
        worker = self._worker if channel is None else self._watched(channel)
        teller = None if channel is None else EnqueuedOnChannel(channel, self._encode, owned=False)
        own = DriverOutbox(
            self._driver,
            self._settings.defaults.queue,
            teller,
            owned=False,
            serializer=self._serializer,
        )
        known = self._driver in _config_of
        try:
            return await worker.work(WorkersOutbox(own, asyncio.get_running_loop(), elsewhere=known))
        finally:
            if channel is not None:
                await channel.aclose()

    @property
    def _encode(self) -> Encode:
        return encoder(self._config.events.format)

    def _watched(self, channel: RedisChannel) -> TaskWorker:
        """The worker, with a channel that it tells of its doings."""
        settings = self._settings = replace(self._settings, worker_id=self.worker_id)
        words = WorkerEvents(self.worker_id, settings.queues, settings.heartbeat_s, SystemClock())
        return self._make((RedisEventSink(channel, words, self._encode),))


def _check_driver(driver: object) -> None:
    if not hasattr(driver, "inspector"):
        raise ConfigurationError(
            Problem(
                f"queue_driver: expected a driver, got a value of type {type(driver).__name__}",
                helps=("make one with DriverFactory.create(name, config)",),
            )
        )
