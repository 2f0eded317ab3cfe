"""Receives of one queue, which SQS does not let anybody take back.

A poll whose caller gives up goes on in its thread. The next receive waits for it, and makes none of its own:
what it brings has been delivered once, and is run. Where nobody asks again, what it brings is handed back,
which SQS counts as a delivery; for the worker that did it, it is no attempt.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from cloud_tasks.core.task import Lease
from cloud_tasks.errors import QueueError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.sqs.calls import Answer, Calls
from cloud_tasks.queues.sqs.leases import lease_of
from cloud_tasks.queues.sqs.limits import BATCH_MAX

CLOSE_S = 4.0
"""How long `aclose` waits for polls that were given up, to hand back what they bring."""
REMEMBERED_MAX = 10_000
"""Of so many messages is remembered that they were handed back unseen."""


class Poll(Struct, frozen=True, eq=False):
    """A receive that is under way.

    Attributes:
        answer: What comes of it.
        issued_at: When it was issued; a lease that it brings is no older.
    """

    answer: asyncio.Future[Answer]
    issued_at: float


class Polls:
    """Receives from a queue.

    Args:
        calls: The connection.
        url: The queue's address.
        lease_s: Visibility timeout of what is received, in seconds.
        hand_back: Makes a message visible again, by its receipt.
        clock: Time.
    """

    def __init__(
        self, calls: Calls, url: str, lease_s: int, hand_back: Callable[[str], object], clock: Clock
    ) -> None:
        self._calls = calls
        self._url = url
        self._lease_s = lease_s
        self._make_visible = hand_back
        self._clock = clock
        self._closing = False
        self._waiters: dict[asyncio.Future[None], None] = {}
        self._given_up: Poll | None = None
        self._late: dict[asyncio.Future[Answer], None] = {}
        self._handed_back: dict[str, int] = {}

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        """Lease up to `tasks_max` tasks; a call that is cancelled is gone on with by the next.

        Raises:
            CallFailedError: It was refused, or nobody answered.
        """
        if self._closing:
            return []
        poll, self._given_up = self._given_up, None
        if poll is not None:
            return await self._answer_of(poll, tasks_max, wait_s)
        leases = await self._answer_of(self._begin(tasks_max, int(wait_s)), tasks_max)
        if leases or not 0 < wait_s < 1:
            return leases
        # SQS waits for whole seconds only.
        await self._until_closed(self._after(wait_s))
        return await self.receive(tasks_max, 0.0)

    async def aclose(self) -> None:
        """Send everybody home, and wait a little for what was given up, to hand back what it brings."""
        self._closing = True
        for waiter in self._waiters:
            _release(waiter)
        await asyncio.sleep(0)  # they give up their polls
        poll, self._given_up = self._given_up, None
        if poll is not None:
            self._hand_back_later(poll)
        if self._late:
            await self._wait_for_late_polls()
        for answer in list(self._late):
            answer.cancel()

    def _begin(self, tasks_max: int, wait_s: int) -> Poll:
        call = self._calls.poll(
            QueueUrl=self._url,
            MaxNumberOfMessages=min(tasks_max, BATCH_MAX),
            WaitTimeSeconds=wait_s,
            VisibilityTimeout=self._lease_s,
            AttributeNames=["ApproximateReceiveCount"],
        )
        return Poll(asyncio.ensure_future(call), self._clock.monotonic())

    async def _answer_of(self, poll: Poll, tasks_max: int, limit_s: float | None = None) -> list[Lease]:
        """What it brings, within a time limit if it is a poll that was issued with another."""
        since = poll.issued_at if limit_s is None else self._clock.monotonic()
        try:
            if limit_s is None:
                await self._until_closed(poll.answer)
            elif limit_s > 0:
                await self._until_closed(poll.answer, self._after(limit_s))
        except asyncio.CancelledError:
            # Its answer may be there already, and whoever gives up has not seen it.
            self._give_up(poll)
            raise
        if not poll.answer.done():
            self._give_up(poll)
            return []
        return self._leases(poll.answer.result().get("Messages", ()), tasks_max, poll, since)

    def _leases(
        self, messages: Sequence[Mapping[str, Any]], tasks_max: int, poll: Poll, since: float
    ) -> list[Lease]:
        """Leases of messages, as long as they last from when they were asked for."""
        left_s = self._lease_s - (since - poll.issued_at)
        count = tasks_max if left_s > 0 else 0
        for message in messages[count:]:
            self._hand_back(message)
        return [
            lease_of(one, left_s, poll.issued_at, self._handed_back.get(one["MessageId"], 0))
            for one in messages[:count]
        ]

    def _after(self, seconds: float) -> asyncio.Future[None]:
        return asyncio.ensure_future(self._clock.sleep_until(self._clock.monotonic() + seconds))

    async def _until_closed(
        self, work: asyncio.Future[Any], timer: asyncio.Future[None] | None = None
    ) -> None:
        """Wait until the work is done, the time is over, or `aclose` sends everybody home."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._closing:
            waiter.set_result(None)
        self._waiters[waiter] = None
        work.add_done_callback(lambda _: _release(waiter))
        if timer is not None:
            timer.add_done_callback(lambda _: _release(waiter))
        try:
            await waiter
        finally:
            del self._waiters[waiter]
            if timer is not None:
                timer.cancel()

    # -- what was given up -------------------------------------------------------------------------------

    def _give_up(self, poll: Poll) -> None:
        if self._closing or self._given_up is not None:
            self._hand_back_later(poll)
            return
        self._given_up = poll
        poll.answer.add_done_callback(lambda _: self._over(poll))

    def _over(self, poll: Poll) -> None:
        """It has an answer, and nobody has asked again."""
        if self._given_up is poll:
            self._given_up = None
            self._hand_back_all(poll.answer)

    def _hand_back_later(self, poll: Poll) -> None:
        self._late[poll.answer] = None
        poll.answer.add_done_callback(self._hand_back_all)

    def _hand_back_all(self, answer: asyncio.Future[Answer]) -> None:
        self._late.pop(answer, None)
        with contextlib.suppress(QueueError, asyncio.CancelledError):
            for message in answer.result().get("Messages", ()):
                self._hand_back(message)

    def _hand_back(self, message: Mapping[str, Any]) -> None:
        key = message["MessageId"]
        self._handed_back[key] = self._handed_back.pop(key, 0) + 1
        if len(self._handed_back) > REMEMBERED_MAX:
            del self._handed_back[next(iter(self._handed_back))]
        self._make_visible(message["ReceiptHandle"])

    async def _wait_for_late_polls(self) -> None:
        enough: asyncio.Future[Any] = self._after(CLOSE_S)
        while self._late and not enough.done():
            await asyncio.wait({enough, *self._late}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)  # what has come takes itself off the list
        enough.cancel()


def _release(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
