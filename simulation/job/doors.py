"""How workers and monitors get to the event queue: over a link, or through a production adapter."""

from __future__ import annotations

from typing import Protocol

from msgspec import structs

from cloud_tasks.interfaces import Clock, EventSink, MessageFeed
from simulation.hosts import Host
from simulation.job.event_queue import EventBroker
from simulation.job.setting import Setting
from simulation.job.ways import OF_EVENTS, EventQueueSink, SimulatedFeed, aside
from simulation.link import Link
from simulation.weather import Weather


class Doors(Protocol):
    """The ways in and out."""

    def sink(self, host: Host) -> EventSink:
        """The event queue as a worker on this host has it."""
        ...

    def feed(self, host: Host, clock: Clock) -> MessageFeed:
        """The event queue as a monitor on this host has it."""
        ...


class LinkDoors:
    """Over links.

    Args:
        setting: What there is around.
        broker: The event queue.
        weather: What lies on the way to it.
    """

    def __init__(self, setting: Setting, broker: EventBroker, weather: Weather) -> None:
        self._setting = setting
        self._broker = broker
        self._weather = weather

    def sink(self, host: Host) -> EventSink:
        """See `Doors`."""
        return EventQueueSink(host, self._broker, self._link(host))

    def feed(self, host: Host, clock: Clock) -> MessageFeed:
        """See `Doors`."""
        return SimulatedFeed(self._broker, self._link(host))

    def _link(self, host: Host) -> Link:
        setting = self._setting
        return Link(
            setting.loop,
            host,
            setting.faults,
            aside(setting.history),
            latency=setting.plan.latency,
            weather=self._weather,
            kinds=OF_EVENTS,
        )


def open_doors(setting: Setting, broker: EventBroker, weather: Weather) -> Doors:
    """Those that fit what stands behind the queue of tasks: each adapter has a sink and a feed."""
    name, site = setting.plan.backend.name, structs.replace(setting.site, weather=weather)
    if name == "sqs":
        from simulation.job.sqs import SqsDoors

        return SqsDoors(site, broker)
    if name == "pubsub":
        from simulation.job.pubsub import PubSubDoors

        return PubSubDoors(site, broker)
    return LinkDoors(setting, broker, weather)
