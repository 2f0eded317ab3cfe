"""Workers of queues under one supervising process: prepares them, and runs them until they have ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from typing import cast

from msgspec import Struct

from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.fleet import PAUSES, Fleet
from cloud_tasks.compose.fleet_service import FleetService
from cloud_tasks.compose.queue_workers_ask import Terms, ask_workers
from cloud_tasks.compose.queue_workers_crew import Crew, Manner, Shared
from cloud_tasks.compose.queue_workers_lines import Lines, Words, log
from cloud_tasks.compose.queue_workers_settings import WorkersSettings
from cloud_tasks.compose.running import nobody, unless_signalled
from cloud_tasks.compose.scheduling import opened_scheduler
from cloud_tasks.compose.signals import SignalWatch
from cloud_tasks.compose.transports import open_transport, url_for_children
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.interfaces import InstanceMetadata, QueueDriver
from cloud_tasks.metadata.opening import open_metadata
from cloud_tasks.queue_workers.child import serve
from cloud_tasks.queue_workers.transport import VARIABLE
from cloud_tasks.runners.descriptors import ROOM
from cloud_tasks.runners.host import Host
from cloud_tasks.runners.program import Program
from cloud_tasks.runners.worker_data import WorkerData
from cloud_tasks.scheduler.missed import Missed, MissedPolicy
from cloud_tasks.scheduler.scheduler import Scheduler
from cloud_tasks.summary import Summary

_OURS = ("cloud_tasks.workers", "cloud_tasks.queue_workers.command")
"""Imported before the user's packages: what they derive from, and the worker of scheduled commands."""


