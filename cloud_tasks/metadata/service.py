"""What the adapters of the metadata services have in common."""

from __future__ import annotations

import abc
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, TypeAlias

from cloud_tasks.core.policy import Backoff
from cloud_tasks.interfaces import Advisory, Clock, InstanceIdentity, TerminationNotice
from cloud_tasks.metadata.findings import Findings
from cloud_tasks.metadata.http import MetadataHttp

ABSENT = Backoff(base_s=1.0, cap_s=60.0)
"""Pauses while nobody has ever answered: most likely there is nobody."""
OUTAGE = Backoff(base_s=0.5, cap_s=5.0)
"""Pauses after a failure of a service that did answer before: a notice may come at any moment."""

Look: TypeAlias = Callable[[], Awaitable[float]]
"""Looks once; returns the seconds to wait before the next look. Any exception is a failure of the service."""


class MetadataService(abc.ABC):
    """An `InstanceMetadata` that asks a service, from the first wait until `aclose`.

    An adapter says what to look at, how often, and what the machine is called.

    Args:
        http: The connections; closed with this.
        clock: Time.
        hostname: What the machine is called while the service does not say.
    """

    provider: ClassVar[str]

    def __init__(self, http: MetadataHttp, clock: Clock, hostname: str) -> None:
        self._http = http
        self._clock = clock
        self._findings = Findings(clock)
        self._hostname = hostname
        self._name: str | None = None
        self._name_failures = 0
        self._ask_name_at = float("-inf")
        self._asking_name = asyncio.Lock()
        self._watches: list[asyncio.Task[None]] = []
        self._reached = False

    @abc.abstractmethod
    async def _ask_name(self) -> str:
        """Ask the service what the machine is called; any exception is a failure of the service."""

    @abc.abstractmethod
    def _looks(self) -> Sequence[Look]:
        """What to look at; each is looked at beside the others."""

    async def identity(self) -> InstanceIdentity:
        """Who we are; the host name while the service does not say. Asks at most once in a while."""
        return InstanceIdentity(self.provider, await self._known_name() or self._hostname)

    async def wait_termination_notice(self) -> TerminationNotice:
        """See `InstanceMetadata`."""
        self._watch()
        return await self._findings.wait_notice()

    async def wait_advisory(self) -> Advisory:
        """See `InstanceMetadata`."""
        self._watch()
        return await self._findings.wait_advisory()

    async def aclose(self) -> None:
        """Stop watching and let go of the connections."""
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        await self._http.aclose()

    async def _known_name(self) -> str | None:
        """The name of the machine, asked for if need be; None while the service does not say."""
        async with self._asking_name:
            if self._name is None and self._clock.monotonic() >= self._ask_name_at:
                try:
                    self._name = await self._ask_name()
                except Exception:  # noqa: BLE001 - boundary: whatever a service answers, the host name will do
                    self._name_failures += 1
                    pause_s = self._pause_s(self._name_failures, "name")
                    self._ask_name_at = self._clock.monotonic() + pause_s
            return self._name

    def _watch(self) -> None:
        if not self._watches:
            loop = asyncio.get_running_loop()
            self._watches = [loop.create_task(self._look_again_and_again(look)) for look in self._looks()]

    async def _look_again_and_again(self, look: Look) -> None:
        failures = 0
        while True:
            try:
                pause_s = await look()
            except Exception:  # noqa: BLE001 - boundary: whatever a service answers, the watch goes on
                failures += 1
                pause_s = self._pause_s(failures, getattr(look, "__name__", ""))
            else:
                failures = 0
                self._reached = True
            await self._clock.sleep_until(self._clock.monotonic() + pause_s)

    def _pause_s(self, failures: int, what: str) -> float:
        return (OUTAGE if self._reached else ABSENT).pause_s(failures, f"{self._hostname}:{what}")
