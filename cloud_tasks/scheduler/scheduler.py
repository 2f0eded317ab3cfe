"""`Scheduler`: sends the task of each instant of each schedule."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from cloud_tasks.core.policy import Backoff
from cloud_tasks.errors import ConfigurationError, MessageRefusedError, QueueError, QueueUnavailableError
from cloud_tasks.interfaces import Clock
from cloud_tasks.scheduler.missed import ON_TIME_S, MissedPolicy, due_instants
from cloud_tasks.scheduler.posting import Post
from cloud_tasks.scheduler.schedule import Schedule, beginning_of, instant_of, key_of

LOOK_S = 10.0
"""How long nobody looks at the time of day: so late a step of it, or a sleep of the machine, is noticed."""
PAUSES = Backoff(base_s=0.5, cap_s=10.0)
"""Between two tries, when nobody answers."""
REMEMBERED_S = 86_400.0
"""How long what was sent is remembered at least, so that clocks may differ."""
FORGET_EVERY = 500
_MOMENT = timedelta(microseconds=1)


class Scheduler:
    """Fires schedules until it is cancelled; any number of them on any number of machines, for the same ones.

    Args:
        schedules: What fires.
        post: How tasks get into the queue of a schedule.
        clock: Time; instants follow its time of day.
        policy: What is done about instants that were missed.
        log: Told what happens.
    """

    def __init__(
        self,
        schedules: Sequence[Schedule],
        post: Callable[[Schedule], Post],
        clock: Clock,
        policy: MissedPolicy,
        log: logging.Logger,
    ) -> None:
        self._lines = [_Line(one, post(one), clock, policy, log) for one in schedules]

    async def check(self) -> None:
        """See that the backend can do what is needed. An outage is no mistake, and passes.

        Raises:
            ConfigurationError: It cannot; tells what is needed.
        """
        for line in self._lines[:1]:
            await line.check()

    async def run(self) -> None:
        """Fire each schedule at its instants, for ever."""
        async with asyncio.TaskGroup() as group:
            for line in self._lines:
                group.create_task(line.run())


class _Line:
    """One schedule."""

    def __init__(
        self, schedule: Schedule, post: Post, clock: Clock, policy: MissedPolicy, log: logging.Logger
    ) -> None:
        self._schedule = schedule
        self._post = post
        self._clock = clock
        self._policy = policy
        self._log = log
        self._failures = 0
        self._sent = 0
        self._after: datetime | None = None
        """Up to here everything is settled; None until the book was asked."""

    async def check(self) -> None:
        try:
            await self._post.book.newest(beginning_of(self._clock.utc_now()))
        except QueueUnavailableError as error:
            self._failed(error)

    async def run(self) -> None:
        while True:
            try:
                pause_s = await self._step()
            except (QueueError, ConfigurationError) as error:
                pause_s = self._failed(error)
            else:
                self._answered()
            await self._clock.sleep_until(self._clock.monotonic() + pause_s)

    async def _step(self) -> float:
        """Fire what is due; returns for how long there is nothing to do."""
        if self._after is None:
            self._after = await self._remembered()
        while True:
            now = self._clock.utc_now()
            # Where the time of day was set back, what fired since is in the book.
            self._after = min(self._after, now)
            due = due_instants(self._schedule.timetable, self._after, now, self._policy)
            if not due:
                self._tell_missed(now)
                self._after = now
                return self._idle_s(now)
            if not await self._fire(due[0]):
                return PAUSES.base_s
            self._tell_missed(due[0] - _MOMENT)
            self._after = due[0]

    def _tell_missed(self, until: datetime) -> None:
        """Tell what fires no more."""
        after = self._after
        if after is None or until - after <= timedelta(seconds=ON_TIME_S):
            return
        newest = self._schedule.timetable.newest_in(after, until)
        if newest is not None:
            self._log.warning(
                "Schedule %s: missed what was due after %s and up to %s",
                *(self._schedule.queue, key_of(after), key_of(newest)),
            )

    def _idle_s(self, now: datetime) -> float:
        following = self._schedule.timetable.next_after(now)
        if following is None:
            return LOOK_S
        return min(LOOK_S, (following - now).total_seconds())

    async def _fire(self, instant: datetime) -> bool:
        """Send the task of an instant; False where somebody else is about to."""
        task = self._schedule.task(instant)
        try:
            posted = await self._post.post(key_of(instant), task)
        except MessageRefusedError as error:
            self._log.error("Scheduled task %s cannot be sent: %s", task.task_id, error)
            return True
        if posted == "sent":
            self._log.debug("Scheduled task %s sent", task.task_id)
            await self._forget_old(instant)
        return posted != "theirs"

    async def _remembered(self) -> datetime:
        """The newest instant that is in the book; this moment, from now on, where there is none."""
        now = self._clock.utc_now()
        book = self._post.book
        newest = await book.newest(beginning_of(now))
        if newest is not None:
            return instant_of(newest)
        await book.settle(beginning_of(now))
        return now

    async def _forget_old(self, instant: datetime) -> None:
        """Now and then, let go of what nobody would send any more."""
        if self._sent % FORGET_EVERY == 0:
            kept_s = REMEMBERED_S + self._policy.grace_s
            await self._post.book.forget(key_of(instant - timedelta(seconds=kept_s)))
        self._sent += 1

    def _failed(self, error: Exception) -> float:
        """Count a failure, and tell the first of a row; returns the pause that follows."""
        self._failures += 1
        if self._failures == 1:
            self._log.warning("Schedule %s: trying again after: %s", self._schedule.queue, error)
        return PAUSES.pause_s(self._failures, self._schedule.queue)

    def _answered(self) -> None:
        if self._failures:
            self._log.info("Schedule %s: going on", self._schedule.queue)
        self._failures = 0
