"""How a call of a worker fares on its way to a service and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias, TypeVar

from cloud_tasks.core.task import Lease
from cloud_tasks.errors import QueueError, QueueUnavailableError
from simulation.fault_source import FaultSource
from simulation.faults import FaultClass
from simulation.happenings import CallAnswered, CallIssued
from simulation.history import History
from simulation.hosts import Host
from simulation.link_calls import OF_TASKS, Asked, Call, Latency, LinkFaults
from simulation.loop import SimulationLoop
from simulation.shares import share_of, share_of_number
from simulation.weather import REFUSED_SHARE, Weather

T = TypeVar("T")
Reply: TypeAlias = Callable[[Any], None]
"""Takes the answer of a service: a value, or a `QueueError`."""
Effect: TypeAlias = Callable[[Reply], None]
"""What a call does in the service; replies at once or later."""

SLOW_S_MAX = 60.0
_THROTTLED = "ThrottlingException: Rate exceeded"
MAGNET_SHARE = 0.2
"""Of slow calls: the answer comes when something else is due."""
TICK_S = 0.001


class Link:
    """The way from one worker to one service.

    Every call takes its time there, has its effect in the service, and takes its time back. A call whose
    worker is killed meanwhile has its effect all the same.

    Args:
        loop: Time.
        host: The worker.
        faults: What goes wrong.
        history: Told of each call.
        latency: How long calls take.
        weather: What lies on the way.
        kinds: Which classes of faults strike on it.
    """

    def __init__(
        self,
        loop: SimulationLoop,
        host: Host,
        faults: FaultSource,
        history: History,
        *,
        latency: Latency,
        weather: Weather,
        kinds: LinkFaults = OF_TASKS,
    ) -> None:
        self._loop = loop
        self._host = host
        self._name = host.name
        self._faults = faults
        self._history = history
        self._latency = latency
        self._weather = weather
        self._kinds = kinds
        self._mine = (kinds.slow, kinds.throttled, kinds.request_lost, kinds.reply_lost)
        self._calls = 0
        self._listening = True
        self._occasions = faults.occasions

    def call(self, asked: Asked, effect: Callable[[], T]) -> asyncio.Future[T]:
        """Make a call that the service answers at once; see `start`."""

        def at_once(reply: Reply) -> None:
            try:
                answer: object = effect()
            except QueueError as error:
                answer = error
            reply(answer)

        return self.start(asked, at_once)

    def start(
        self, asked: Asked, effect: Effect, late: Callable[[Any], None] | None = None
    ) -> asyncio.Future[Any]:
        """Make a call. The answer raises what the service replied, or `QueueUnavailableError`.

        Args:
            asked: Which call, and about what.
            effect: What it does in the service.
            late: Takes a good answer that nobody waits for any more.
        """
        self._calls += 1
        loop = self._loop
        call = Call(self, asked.operation, asked.task_id, self._calls, late, loop.create_future())
        now = loop.now
        self._history.tell(
            CallIssued(
                at=now,
                worker=self._name,
                operation=asked.operation,
                task_id=asked.task_id,
                number=call.number,
                receipt=asked.receipt,
                seconds=asked.seconds,
                tasks_max=asked.tasks_max,
                reason=asked.reason,
                outcome=asked.outcome,
            )
        )
        self._send(call, effect, now)
        return call.answer

    def hang_up(self) -> None:
        """The worker has let go of the connection: no answer is heard any more."""
        self._listening = False

    def _send(self, call: Call, effect: Effect, now: float) -> None:
        """Decide how the call fares."""
        loop, faults, kinds = self._loop, self._faults, self._kinds
        latency_s = self._latency.at(share_of_number(faults.seed, self._host.number, call.number))
        call.back_s = latency_s / 2
        if faults.on.isdisjoint(self._mine) and self._weather.is_fair:
            loop.at(loop.world, now + call.back_s, effect, call.reply)
            return
        whom = f"{call.operation} of {call.task_id or self._name}"
        which = self._occasions[whom] = self._occasions.get(whom, 0) + 1
        if kinds.slow in faults.on:
            slow = faults.strikes(kinds.slow, whom, which, partial(self._slow_by_s, now + latency_s))
            if slow is not None:
                faults.had_effect(kinds.slow)
                latency_s += slow.size
                call.back_s = latency_s / 2
        host, weather = self._name, self._weather
        if faults.strikes(kinds.throttled, whom, which) is not None:
            faults.had_effect(kinds.throttled)
            call.reply(QueueUnavailableError(_THROTTLED))
        elif weather.refusing_until > now and self._refuses(call):
            faults.had_effect(FaultClass.THROTTLE_BURST)
            call.reply(QueueUnavailableError(_THROTTLED))
        elif faults.strikes(kinds.request_lost, whom, which) is not None:
            faults.had_effect(kinds.request_lost)
            call.reply(QueueUnavailableError("the connection broke"))
        elif weather.no_way_until(host) > now:
            faults.had_effect(kinds.outage if weather.outage_until > now else FaultClass.PARTITION)
            call.reply(QueueUnavailableError("no route to host"))
        else:
            if faults.strikes(kinds.reply_lost, whom, which) is not None:
                call.reply_lost = True
            held_s = weather.clogged_until.get(host, 0.0) - now
            if held_s > 0:
                faults.had_effect(FaultClass.CLOG)
            loop.at(loop.world, now + max(held_s, 0.0) + call.back_s, effect, call.reply)

    def _refuses(self, call: Call) -> bool:
        """Whether this call is one of the many that are refused in a burst."""
        return share_of(self._faults.seed, "refused", self._name, call.number) < REFUSED_SHARE

    def _slow_by_s(self, arrives_at: float, share: float) -> float:
        """How much longer a slow call takes; one in five comes back just when something else is due."""
        if share < MAGNET_SHARE:
            moment = self._loop.moment_at(share / MAGNET_SHARE)
            by_s = moment - arrives_at + TICK_S * (round(3_000 * share) % 3 - 1)
            if 0.0 < by_s <= SLOW_S_MAX:
                return by_s
        return 1 + SLOW_S_MAX * share

    def reply(self, call: Call, answer: object) -> None:
        """Send an answer back."""
        if call.reply_lost:
            self._faults.had_effect(self._kinds.reply_lost)
            answer = QueueUnavailableError("the connection broke before the answer came")
        loop = self._loop
        deaf_until = self._weather.deaf_until
        if deaf_until and deaf_until.get(self._name, 0.0) > loop.now:
            self._faults.had_effect(FaultClass.ONE_WAY)
            answer = QueueUnavailableError("no answer came")
        loop.at(self._host, loop.now + call.back_s, self._arrive, call, answer)

    def _arrive(self, call: Call, answer: object) -> None:
        error = answer if isinstance(answer, Exception) else None
        leases = _brought(answer)
        heard = self._listening and not call.answer.done()
        self._history.tell(
            CallAnswered(
                at=self._loop.now,
                worker=self._name,
                operation=call.operation,
                number=call.number,
                task_id=call.task_id,
                error="" if error is None else type(error).__name__,
                count=len(leases) if call.operation == "receive" else 0,
                leases=leases,
                heard=heard,
            )
        )
        if not heard:
            if error is None and call.late is not None:
                call.late(answer)
            return
        if error is None:
            call.answer.set_result(answer)
        else:
            call.answer.set_exception(error)


def _brought(answer: object) -> tuple[Lease, ...]:
    """The leases in an answer."""
    if isinstance(answer, list):
        return tuple(answer)
    return (answer,) if isinstance(answer, Lease) else ()