class Supervisor:
    """Runs the workers of some queues, each in a process of its own.

    Args:
        settings: What it is told.
        manner: How it is run this time.
        lines: Where everything is written.
    """

    def __init__(self, settings: WorkersSettings, manner: Manner, lines: Lines) -> None:
        self._settings = settings
        self._manner = manner
        self._lines = lines
        self._clock = SystemClock()
        self._service = FleetService(os.environ, settings.seconds("asynctask_workers_grace_period"), _say)
        self._signals = 0

    async def run(self) -> dict[str, Summary]:
        """Work until all workers have ended; returns what each of them has to say.

        Raises:
            ConfigurationError: A setting cannot be used.
            ProgramError: The packages with the workers cannot be imported.
            QueueUnavailableError: Nobody answers at the address of the transport.
            SystemExit: A signal came before the first payload (130, 143).
        """
        with SignalWatch(nobody) as signals:
            async with contextlib.AsyncExitStack() as closing:
                parts = await unless_signalled(signals, self._prepare(closing))
                firing = asyncio.ensure_future(self._fire(parts.scheduler))
                heeding = asyncio.ensure_future(self._heed_notice(parts.metadata, firing))
                closing.push_async_callback(_end, firing, heeding)
                signals.receiver = self._passing_on_to(parts.fleet, firing)
                with self._service.watching():
                    self._service.ready()
                    ends = await parts.fleet.run()
                    self._service.ended()
                log.info("All workers halted; closing down...")
        log.info("Complete")
        return ends

    async def _fire(self, scheduler: Scheduler | None) -> None:
        """Fire schedules until told to end; a failure is told, and gone over."""
        failures = 0
        while scheduler is not None:
            log.info("Starting scheduler")
            try:
                await scheduler.run()
            except Exception:  # noqa: BLE001 - boundary: the workers go on without it
                failures += 1
                log.exception("The scheduler failed; restarting...")
            pause_s = PAUSES.pause_s(failures, "scheduler")
            await self._clock.sleep_until(self._clock.monotonic() + pause_s)

    async def _heed_notice(self, metadata: InstanceMetadata, firing: asyncio.Future[None]) -> None:
        """Say once for all workers, each of which hears of it as well, that the machine goes away."""
        notice = await metadata.wait_termination_notice()
        firing.cancel()
        soon = "" if notice.in_s is None else f" in {notice.in_s:.0f} s"
        log.warning("The machine is to be taken away%s: taking no more payloads", soon)

    def _passing_on_to(self, fleet: Fleet, firing: asyncio.Future[None]) -> Callable[[str], None]:
        def receive(name: str) -> None:
            firing.cancel()
            self._signals += 1
            what = "taking no more payloads" if self._signals == 1 else "killing what still runs"
            log.info("Received %s: %s", name, what)
            self._service.signalled(name)
            with self._service.hushed():
                fleet.request_shutdown(name)

        return receive

    async def _prepare(self, closing: contextlib.AsyncExitStack) -> _Parts:
        """Whatever may fail does so here, before the first payload is taken."""
        settings = self._settings
        url = settings.text("asynctask_transport")
        if url is None:
            raise _nowhere()
        host = Host(Program(serve, WorkerData(), preload=(*_OURS, *settings.packages)), "forkserver")
        closing.push_async_callback(host.aclose)
        await host.open()
        poll_ms = int(settings.number("asynctask_workers_poll_interval") or 1)
        words = Words(self._lines)
        terms = await ask_workers(host, settings.all_assignments(), poll_ms, words)
        words.flush()
        ROOM.take(len(terms), refuses=False)
        closing.callback(ROOM.give_back, len(terms))
        driver = open_transport(url, self._clock, min(one.poll_interval_ms for one in terms.values()) / 1000)
        closing.push_async_callback(driver.disconnect)
        await self._connect(driver, terms)
        metadata = self._metadata()
        closing.push_async_callback(metadata.aclose)
        shared = Shared(
            host, driver, metadata, url_for_children(url), self._lines, self._service, self._clock
        )
        crew = Crew(settings, self._manner, shared)
        fleet = Fleet(
            {queue: crew.maker(queue, one) for queue, one in terms.items()},
            self._clock,
            on_failure=lambda queue, error: log.error("Worker for queue %s failed", queue, exc_info=error),
        )
        return _Parts(fleet, await self._scheduler(driver, closing), metadata)

    async def _scheduler(self, driver: QueueDriver, closing: contextlib.AsyncExitStack) -> Scheduler | None:
        settings = self._settings
        if not self._manner.scheduler or not settings.schedules:
            return None
        policy = MissedPolicy(
            what=cast("Missed", settings.text("asynctask_scheduler_missed")),
            grace_s=settings.seconds("asynctask_scheduler_missed_grace_period"),
            most=int(settings.number("asynctask_scheduler_missed_max") or 1),
        )
        store_url = settings.text("asynctask_scheduler_store")
        return await closing.enter_async_context(
            opened_scheduler(
                settings.schedules, driver, store_url=store_url, policy=policy, clock=self._clock, log=log
            )
        )

    async def _connect(self, driver: QueueDriver, terms: dict[str, Terms]) -> None:
        await driver.connect()
        for queue in terms:
            await driver.inspector(queue).create()

    def _metadata(self) -> InstanceMetadata:
        return open_metadata(
            self._settings.text("asynctask_workers_provider"),
            hostname=socket.gethostname(),
            clock=self._clock,
            environ=os.environ,
        )


class _Parts(Struct, frozen=True):
    """What a supervisor runs, ready to be run."""

    fleet: Fleet
    scheduler: Scheduler | None
    metadata: InstanceMetadata


async def _end(*helpers: asyncio.Future[None]) -> None:
    for helper in helpers:
        helper.cancel()
    await asyncio.gather(*helpers, return_exceptions=True)


def _nowhere() -> ConfigurationError:
    return ConfigurationError(
        Problem(
            "nobody has said where the queues are",
            helps=(
                "set `asynctask_transport` to an address: sqlite:///queues.db, redis://host:6379/0, ...",
                f"in a configuration file, by --set, or by the variable {VARIABLE}",
            ),
        )
    )


def _say(queue: str, text: str) -> None:
    log.warning("Queue %s: %s", queue, text)
