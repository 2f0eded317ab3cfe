"""`SqsBackend`: the production adapter for SQS on boto3, and a service in this process."""

from __future__ import annotations

from collections.abc import Mapping

from cloud_tasks.core.message import encode_task
from cloud_tasks.core.task import MalformedTask, Task
from cloud_tasks.interfaces import Clock, TaskQueue
from cloud_tasks.queues.sqs.calls import Calls
from cloud_tasks.queues.sqs.names import full_name
from cloud_tasks.queues.sqs.settings import SqsSettings
from cloud_tasks.queues.sqs.task_queue import QueueFacts, SqsQueue
from simulation.backends.backend import Site
from simulation.backends.ledger import Entry, Ledger
from simulation.backends.plans import RECEIVES_MAX
from simulation.backends.polls import Polls
from simulation.backends.sqs.front import Front
from simulation.backends.sqs.inline import Machine
from simulation.backends.sqs.owner import Owner
from simulation.backends.sqs.servers import FakesServer, MotoServer, Server
from simulation.backends.watched import WatchedQueue, Wishes
from simulation.backends.wire import Strokes
from simulation.clocks import HostClock
from simulation.hosts import Host

NAME = "jobs"
DUPLICATE_SHARE = 0.5
"""When in its lease a message is shown to others, if it is."""


class SqsBackend:
    """A queue at SQS; see `Backend`.

    Args:
        site: Where it stands.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        plan = site.plan
        self._lease_s = plan.queue.lease_s
        self._strict = plan.backend.exactly_once
        clock = HostClock(site.loop)
        self._server: Server = (
            MotoServer(clock, plan.seed) if plan.backend.server == "moto" else FakesServer(clock)
        )
        self._polls = Polls(site.loop, lambda: bool(self._ledger.visible), self._server.lag_s)
        self._ledger = Ledger(site.loop, site.history, self._polls.stir)
        self._wishes = Wishes()
        self._strokes = Strokes(site)
        self._sent = 0
        settings = SqsSettings(
            task_queue=NAME,
            exactly_once=self._strict,
            lease_s=self._lease_s,
            receives_max=plan.queue.max_receive_count or RECEIVES_MAX,
        )
        self._owner = Owner(self._server, settings)
        self._facts: QueueFacts = site.loop.run_until_complete(self._create())
        self._dead_url = self._facts.dead_letter_url or ""
        self._front = Front(
            self._server,
            self._ledger,
            self._strokes,
            self._wishes,
            seed=plan.seed,
            strict=self._strict,
            receives_max=settings.receives_max,
            duplicate=self._plan_duplicate,
            count_dead=lambda: self._owner.counts(self._dead_url)["visible"],
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
        self._sent += 1
        key = self._owner.send_message(self._facts.url, body, self._sent, fifo=self._strict)
        self._ledger.sent(key, body)

    def queue(self, host: Host, clock: Clock) -> TaskQueue:
        """See `Backend`."""
        site = self._site
        machine = Machine(site, host, self._front, self._polls)
        queue = SqsQueue(Calls(machine.client, machine.blocking), self._facts, self._lease_s, clock)
        return WatchedQueue(queue, host, site.loop, site.history, self._wishes)

    def is_empty(self) -> bool:
        """See `Backend`."""
        return self._ledger.is_empty()

    def counts(self) -> Mapping[str, int]:
        """See `Backend`."""
        dead = self._ledger.dead_among(self._owner.bodies(self._dead_url))
        return {**self._owner.counts(self._facts.url), "dead": dead}

    def close(self) -> None:
        """See `Backend`."""
        self._server.close()

    async def _create(self) -> QueueFacts:
        """Have the adapter make its queues."""
        queues = self._owner.queues
        await queues.create("tasks")
        url = await queues.find(full_name(NAME, fifo=self._strict))
        if url is None:
            raise AssertionError("the queue that was made is not there")
        attributes = await queues.attributes(url)
        return QueueFacts(
            url=url, fifo=attributes.fifo, dead_letter_url=await queues.dead_letter_url(attributes)
        )

    def _plan_duplicate(self, entry: Entry) -> None:
        loop = self._site.loop
        at = loop.time() + DUPLICATE_SHARE * self._lease_s
        loop.at(loop.world, at, self._duplicate, entry.receipt)

    def _duplicate(self, receipt: str) -> None:
        entry = self._ledger.newest(receipt)
        if entry is None or entry in self._ledger.visible.values() or self._strokes.quiet:
            return
        self._owner.show(self._facts.url, receipt)
        self._strokes.duplicate_took_effect()
        self._ledger.shown_too_early(entry)
