"""Watches what the machine's provider has to say, and tells the worker."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from datetime import datetime

from cloud_tasks.core import inputs as got
from cloud_tasks.core.events import Event, MaintenanceScheduled, NonFatalException, RebalanceRecommendation
from cloud_tasks.core.policy import Backoff
from cloud_tasks.interfaces import Advisory, Clock, InstanceMetadata

IDENTITY_PATIENCE_S = 0.25
"""How long a notice may wait for the name of the machine; without one, it is told under the host name."""
_PAUSES = Backoff(base_s=1.0, cap_s=60.0)


class NoticeWatch:
    """Turns a termination notice into an input of the machine, and advisories into events.

    An `InstanceMetadata` that raises, against its contract, is asked again with growing pauses; it ends
    neither the watch nor the worker.

    Args:
        metadata: What the machine can be asked.
        clock: For pauses.
        hostname: Name of the machine where the provider's is not known in time.
        feed: Takes the notice.
        record: Takes events.
    """

    def __init__(
        self,
        metadata: InstanceMetadata,
        clock: Clock,
        hostname: str,
        feed: Callable[[got.Input], None],
        record: Callable[[Event], None],
    ) -> None:
        self._metadata = metadata
        self._clock = clock
        self._hostname = hostname
        self._feed = feed
        self._record = record

    async def run(self) -> None:
        """Watch until cancelled."""
        # The name is asked for early, so that it is known by the time that a notice comes.
        await asyncio.gather(
            self._insist(self._learn_name),
            self._insist(self._pass_notice_on),
            self._insist(self._tell_advisories),
        )

    async def _learn_name(self) -> None:
        await self._metadata.identity()

    async def _pass_notice_on(self) -> None:
        notice = await self._metadata.wait_termination_notice()
        heard_at = self._clock.monotonic()
        instance_id = await self._name_in_time()
        in_s = notice.in_s
        if in_s is not None:
            in_s = max(0.0, in_s - (self._clock.monotonic() - heard_at))
        self._feed(got.NoticeReceived(in_s, instance_id))

    async def _name_in_time(self) -> str:
        """Every second of a notice belongs to the tasks: the name must not hold it up."""
        try:
            async with asyncio.timeout(IDENTITY_PATIENCE_S):
                return (await self._metadata.identity()).instance_id
        except Exception:  # noqa: BLE001 - boundary: too late or broken, the notice comes first
            return self._hostname

    async def _tell_advisories(self) -> None:
        while True:
            advisory = await self._metadata.wait_advisory()
            identity = await self._metadata.identity()
            self._record(_event_of(advisory, identity.instance_id))

    async def _insist(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do some work, again and again while it fails."""
        failures = 0
        while True:
            try:
                return await work()
            except Exception as error:  # noqa: BLE001 - boundary: what an adapter does must not end the watch
                failures += 1
                if failures == 1:
                    self._record(_failure(error))
            pause_s = _PAUSES.pause_s(failures, self._hostname)
            await self._clock.sleep_until(self._clock.monotonic() + pause_s)


def _event_of(advisory: Advisory, instance_id: str) -> Event:
    if advisory.kind == "rebalance":
        return RebalanceRecommendation(instance_id=instance_id, noticed_at=_iso(advisory.noticed_at))
    return MaintenanceScheduled(
        instance_id=instance_id,
        code=advisory.code,
        event_id=advisory.event_id,
        state=advisory.state,
        description=advisory.description,
        not_before=_iso(advisory.not_before),
        not_after=_iso(advisory.not_after),
    )


def _iso(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()


def _failure(error: Exception) -> NonFatalException:
    return NonFatalException(
        exception=f"the machine's metadata: {type(error).__name__}: {error}",
        stack_trace=traceback.format_exc(),
    )
