"""`PubSubDoors`: the event queue through the production adapter for Pub/Sub, on the generated client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from google.pubsub_v1.types import PublishResponse, PullResponse

from cloud_tasks.interfaces import Clock, EventSink, MessageFeed
from cloud_tasks.queues.pubsub.event_sink import PubSubEventSink
from cloud_tasks.queues.pubsub.message_feed import PubSubFeed
from cloud_tasks.queues.pubsub.names import queue_names
from cloud_tasks.queues.pubsub.publishing import Publishing
from fakes.pubsub.rpcs import Rpc, rpcs, serialise
from fakes.pubsub.service import PubSubService
from simulation.backends import Site
from simulation.backends.polls import Polls
from simulation.backends.pubsub.requests import Machine
from simulation.clocks import HostClock
from simulation.hosts import Host
from simulation.job.event_queue import EventBroker
from simulation.job.ways import OF_EVENTS

_NAMES = queue_names("project", "job-events")
Message = Any
"""A request or an answer as protobuf has it, without the wrapper."""


class PubSubDoors:
    """A sink and a feed of production for each host, and what they are answered; see `Doors`.

    Args:
        site: The world, with what lies on the way to the event queue.
        broker: The event queue.
    """

    def __init__(self, site: Site, broker: EventBroker) -> None:
        self._site = site
        self._broker = broker
        self._polls = Polls(site.loop, lambda: broker.has_visible, 0.0)
        broker.stir_by(self._polls.stir)
        # Of the service only the forms of its requests are used.
        known = rpcs(PubSubService(HostClock(site.loop)))
        self._rpcs = {f"/{rpc.service}/{rpc.name}": rpc for rpc in known}
        self._calls: Mapping[str, Callable[[str, Message], Message]] = {
            "Publish": self._publish,
            "Pull": self._pull,
            "Acknowledge": self._acknowledge,
        }

    def sink(self, host: Host) -> EventSink:
        """See `Doors`."""
        return PubSubEventSink(Publishing(self._machine(host).calls, _NAMES.topic))

    def feed(self, host: Host, clock: Clock) -> MessageFeed:
        """See `Doors`."""
        return PubSubFeed(self._machine(host).calls, _NAMES.subscription, clock)

    def _machine(self, host: Host) -> Machine:
        return Machine(self._site, host, self, self._polls, OF_EVENTS)

    # -- what stands before the service ------------------------------------------------------------------

    def rpc(self, method: str) -> Rpc:
        """See `Answering`."""
        return self._rpcs[method]

    def answer(self, worker: str, rpc: Rpc, request: Message) -> bytes:
        """See `Answering`."""
        return serialise(self._calls[rpc.name](worker, request))

    def _publish(self, worker: str, request: Message) -> Message:
        """A message that is not accepted has no id in the answer."""
        refused = set(self._broker.accept(worker, [one.data for one in request.messages]))
        ids = ["" if place in refused else str(place + 1) for place in range(len(request.messages))]
        return PublishResponse.pb()(message_ids=ids)

    def _pull(self, _: str, request: Message) -> Message:
        answer = PullResponse.pb()()
        for one in self._broker.take_now(request.max_messages):
            received = answer.received_messages.add()
            received.ack_id = one.receipt
            received.message.data = one.body
        return answer

    def _acknowledge(self, _: str, request: Message) -> None:
        self._broker.remove(list(request.ack_ids))
