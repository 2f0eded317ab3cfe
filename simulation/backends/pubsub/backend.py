"""`PubSubBackend`: the production adapter on the generated client, with our model of Pub/Sub behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from cloud_tasks.core.message import encode_task
from cloud_tasks.core.task import MalformedTask, Task
from cloud_tasks.interfaces import Clock, TaskQueue
from cloud_tasks.queues.pubsub.creating import create_task_queue
from cloud_tasks.queues.pubsub.facts import SubscriptionFacts, facts_of
from cloud_tasks.queues.pubsub.names import dead_letter_names, queue_names
from cloud_tasks.queues.pubsub.publishing import Publishing
from cloud_tasks.queues.pubsub.resources import Resources
from cloud_tasks.queues.pubsub.settings import PubSubSettings
from cloud_tasks.queues.pubsub.task_queue import PubSubQueue
from fakes.pubsub.errors import PubSubError
from fakes.pubsub.message import Content
from fakes.pubsub.rpcs import rpcs, serialise
from fakes.pubsub.service import PubSubService
from simulation.backends.backend import Site
from simulation.backends.ledger import Entry, Ledger
from simulation.backends.plans import RECEIVES_MAX
from simulation.backends.polls import Polls
from simulation.backends.pubsub.channel import Read, calls_through, refusal
from simulation.backends.pubsub.front import Front
from simulation.backends.pubsub.requests import Machine
from simulation.backends.watched import WatchedQueue, Wishes
from simulation.backends.wire import Strokes
from simulation.clocks import HostClock
from simulation.hosts import Host

PROJECT, QUEUE = "project", "jobs"
DUPLICATE_SHARE = 0.5
"""When in its lease a message is shown to others, if it is."""


class PubSubBackend:
    """A subscription; see `Backend`.

    Args:
        site: Where it stands.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        plan = site.plan
        attempts_max = plan.queue.max_receive_count or RECEIVES_MAX
        self._lease_s = plan.queue.lease_s
        self._names = queue_names(PROJECT, QUEUE)
        self._dead_names = dead_letter_names(PROJECT, QUEUE)
        self._service = PubSubService(HostClock(site.loop))
        self._polls = Polls(site.loop, lambda: bool(self._ledger.visible), lag_s=0.0)
        self._ledger = Ledger(site.loop, site.history, self._polls.stir, failures_max=attempts_max)
        self._wishes = Wishes()
        self._strokes = Strokes(site)
        settings = PubSubSettings(
            project_id=PROJECT,
            task_queue=QUEUE,
            exactly_once=plan.backend.exactly_once,
            lease_s=self._lease_s,
            delivery_attempts_max=attempts_max,
        )
        self._facts: SubscriptionFacts = site.loop.run_until_complete(self._create(settings))
        self._front = Front(
            self._service,
            self._ledger,
            self._strokes,
            self._wishes,
            strict=self._facts.exactly_once,
            lease_s=self._facts.ack_deadline_s,
            duplicate=self._plan_duplicate,
        )

    @property
    def tasks(self) -> Mapping[str, Task | MalformedTask]:
        """See `Backend`."""
        return self._ledger.tasks

    def put(self, task: Task) -> None:
        """See `Backend`."""
        self.put_raw(encode_task(task))

    def put_raw(self, body: bytes) -> None:
        """See `Backend`."""
        (published,) = self._service.publish(self._names.topic, [Content(body, {}, "", len(body))])
        self._ledger.sent(published.message_id, body)

    def queue(self, host: Host, clock: Clock) -> TaskQueue:
        """See `Backend`."""
        site = self._site
        calls = Machine(site, host, self._front, self._polls).calls
        dead_letters = Publishing(calls, self._dead_names.topic)
        queue = PubSubQueue(calls, self._facts, dead_letters, self._lease_s, clock)
        return WatchedQueue(queue, host, site.loop, site.history, self._wishes)

    def is_empty(self) -> bool:
        """See `Backend`."""
        return self._ledger.is_empty()

    def counts(self) -> Mapping[str, int]:
        """See `Backend`."""
        self._service.catch_up()
        subscriptions = self._service.directory.subscriptions
        backlog = subscriptions[self._names.subscription].backlog
        dead = subscriptions[self._dead_names.subscription].backlog.unacked()
        return {
            "visible": backlog.ready,
            "in_flight": len(backlog.unacked()) - backlog.ready,
            "delayed": 0,
            "dead": self._ledger.dead_among(one.content.data for one in dead),
        }

    def close(self) -> None:
        """See `Backend`."""

    async def _create(self, settings: PubSubSettings) -> SubscriptionFacts:
        """Have the adapter make its queues."""
        resources = Resources(calls_through(self._at_once()))
        await create_task_queue(resources, settings, self._names, self._dead_names)
        subscription = await resources.subscription(self._names.subscription)
        if subscription is None:
            raise AssertionError("the subscription that was made is not there")
        return facts_of(subscription)

    def _at_once(self) -> Any:
        """Calls without a network in between."""
        known = {f"/{rpc.service}/{rpc.name}": rpc for rpc in rpcs(self._service)}

        def start(method: str, asked: bytes, _: float, read: Read) -> asyncio.Future[Any]:
            answer: asyncio.Future[Any] = self._site.loop.create_future()
            request = known[method].request.FromString(asked)
            try:
                answer.set_result(read(serialise(known[method].answer(request))))
            except PubSubError as error:
                answer.set_exception(refusal(error, request))
            return answer

        return start

    def _plan_duplicate(self, entry: Entry) -> None:
        loop = self._site.loop
        at = loop.time() + DUPLICATE_SHARE * self._lease_s
        loop.at(loop.world, at, self._duplicate, entry.receipt)

    def _duplicate(self, receipt: str) -> None:
        entry = self._ledger.newest(receipt)
        if entry is None or entry.key in self._ledger.visible or self._strokes.quiet:
            return
        subscription = self._service.directory.subscriptions[self._names.subscription]
        self._service.give_away(subscription, [receipt])
        self._strokes.duplicate_took_effect()
        self._ledger.shown_too_early(entry)
