"""The scheduler of a supervising process: schedules from its settings, sent through its transport."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from yaml.nodes import Node

from cloud_tasks.compose.transports import open_transport
from cloud_tasks.config_file.nodes import Text
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.interfaces import Clock, OnceDriver, QueueDriver
from cloud_tasks.scheduler.missed import MissedPolicy
from cloud_tasks.scheduler.posting import Post, PostByClaim, PostInOneStep
from cloud_tasks.scheduler.reading import read_schedules
from cloud_tasks.scheduler.schedule import Schedule
from cloud_tasks.scheduler.scheduler import Scheduler

STORE = "asynctask_scheduler_store"
_STORES = "sqlite:///path, postgresql://host/database, mysql://host/database or redis://host:6379/0"


def schedules_of(pieces: Iterable[tuple[Text, Node]]) -> list[Schedule]:
    """What the settings say about scheduled workers.

    Every supervising process works on the queue of each (`Schedule.queue`, `Schedule.worker`), whether it is
    one that fires them or not.

    Raises:
        ConfigurationError: Something cannot be used; with every problem and its place.
    """
    return read_schedules(pieces)


@contextlib.asynccontextmanager
async def opened_scheduler(
    schedules: Sequence[Schedule],
    driver: QueueDriver,
    *,
    store_url: str | None,
    policy: MissedPolicy,
    clock: Clock,
    log: logging.Logger,
) -> AsyncIterator[Scheduler]:
    """A scheduler that is ready to be run, as a task beside others, until it is cancelled.

    Args:
        schedules: What fires.
        driver: Where the queues are; connected, and closed by its owner.
        store_url: Address of the transport that keeps the book of what was sent; None: `driver` does.
        policy: What is done about instants that were missed.
        clock: Time.
        log: Told what happens.

    Raises:
        ConfigurationError: The transport cannot send once, and nothing else keeps the book.
        QueueUnavailableError: Nobody answers at the address of the store.
    """
    async with contextlib.AsyncExitStack() as closing:
        if store_url is None:
            post = _in_one_step(driver)
        else:
            store = open_transport(store_url, clock)
            closing.push_async_callback(store.disconnect)
            post = _by_claim(driver, store, store_url, clock)
            await store.connect()
        scheduler = Scheduler(schedules, post, clock, policy, log)
        await scheduler.check()
        yield scheduler


def _in_one_step(driver: QueueDriver) -> Callable[[Schedule], Post]:
    once = driver
    if not isinstance(once, OnceDriver):
        raise ConfigurationError(
            Problem(
                "`asynctask_transport` cannot see to it that a schedule fires once, whoever fires it",
                helps=(f"give `{STORE}` the address of a transport that can: {_STORES}",),
                notes=("databases and Redis can; RabbitMQ, SQS and Pub/Sub cannot", "nothing started"),
            )
        )
    return lambda schedule: PostInOneStep(once.once_sender(schedule.queue), once.once_book(schedule.queue))


def _by_claim(driver: QueueDriver, store: QueueDriver, url: str, clock: Clock) -> Callable[[Schedule], Post]:
    if not isinstance(store, OnceDriver) or url.strip().lower().startswith(("memory:", "localmem:")):
        raise ConfigurationError(
            Problem(
                f"`{STORE}` names a transport that cannot keep the book of schedules for several processes",
                helps=(f"one that can: {_STORES}",),
            )
        )
    return lambda schedule: PostByClaim(driver.sender(schedule.queue), store.once_book(schedule.queue), clock)
