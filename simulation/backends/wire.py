"""`Wire`: how a request of a client library fares on its way to a service and back."""

from __future__ import annotations

import enum
import itertools

from msgspec import Struct

from simulation.backends.backend import Site
from simulation.backends.ledger import Entry
from simulation.faults import FaultClass
from simulation.hosts import Host
from simulation.link import SLOW_S_MAX
from simulation.link_calls import OF_TASKS, LinkFaults
from simulation.shares import share_of
from simulation.weather import REFUSED_SHARE


class Trouble(enum.Enum):
    """Why a request has no effect."""

    NONE = "none"
    THROTTLED = "throttled"
    LOST = "lost"
    NO_WAY = "no way"


class Fate(Struct, frozen=True):
    """What becomes of a request.

    Attributes:
        there_s: How long it takes to reach the service.
        back_s: How long the answer takes.
        trouble: Why it has no effect.
        reply_lost: Whether its answer is lost.
    """

    there_s: float
    back_s: float
    trouble: Trouble = Trouble.NONE
    reply_lost: bool = False


class Wire:
    """The way from one worker to its service. Faults strike requests, and what they hold one by one.

    Args:
        site: Where the service stands.
        host: The worker.
        kinds: Which classes of faults strike on it.
    """

    def __init__(self, site: Site, host: Host, kinds: LinkFaults = OF_TASKS) -> None:
        self._site = site
        self._host = host
        self._kinds = kinds
        self._numbers = itertools.count(1)

    def fate(self, operation: str) -> Fate:
        """What becomes of the next request."""
        site, host, number = self._site, self._host, next(self._numbers)
        faults, weather, kinds = site.faults, site.weather, self._kinds
        latency_s = site.plan.latency.at(share_of(faults.seed, host.number, number))
        if faults.idle and weather.is_fair:
            return Fate(latency_s / 2, latency_s / 2)
        now, whom = site.loop.now, f"{operation} of {host.name}"
        faults.occasions[whom] += 1
        which = faults.occasions[whom]
        slow = faults.strikes(kinds.slow, whom, which, lambda share: 1 + SLOW_S_MAX * share)
        if slow is not None:
            faults.had_effect(kinds.slow)
            latency_s += slow.size
        trouble = self._trouble(whom, which, now)
        if trouble is not Trouble.NONE:
            return Fate(latency_s / 2, latency_s / 2, trouble)
        reply_lost = faults.strikes(kinds.reply_lost, whom, which) is not None
        held_s = weather.clogged_until.get(host.name, 0.0) - now
        if held_s > 0:
            faults.had_effect(FaultClass.CLOG)
        return Fate(latency_s / 2 + max(held_s, 0.0), latency_s / 2, reply_lost=reply_lost)

    def _trouble(self, whom: str, which: int, now: float) -> Trouble:
        faults, weather, kinds = self._site.faults, self._site.weather, self._kinds
        if faults.strikes(kinds.throttled, whom, which) is not None:
            faults.had_effect(kinds.throttled)
            return Trouble.THROTTLED
        if weather.refusing_until > now and share_of(faults.seed, "refused", whom, which) < REFUSED_SHARE:
            faults.had_effect(FaultClass.THROTTLE_BURST)
            return Trouble.THROTTLED
        if faults.strikes(kinds.request_lost, whom, which) is not None:
            faults.had_effect(kinds.request_lost)
            return Trouble.LOST
        if weather.no_way_until(self._host.name) > now:
            faults.had_effect(kinds.outage if weather.outage_until > now else FaultClass.PARTITION)
            return Trouble.NO_WAY
        return Trouble.NONE

    def loses_reply(self, fate: Fate) -> bool:
        """Whether the answer that sets out now does not arrive."""
        faults = self._site.faults
        if fate.reply_lost:
            faults.had_effect(self._kinds.reply_lost)
            return True
        deaf = self._site.weather.deaf_until.get(self._host.name, 0.0) > self._site.loop.now
        if deaf:
            faults.had_effect(FaultClass.ONE_WAY)
        return deaf


class Strokes:
    """Faults that strike single messages in a request, and what a service does to messages by itself.

    Args:
        site: Where the service stands.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_entry(self, operation: str, task_id: str) -> FaultClass | None:
        """Why an entry of a batch is told as failed: before its effect, or after it; None: it is not."""
        faults = self._site.faults
        if faults.idle:
            return None
        whom = f"{operation} of {task_id}"
        faults.occasions[whom] += 1
        for kind in (FaultClass.REQUEST_LOST, FaultClass.REPLY_LOST):
            if faults.strikes(kind, whom, faults.occasions[whom]) is not None:
                faults.had_effect(kind)
                return kind
        return None

    def withholds(self, worker: str, visible: int) -> bool:
        """Whether a receive brings nothing although there is something."""
        faults = self._site.faults
        if faults.idle:
            return False
        whom = f"receive by {worker}"
        faults.occasions[whom] += 1
        struck = faults.strikes(FaultClass.EMPTY_RECEIVE, whom, faults.occasions[whom]) is not None
        if struck and visible:
            faults.had_effect(FaultClass.EMPTY_RECEIVE)
        return struck

    def forgets(self, entry: Entry) -> bool:
        """Whether the ack of a delivery is confirmed without being carried out."""
        faults = self._site.faults
        if faults.strikes(FaultClass.ACK_FORGOTTEN, entry.task_id, entry.deliveries) is None:
            return False
        faults.had_effect(FaultClass.ACK_FORGOTTEN)
        entry.forgotten = True
        return True

    def duplicates(self, entry: Entry) -> bool:
        """Whether a message is shown to others during the lease of this delivery."""
        return self._site.faults.strikes(FaultClass.DUPLICATE, entry.task_id, entry.deliveries) is not None

    def duplicate_took_effect(self) -> None:
        """It was."""
        self._site.faults.had_effect(FaultClass.DUPLICATE)

    @property
    def quiet(self) -> bool:
        """Whether the faults have stopped."""
        return self._site.faults.quiet
