"""Calls of gRPC in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from cloud_tasks.queues.pubsub.calls import Calls
from fakes.pubsub.errors import PubSubError, connection_lost, throttled, unavailable
from fakes.pubsub.rpcs import Rpc
from simulation.backends.backend import Site
from simulation.backends.polls import Polls
from simulation.backends.pubsub.channel import Read, calls_through, failure, refusal
from simulation.backends.wire import Trouble, Wire
from simulation.hosts import Host
from simulation.link_calls import OF_TASKS, LinkFaults
from simulation.steps import Step


class Answering(Protocol):
    """What stands before a service."""

    def rpc(self, method: str) -> Rpc:
        """The call of a name."""
        ...

    def answer(self, worker: str, rpc: Rpc, request: Any) -> bytes:
        """What a worker is answered.

        Raises:
            PubSubError: The service refuses.
        """
        ...


class Machine:
    """One worker's client, and the way from it to the service.

    Args:
        site: Where the service stands.
        host: The worker.
        front: What answers.
        polls: Where pulls wait for messages.
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
        self.calls: Calls = calls_through(self._start)

    def _start(self, method: str, asked: bytes, timeout_s: float, read: Read) -> asyncio.Future[Any]:
        rpc = self.front.rpc(method)
        call = Call(self, rpc, rpc.request.FromString(asked), timeout_s, read)
        call.begin()
        return call.answer


class Call:
    """One call. What its caller gives up has its effect all the same, unless it waits in the service.

    Args:
        machine: Where it is made.
        rpc: Which.
        request: What it asks for.
        timeout_s: Its deadline, from now.
        read: Reads the answer.
    """

    def __init__(self, machine: Machine, rpc: Rpc, request: Any, timeout_s: float, read: Read) -> None:
        loop = machine.site.loop
        self.answer: asyncio.Future[Any] = loop.create_future()
        self._machine = machine
        self._rpc = rpc
        self._request = request
        self._read = read
        self._fate = machine.wire.fate(rpc.name)
        self._until = loop.time() + timeout_s
        self._waits = rpc.name == "Pull" and not request.return_immediately
        # No timer is on time to the last digit: calls in a row would else keep step with leases for ever.
        self._timer: Step = loop.at(machine.host, self._until + self._fate.back_s, self._over, None)

    def begin(self) -> None:
        """Send it."""
        loop, fate = self._machine.site.loop, self._fate
        step = self._arrive if fate.trouble is Trouble.NONE else self._fail
        loop.at(loop.world, loop.time() + fate.there_s, step)

    def make(self) -> None:
        """Have its effect; of a pull there is none at its deadline, which the service knows as well."""
        machine = self._machine
        if self._waits and machine.site.loop.time() >= self._until:
            return
        error: PubSubError | None = None
        answer = b""
        try:
            answer = machine.front.answer(machine.host.name, self._rpc, self._request)
        except PubSubError as refused:
            error = refused
        if machine.wire.loses_reply(self._fate):
            self._send_back(failure("UNAVAILABLE", connection_lost().message))
        elif error is not None:
            self._send_back(refusal(error, self._request))
        else:
            self._send_back(answer)

    def _arrive(self) -> None:
        """Wait for a message, if that is what it is for; no longer than its caller does."""
        if not self._waits or not self._machine.polls.wait(self, self._until):
            self.make()
        elif not self.answer.done():
            self.answer.add_done_callback(self._leave)

    def _leave(self, answer: asyncio.Future[Any]) -> None:
        """Tell the service that nobody waits any more."""
        loop = self._machine.site.loop
        loop.at(loop.world, loop.time() + self._fate.back_s, self._machine.polls.leave, self)

    def _fail(self) -> None:
        trouble = self._fate.trouble
        if trouble is Trouble.THROTTLED:
            self._send_back(refusal(throttled(), self._request))
        elif trouble is Trouble.LOST:
            self._send_back(failure("UNAVAILABLE", connection_lost().message))
        else:
            self._send_back(failure("UNAVAILABLE", unavailable().message))

    def _send_back(self, came: bytes | Exception) -> None:
        loop = self._machine.site.loop
        loop.at(self._machine.host, loop.time() + self._fate.back_s, self._over, came)

    def _over(self, came: bytes | Exception | None) -> None:
        self._timer.cancel()
        if self.answer.done():
            return
        if came is None or self._machine.site.loop.time() >= self._until:
            self.answer.set_exception(failure("DEADLINE_EXCEEDED", "Deadline Exceeded"))
        elif isinstance(came, bytes):
            self.answer.set_result(self._read(came))
        else:
            self.answer.set_exception(came)
