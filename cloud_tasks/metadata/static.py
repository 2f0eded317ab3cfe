"""Metadata that is known beforehand: off the clouds, and to rehearse the loss of a spot instance."""

from __future__ import annotations

import asyncio
import math

from cloud_tasks.core.arguments import check_not_negative
from cloud_tasks.interfaces import Advisory, Clock, InstanceIdentity, TerminationNotice


class StaticMetadata:
    """An `InstanceMetadata` that asks nobody.

    Args:
        identity: Who we are.
        notice_after_s: Seconds from now until a termination notice for a spot instance; None: never.
        notice_in_s: Seconds from that notice until the machine goes; None where the notice is not to tell.
        clock: For the time of the notice.
    """

    def __init__(
        self,
        identity: InstanceIdentity,
        notice_after_s: float | None,
        notice_in_s: float | None,
        clock: Clock,
    ) -> None:
        for name, seconds in (("notice_after_s", notice_after_s), ("notice_in_s", notice_in_s)):
            if seconds is not None:
                check_not_negative(name, seconds)
        self._identity = identity
        self._notice_at = math.inf if notice_after_s is None else clock.monotonic() + notice_after_s
        self._notice_in_s = notice_in_s
        self._clock = clock

    async def identity(self) -> InstanceIdentity:
        """Who we are."""
        return self._identity

    async def wait_termination_notice(self) -> TerminationNotice:
        """Return when the notice comes; again at once to who asks again, with what is left of the time."""
        await self._clock.sleep_until(self._notice_at)
        if self._notice_in_s is None:
            return TerminationNotice("spot")
        late_s = self._clock.monotonic() - self._notice_at
        return TerminationNotice("spot", max(0.0, self._notice_in_s - late_s))

    async def wait_advisory(self) -> Advisory:
        """Wait for ever: there is nobody to say anything."""
        never: asyncio.Future[Advisory] = asyncio.get_running_loop().create_future()
        return await never

    async def aclose(self) -> None:
        """There is nothing to let go of."""
