"""`Front`: stands before the service, and tells the register who calls."""

from __future__ import annotations

import math

import msgspec
from msgspec import Struct

from cloud_tasks.queues.conductor.carrier import Answer
from fakes.conductor import ConductorService
from fakes.conductor.calls import Call, Reply, json, refusal
from fakes.conductor.errors import ConductorError
from fakes.conductor.operations import Operation, PollAsk
from fakes.conductor.values import ResultStatus, TaskResult
from simulation.backends.backend import Site
from simulation.backends.conductor.register import Register
from simulation.backends.polls import Polls
from simulation.backends.wire import Strokes
from simulation.faults import FaultClass
from simulation.steps import Step

_RESULT = msgspec.json.Decoder(TaskResult)


class Request(Struct, frozen=True):
    """What a worker asks.

    Attributes:
        worker: Who.
        operation: For what.
        call: With which values.
        poll: What a poll asks for; None for any other.
        update: What an update says; None for any other.
        sent_at: When.
    """

    worker: str
    operation: Operation
    call: Call
    poll: PollAsk | None
    update: TaskResult | None
    sent_at: float


def answer_of(reply: Reply) -> Answer:
    """What the adapter hears."""
    after = "" if reply.retry_after_s is None else str(reply.retry_after_s)
    return Answer(reply.status, reply.body, after)


def refused(error: ConductorError) -> Answer:
    """That the server does not do it."""
    return answer_of(refusal(error, "in-process"))


class Front:
    """Passes requests on, and lets the service do what is due at its moment.

    Args:
        site: Where it stands.
        service: What answers.
        register: Told who calls.
        task_type: The type of the tasks.
    """

    def __init__(self, site: Site, service: ConductorService, register: Register, task_type: str) -> None:
        self._site = site
        self._service = service
        self._register = register
        self._task_type = task_type
        self._strokes = Strokes(site)
        self._alarm: Step | None = None
        self.polls = Polls(site.loop, self._has_any, 0.0)

    def strikes(self, request: Request) -> FaultClass | None:
        """Why an update fares badly: before its effect, or after it; None: it does not."""
        if request.update is None:
            return None
        server_id = request.update.task_id or ""
        return self._strokes.on_entry(_name(request.update), self._register.task_of(server_id) or server_id)

    def answer(self, request: Request) -> Answer:
        """What a worker is answered."""
        self.catch_up()
        try:
            return self._carry_out(request)
        except ConductorError as error:
            return refused(error)
        finally:
            self._register.nobody_calls()
            self.catch_up()

    def catch_up(self) -> None:
        """Let the service do what is due, wake who waits for a task, and be there when more is due."""
        due = self._service.catch_up()
        if self._has_any():
            self.polls.stir()
        if self._alarm is not None and self._alarm.moment > due:
            self._alarm.cancel()
        if due < math.inf and (self._alarm is None or self._alarm.cancelled()):
            self._alarm = self._site.loop.at(self._site.loop.world, due, self.catch_up)

    def _has_any(self) -> bool:
        return self._service.polling.ready_count(self._task_type) > 0

    def _carry_out(self, request: Request) -> Answer:
        if request.poll is not None:
            return self._poll(request.worker, request.poll)
        if request.update is not None:
            self._register.updates(request.update, request.sent_at)
        else:
            self._register.looks(request.worker, request.call.places[0])
        reply = request.operation.act(self._service, request.call)
        if not isinstance(reply, Reply):
            raise AssertionError(f"{request.operation.name} waits, although it was asked not to")  # noqa: TRY004 - a mistake of ours
        return answer_of(reply)

    def _poll(self, worker: str, asked: PollAsk) -> Answer:
        polling = self._service.polling
        if self._strokes.withholds(worker, polling.ready_count(asked.task_type)):
            return answer_of(json([]))
        self._register.polls(worker)
        return answer_of(json(polling.take(asked.task_type, asked.worker, asked.domain, asked.count)))


def update_in(body: bytes) -> TaskResult:
    """What an update says."""
    return _RESULT.decode(body)


def _name(update: TaskResult) -> str:
    """What an update is called in a plan of faults."""
    if update.extend_lease:
        return "extend"
    return "nack" if update.status is ResultStatus.IN_PROGRESS else "ack"
