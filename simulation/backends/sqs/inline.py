"""Calls of boto3 without threads: each is made inline, at the moment at which it has its effect.

A call that waits, for a message or before it tries again, is made once more when the wait is over: what
happened to the attempts before is played to it, so that the library comes to where it was.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import Any, NoReturn, Protocol

from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from cloud_tasks.queues.sqs.calls import Answer as Said
from cloud_tasks.queues.sqs.connection import READ_S
from cloud_tasks.queues.sqs.limits import WAIT_S_MAX
from simulation.backends.backend import Site
from simulation.backends.polls import Polls
from simulation.backends.sqs.client import make_client
from simulation.backends.sqs.exchange import Answer, Request, request_of, response_of
from simulation.backends.wire import Fate, Trouble, Wire
from simulation.hosts import Host
from simulation.link_calls import OF_TASKS, LinkFaults
from simulation.shares import share_of


class Answering(Protocol):
    """What stands before a service."""

    def answer(self, worker: str, request: Request) -> Answer:
        """What a worker is answered."""
        ...

    def refuse(self) -> Answer:
        """One call too many."""
        ...


class Paused(BaseException):
    """The library wants to wait before it tries again.

    Args:
        seconds: How long.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Machine:
    """One worker's client, and the way from it to the service.

    Args:
        site: Where the service stands.
        host: The worker.
        front: What answers.
        polls: Where polls wait for messages.
        kinds: Which classes of faults strike on the way.
    """

    def __init__(
        self, site: Site, host: Host, front: Answering, polls: Polls, kinds: LinkFaults = OF_TASKS
    ) -> None:
        self.site = site
        self.host = host
        self.front = front
        self.polls = polls
        self.wire = Wire(site, host, kinds)
        self.client: BaseClient = make_client(self)
        self._call: Call | None = None
        self._shares = 0

    def blocking(self, name: str, count_max: int) -> InlineCalls:
        """A way of making calls; takes the place of threads."""
        return InlineCalls(self, count_max)

    def make(self, call: Call) -> Said:
        """Make a call; raises what it raises, and `Paused`."""
        self._call = call
        try:
            return call.function()
        finally:
            self._call = None

    # -- what the client stands on -----------------------------------------------------------------------

    @property
    def call(self) -> Call:
        """The one that is being made."""
        if self._call is None:
            raise AssertionError("boto3 sends something that nobody asked for")
        return self._call

    def send(self, request: Any) -> AWSResponse:
        """See `Underneath`."""
        return self.call.send(request_of(request))

    def has_retried(self, attempt: int) -> bool:
        """See `Underneath`."""
        return attempt < self.call.attempt

    def pause(self, seconds: float) -> NoReturn:
        """See `Underneath`."""
        raise Paused(seconds)

    def linger(self, seconds: float) -> None:
        """See `Underneath`."""
        self.call.back_s += seconds

    def share(self) -> float:
        """See `Underneath`."""
        self._shares += 1
        return share_of(self.site.faults.seed, "pause", self.host.number, self._shares)


class InlineCalls:
    """Makes so many calls at a time; the others wait, as they would for a thread.

    Args:
        machine: Where they are made.
        count_max: How many are under way at most.
    """

    def __init__(self, machine: Machine, count_max: int) -> None:
        self._machine = machine
        self._count_max = count_max
        self._under_way = 0
        self._waiting: deque[Call] = deque()

    def submit(self, function: partial[Said]) -> asyncio.Future[Said]:
        """See `Blocking`."""
        answer: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        self._waiting.append(Call(self._machine, function, partial(self._over, answer)))
        self._begin_more()
        return answer

    def close(self) -> None:
        """There is nothing to let go of."""

    def _begin_more(self) -> None:
        while self._waiting and self._under_way < self._count_max:
            self._under_way += 1
            self._waiting.popleft().begin()

    def _over(self, answer: asyncio.Future[Said], value: Said | None, error: Exception | None) -> None:
        self._under_way -= 1
        self._begin_more()
        if answer.done():
            return
        if error is None:
            answer.set_result(value or {})
        else:
            answer.set_exception(error)


