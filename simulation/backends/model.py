"""The model of a queue as it is, with a link to it: no adapter, and no client."""

from __future__ import annotations

from collections.abc import Mapping

from cloud_tasks.interfaces import Clock, TaskQueue
from simulation.backends.backend import Site
from simulation.broker import Broker
from simulation.hosts import Host
from simulation.link import Link
from simulation.queue import SimulatedQueue


class ModelBackend(Broker):
    """The broker itself; see `Backend`.

    Args:
        site: Where it stands.
    """

    def __init__(self, site: Site) -> None:
        super().__init__(site.loop, site.plan.queue, site.faults, site.history)
        self._site = site

    def queue(self, host: Host, clock: Clock) -> TaskQueue:
        """See `Backend`."""
        site = self._site
        link = Link(
            site.loop, host, site.faults, site.history, latency=site.plan.latency, weather=site.weather
        )
        return SimulatedQueue(host, self, link, gathers_acks=site.plan.backend.gathers_acks)

    def is_empty(self) -> bool:
        """See `Backend`."""
        counts = self.counts()
        return not (counts["visible"] or counts["in_flight"] or counts["delayed"])

    def counts(self) -> Mapping[str, int]:
        """See `Backend`."""
        return self.store.counts(self._site.loop.now)

    def close(self) -> None:
        """See `Backend`."""
