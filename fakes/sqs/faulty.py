"""Calls that go wrong by plan."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from cloud_tasks.interfaces import Clock
from fakes.faults import FaultInjector, FaultKind, FaultRule
from fakes.sqs.errors import throttled, unavailable
from fakes.sqs.message import Place
from fakes.sqs.operations import OPERATIONS, Caller
from fakes.sqs.queue import Queue
from fakes.sqs.receiving import check_receive, wait_s_of
from fakes.sqs.requests import HandleBatch, Messages, Nothing
from fakes.sqs.values import BatchAnswer, Done, ReceiveOptions

_SKIPPED_MAX = 100
"""How many places a message may fall back at a time."""

_WITHOUT_EFFECT = (
    "DeleteMessage",
    "DeleteMessageBatch",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
)
"""What SQS may answer and not have done; what it has accepted it never loses."""

_REFUSALS = {FaultKind.THROTTLE: throttled, FaultKind.UNAVAILABLE: unavailable}


class NoReplyError(Exception):
    """The connection is to be closed without an answer.

    Attributes:
        answer: What would have been told.
    """

    def __init__(self, answer: Struct) -> None:
        super().__init__("the answer is lost")
        self.answer = answer


async def carry_out(caller: Caller, name: str, request: Struct) -> Struct:
    """Carry out a call.

    Raises:
        SqsError: The service refuses it.
    """
    answer = OPERATIONS[name].act(caller, request)
    return answer if isinstance(answer, Struct) else await answer


class Faulty:
    """Carries out calls, and lets go wrong what a plan says.

    Args:
        injector: Decides what strikes.
        clock: For delays.
    """

    def __init__(self, injector: FaultInjector, clock: Clock) -> None:
        self._injector = injector
        self._clock = clock

    async def carry_out(self, caller: Caller, name: str, request: Struct) -> Struct:
        """Carry out a call, or part of it.

        Raises:
            SqsError: The service refuses it, or a fault does.
            NoReplyError: It has been carried out, and nobody is to learn it.
        """
        struck = self._injector.decide(name)
        await self._delay(caller, struck)
        rules = {rule.kind: rule for rule in struck}
        self._refuse(caller, rules)
        if FaultKind.REPLY_WITHOUT_EFFECT in rules and name in _WITHOUT_EFFECT:
            self._note(caller, rules[FaultKind.REPLY_WITHOUT_EFFECT])
            return _as_if_done(request)
        if isinstance(request, ReceiveOptions):
            answer: Struct = await self._receive(caller, request, rules)
        else:
            answer = await carry_out(caller, name, request)
        if FaultKind.EFFECT_WITHOUT_REPLY in rules:
            self._note(caller, rules[FaultKind.EFFECT_WITHOUT_REPLY])
            raise NoReplyError(answer)
        return answer

    async def _delay(self, caller: Caller, struck: tuple[FaultRule, ...]) -> None:
        """Several delays of one call add up."""
        delays = [rule for rule in struck if rule.kind is FaultKind.DELAY]
        if delays:
            for rule in delays:
                self._note(caller, rule)
            await self._clock.sleep_until(self._clock.monotonic() + sum(rule.delay_s for rule in delays))

    def _refuse(self, caller: Caller, rules: dict[FaultKind, FaultRule]) -> None:
        for kind, error in _REFUSALS.items():
            if kind in rules:
                self._note(caller, rules[kind])
                raise error()

    async def _receive(
        self, caller: Caller, request: ReceiveOptions, rules: dict[FaultKind, FaultRule]
    ) -> Messages:
        queue = caller.service.queues.at(request.queue_url)
        check_receive(request)
        if (empty := rules.get(FaultKind.EMPTY_RECEIVE)) is not None and _may_miss(queue, request):
            self._note(caller, empty)
            return Messages()
        if (reorder := rules.get(FaultKind.REORDER)) is not None:
            self._reorder(caller, queue, reorder)
        if (short := rules.get(FaultKind.SHORT_RECEIVE)) is not None:
            request = self._shorten(caller, request, short)
        answer = await caller.service.receive(request)
        if (duplicate := rules.get(FaultKind.DUPLICATE)) is not None:
            self._duplicate(caller, queue, answer, duplicate)
        return answer

    def _note(self, caller: Caller, rule: FaultRule) -> None:
        self._injector.had_effect(rule)
        caller.struck.append(rule.kind)

    def _reorder(self, caller: Caller, queue: Queue, rule: FaultRule) -> None:
        others = queue.counts()[Place.VISIBLE] - 1
        if others > 0 and not queue.attributes.is_fifo:
            queue.skip(self._injector.random.randint(1, min(others, _SKIPPED_MAX)))
            self._note(caller, rule)

    def _shorten(self, caller: Caller, request: ReceiveOptions, rule: FaultRule) -> ReceiveOptions:
        queue = caller.service.queues.at(request.queue_url)
        ready = min(request.max_number_of_messages, queue.counts()[Place.VISIBLE])
        if ready <= 1:
            return request
        self._note(caller, rule)
        return msgspec.structs.replace(
            request, max_number_of_messages=self._injector.random.randint(1, ready - 1)
        )

    def _duplicate(self, caller: Caller, queue: Queue, answer: Messages, rule: FaultRule) -> None:
        if not answer.messages or queue.attributes.is_fifo:
            return
        self._note(caller, rule)
        for message in answer.messages:
            queue.hold_until(message.receipt_handle, 0)


def _may_miss(queue: Queue, request: ReceiveOptions) -> bool:
    """Whether there is something to be missed; a long poll asks all servers."""
    return bool(queue.counts()[Place.VISIBLE]) and not wait_s_of(queue, request)


def _as_if_done(request: Struct) -> Struct:
    if isinstance(request, HandleBatch):
        return BatchAnswer(tuple(Done(entry.id) for entry in request.entries))
    return Nothing()
