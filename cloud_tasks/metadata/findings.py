"""What was found out about the machine, for who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from cloud_tasks.interfaces import Advisory, Clock, TerminationNotice


class Findings:
    """One notice, and a row of advisories.

    Args:
        clock: Tells how much is left of the time of a notice.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._notice: TerminationNotice | None = None
        self._ends_at: float | None = None
        self._noticed = asyncio.Event()
        self._advisories: asyncio.Queue[Advisory] = asyncio.Queue()
        self._present: dict[str, frozenset[str]] = {}

    def note(self, kind: str, in_s: float | None) -> None:
        """There is a notice: the machine goes in `in_s`. Only the first one counts."""
        if self._notice is None:
            self._notice = TerminationNotice(kind, in_s)
            self._ends_at = None if in_s is None else self._clock.monotonic() + in_s
            self._noticed.set()

    def advise(self, source: str, present: Mapping[str, Advisory]) -> None:
        """A source says just this now; what it did not say the last time is told.

        Args:
            source: Who says it.
            present: What it says, under keys that are new when there is something new.
        """
        before = self._present.get(source, frozenset())
        for key, advisory in present.items():
            if key not in before:
                self._advisories.put_nowait(advisory)
        self._present[source] = frozenset(present)

    async def wait_notice(self) -> TerminationNotice:
        """Wait for the notice; it tells what is left of the time."""
        await self._noticed.wait()
        kind = self._notice.kind if self._notice is not None else ""
        if self._ends_at is None:
            return TerminationNotice(kind)
        return TerminationNotice(kind, max(0.0, self._ends_at - self._clock.monotonic()))

    async def wait_advisory(self) -> Advisory:
        """Wait for the next advisory that was not told yet."""
        return await self._advisories.get()
