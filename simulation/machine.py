"""`SimulatedMetadata`: what the machine of one worker can be asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cloud_tasks.interfaces import Advisory, InstanceIdentity, TerminationNotice
from simulation.hosts import Host
from simulation.loop import SimulationLoop


class SimulatedMetadata:
    """An `InstanceMetadata` whose notice comes from the world.

    Args:
        loop: Time.
        host: The worker.
        heard: Told the name of the worker and how much time is left, when the worker takes the notice in.
    """

    def __init__(self, loop: SimulationLoop, host: Host, heard: Callable[[str, float], None]) -> None:
        self._loop = loop
        self._host = host
        self._heard = heard
        self._notice: asyncio.Future[float] = loop.create_future()

    def give_notice(self, gone_at: float) -> None:
        """The machine goes at that moment of true time."""
        if not self._notice.done():
            self._notice.set_result(gone_at)

    async def identity(self) -> InstanceIdentity:
        """A machine of the name of its worker."""
        return InstanceIdentity("AWS", self._host.name)

    async def wait_termination_notice(self) -> TerminationNotice:
        """Wait for it."""
        gone_at = await asyncio.shield(self._notice)
        in_s = max(0.0, gone_at - self._loop.now)
        self._heard(self._host.name, in_s)
        return TerminationNotice("spot", in_s)

    async def wait_advisory(self) -> Advisory:
        """None ever comes."""
        return await self._loop.create_future()  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        """There is nothing to let go of."""
