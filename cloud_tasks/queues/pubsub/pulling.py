"""Taking messages from a subscription, within a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from google.pubsub_v1.types import PullRequest, PullResponse

from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.pubsub.calls import Calls, StartedCall
from cloud_tasks.queues.pubsub.failures import CallFailedError
from cloud_tasks.queues.pubsub.limits import CALL_S, PULL_MESSAGES_MAX

EMPTY_PULL_S = 1.0
"""Shortest time from one pull to the next: the service answers an empty one when it likes."""
_POLL_S_MIN = 0.1
"""A wait that is shorter than this is none: its answer would hardly be back in time."""

Received = Any
"""A `ReceivedMessage` as protobuf has it, without the wrapper."""


class Puller:
    """Pulls from one subscription, one call after the other.

    A pull that is cancelled, or that its deadline ends, may have been answered by the service at that moment.
    What it took then is leased to nobody, and comes again when the subscription's ack deadline is over:
    within 600 s at most.
    """

    def __init__(self, calls: Calls, subscription: str, clock: Clock) -> None:
        self._calls = calls
        self._subscription = subscription
        self._clock = clock
        self._closed = False
        self._under_way: dict[StartedCall[PullResponse], None] = {}

    async def pull(self, messages_max: int, wait_s: float) -> Sequence[Received]:
        """Take up to `messages_max` messages, waiting at most `wait_s` for the first; () when there was none.

        Raises:
            QueueUnavailableError: Try again later.
        """
        clock = self._clock
        until = clock.monotonic() + wait_s
        while not self._closed:
            asked_at = clock.monotonic()
            received = await self._pull_once(messages_max, until - asked_at)
            if received or self._over(until):
                return received
            await clock.sleep_until(min(until, asked_at + EMPTY_PULL_S))
        return ()

    def close(self) -> None:
        """Send those who wait home, with nothing."""
        self._closed = True
        for call in self._under_way:
            call.cancel()

    def _over(self, until: float) -> bool:
        return self._closed or self._clock.monotonic() >= until

    async def _pull_once(self, messages_max: int, wait_s: float) -> Sequence[Received]:
        waits = wait_s >= _POLL_S_MIN
        request = PullRequest.pb()(
            subscription=self._subscription,
            max_messages=min(messages_max, PULL_MESSAGES_MAX),
            return_immediately=not waits,
        )
        call = self._calls.start_pull(PullRequest.wrap(request), wait_s if waits else CALL_S)
        self._under_way[call] = None
        try:
            return PullResponse.pb(await call.answer()).received_messages  # type: ignore[no-any-return]
        except CallFailedError as error:
            if waits and error.code == "DEADLINE_EXCEEDED":
                return ()
            raise
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closed and task is not None and not task.cancelling():
                return ()
            raise
        finally:
            del self._under_way[call]