class Call:
    """One call, from its first attempt to its end.

    Args:
        machine: Where it is made.
        function: The client's method, with its arguments.
        over: Takes what it comes to, on the worker's host.

    Attributes:
        function: As given.
        attempt: Which attempt is under way, from 1.
        back_s: How long it takes until the library knows what came of it.
    """

    def __init__(self, machine: Machine, function: partial[Said], over: partial[None]) -> None:
        self.function = function
        self.attempt = 0
        self.back_s = 0.0
        self._machine = machine
        self._over = over
        self._before: list[Answer | Exception] = []
        self._sent = 0
        self._fate: Fate
        self._arrives_at = self._gives_up_at = 0.0

    def begin(self) -> None:
        """Make the next attempt."""
        loop = self._machine.site.loop
        now = loop.time()
        self.attempt += 1
        fate = self._fate = self._machine.wire.fate(self.function.func.__name__)
        self._arrives_at = now + fate.there_s
        self._gives_up_at = now + READ_S
        if fate.trouble is not Trouble.NONE or self._arrives_at >= self._gives_up_at:
            loop.at(loop.world, min(self._arrives_at, self._gives_up_at), self.make)
        else:
            loop.at(loop.world, self._arrives_at, self._arrive)

    def _arrive(self) -> None:
        """Wait for a message, if that is what it is for."""
        wait_s = min(self.function.keywords.get("WaitTimeSeconds", 0), WAIT_S_MAX)
        if not wait_s or not self._machine.polls.wait(
            self, min(self._arrives_at + wait_s, self._gives_up_at)
        ):
            self.make()

    def make(self) -> None:
        """Have its effect, and let the library see to the rest."""
        machine, loop = self._machine, self._machine.site.loop
        self._sent, self.back_s = 0, self._fate.back_s
        value, error = None, None
        try:
            value = machine.make(self)
        except Paused as paused:
            loop.at(machine.host, loop.time() + self.back_s + paused.seconds, self.begin)
            return
        except Exception as failure:  # noqa: BLE001 - boundary: raised again where it is awaited
            error = failure
        loop.at(machine.host, loop.time() + self.back_s, self._over, value, error)

    def send(self, request: Request) -> AWSResponse:
        """What comes back for an attempt."""
        if self._sent == len(self._before):
            self._before.append(self._exchange(request))
        came = self._before[self._sent]
        self._sent += 1
        if isinstance(came, Exception):
            raise came
        return response_of(request, came)

    def _exchange(self, request: Request) -> Answer | Exception:
        """What becomes of an attempt: an answer, or how the connection fails."""
        machine, fate, url = self._machine, self._fate, request.url
        now = machine.site.loop.time()
        if fate.trouble is Trouble.THROTTLED:
            return machine.front.refuse()
        if fate.trouble is not Trouble.NONE:
            lost = fate.trouble is Trouble.LOST
            return (
                ConnectionClosedError(endpoint_url=url) if lost else EndpointConnectionError(endpoint_url=url)
            )
        if now >= self._gives_up_at:
            self.back_s = 0.0
            self._leave_behind(request)
            return ReadTimeoutError(endpoint_url=url)
        answer = machine.front.answer(machine.host.name, request)
        if machine.wire.loses_reply(fate):
            return ConnectionClosedError(endpoint_url=url)
        left_s = self._gives_up_at - now
        if fate.back_s < left_s:
            return answer
        self.back_s = left_s
        return ReadTimeoutError(endpoint_url=url)

    def _leave_behind(self, request: Request) -> None:
        """The request arrives all the same, and nobody is there for its answer."""
        machine, loop = self._machine, self._machine.site.loop
        loop.at(loop.world, self._arrives_at, machine.front.answer, machine.host.name, request)
