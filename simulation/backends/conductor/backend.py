"""`ConductorBackend`: the production adapter for Conductor, and the model of its server in this process."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Literal

from cloud_tasks.core.message import decode_task, encode_task
from cloud_tasks.core.task import MalformedTask, Task
from cloud_tasks.interfaces import Clock, TaskQueue
from cloud_tasks.queues.conductor import ConductorSettings, PlainForm, Watcher
from cloud_tasks.queues.conductor.forms import ServerTask
from cloud_tasks.queues.conductor.task_queue import ConductorQueue
from fakes.conductor import ConductorService
from simulation.backends.backend import Site
from simulation.backends.conductor.disks import Disks, inline
from simulation.backends.conductor.front import Front
from simulation.backends.conductor.register import Register
from simulation.backends.conductor.wired import WiredCarrier
from simulation.backends.watched import WatchedQueue, Wishes
from simulation.clocks import HostClock
from simulation.hosts import Host
from simulation.shares import share_of

logging.getLogger("cloud_tasks.conductor").addHandler(logging.NullHandler())
"""What it says of outages is for the operators of a real server."""
TYPE = "jobs"
RETRIES_MAX = 1_000_000
"""Where the plan has no bound on attempts."""
RETRY_DELAY_S_MAX = 10
POLLING_INTERVAL_S = 20.0
"""Long, because every poll takes its time here; that it makes no difference is for other tests to say."""
_LAYOUTS: tuple[Literal["swift", "oss"] | None, ...] = ("swift", "oss", None)


class BodyForm(PlainForm):
    """Tasks whose input holds a message of ours."""

    def task_of(self, told: ServerTask) -> Task | MalformedTask:
        """What was put in; see `Form`."""
        data = told["inputData"]
        if not isinstance(data, dict):
            raise AssertionError("the server has made something else of the input")  # noqa: TRY004 - its fault
        return decode_task(str(data["body"]).encode())


class ConductorBackend:
    """One type of task of a Conductor server, a workflow for each; see `Backend`.

    Args:
        site: Where it stands.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        plan = site.plan
        lease_s = plan.queue.lease_s
        self._register = Register(site, lease_s)
        self._service = ConductorService(HostClock(site.loop), seed=plan.seed, observe=self._register.observe)
        attempts = plan.worker.max_attempts
        self._service.define_task(
            TYPE,
            response_timeout_seconds=int(lease_s),
            retry_count=RETRIES_MAX if attempts is None else attempts - 1,
            retry_delay_seconds=int(share_of(plan.seed, "retry delay") * (RETRY_DELAY_S_MAX + 1)),
        )
        self._layout = _LAYOUTS[int(share_of(plan.seed, "layout") * len(_LAYOUTS))]
        self._front = Front(site, self._service, self._register, TYPE)
        self._disks = Disks(site, self._register.receipt_of)

    @property
    def tasks(self) -> Mapping[str, Task | MalformedTask]:
        """See `Backend`."""
        return self._register.tasks

    def put(self, task: Task) -> None:
        """See `Backend`."""
        self.put_raw(encode_task(task))

    def put_raw(self, body: bytes) -> None:
        """See `Backend`."""
        self._register.coming = decode_task(body)
        self._service.start_task(TYPE, {"body": body.decode()})
        self._front.catch_up()

    def queue(self, host: Host, clock: Clock) -> TaskQueue:
        """See `Backend`."""
        site = self._site
        settings = ConductorSettings(
            task_types=(TYPE,),
            worker_id=host.name,
            polling_interval_s=POLLING_INTERVAL_S,
            layout=self._layout,
        )
        queue = ConductorQueue(
            settings,
            clock,
            WiredCarrier(site, host, self._service, self._front),
            form=BodyForm(),
            watcher=Watcher(),
            paused=lambda: False,
            results=self._disks.results(host),
            aside=inline,
        )
        return WatchedQueue(queue, host, site.loop, site.history, Wishes())

    def is_empty(self) -> bool:
        """See `Backend`."""
        return not self._register.live

    def counts(self) -> Mapping[str, int]:
        """See `Backend`."""
        ended = [one.status for one in self._service.workflows()]
        return {**self._service.counts(TYPE), "dead": sum(one in ("FAILED", "TIMED_OUT") for one in ended)}

    def close(self) -> None:
        """See `Backend`."""
        self._service.close()
