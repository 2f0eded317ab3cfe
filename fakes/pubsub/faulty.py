"""Calls that go wrong by plan."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from fakes.faults import FaultInjector, FaultKind, FaultRule
from fakes.pubsub.calls import Calls
from fakes.pubsub.errors import (
    SERVICE_UNAVAILABLE,
    ack_ids_refused,
    connection_lost,
    throttled,
    unavailable,
)
from fakes.pubsub.holders import StreamHolder
from fakes.pubsub.limits import check_pull
from fakes.pubsub.message import Entry
from fakes.pubsub.operations import STREAMING_PULL
from fakes.pubsub.protos import PullResponse, raw
from fakes.pubsub.rpcs import Rpc
from fakes.pubsub.service import PULL_MESSAGES_MAX, PubSubService
from fakes.pubsub.subscription import Subscription

_SKIPPED_MAX = 100
"""How many places a message may fall back at a time."""

_SETTLING = ("Acknowledge", "ModifyAckDeadline")
"""What the service may answer and not have done, without exactly-once delivery."""

_Rules: TypeAlias = dict[FaultKind, FaultRule]


class Faulty(Calls):
    """Carries out calls, and lets go wrong what a plan says. Of a stream, each batch of messages is a call.

    What the service promises is kept: it loses nothing that it accepted, and with exactly-once delivery it
    neither confirms what it has not done nor hands out what is leased.

    Args:
        service: On what.
        injector: Decides what strikes.
    """

    def __init__(self, service: PubSubService, injector: FaultInjector) -> None:
        super().__init__(service)
        self._injector = injector

    async def carry_out(self, rpc: Rpc, request: Any) -> Any:
        """See `Calls`; or carry out a part of it.

        Raises:
            PubSubError: The service refuses it, or a fault does.
        """
        rules = await self._decide(rpc.name)
        self._refuse(rules, request if rpc.name in _SETTLING else None)
        if FaultKind.REPLY_WITHOUT_EFFECT in rules and self._may_forget(rpc.name, request):
            self._injector.had_effect(rules[FaultKind.REPLY_WITHOUT_EFFECT])
            return None
        if rpc.name == "Pull":
            answer = await self._pull(rpc, request, rules)
        else:
            answer = await super().carry_out(rpc, request)
        self._after(rules)
        return answer

    async def take(
        self, subscription: Subscription, holder: StreamHolder, lease_s: float | None
    ) -> list[Entry]:
        """See `Calls`; or something else.

        Raises:
            PubSubError: A fault ends the stream.
        """
        if not holder.room() or not (subscription.backlog.has_ready() or holder.keys):
            return []
        rules = await self._decide(STREAMING_PULL)
        self._refuse(rules)
        self._reorder(subscription, rules)
        count = self._shorten(subscription, PULL_MESSAGES_MAX, rules)
        taken = self.service.take(subscription, count, holder, lease_s)
        if taken:
            self._duplicate(subscription, [subscription.backlog.ack_id(one) for one in taken], rules)
            self._after(rules)
        return taken

    async def _decide(self, operation: str) -> _Rules:
        """What strikes; several delays of one call add up, and are over then."""
        struck = self._injector.decide(operation)
        delays = [rule for rule in struck if rule.kind is FaultKind.DELAY]
        for rule in delays:
            self._injector.had_effect(rule)
        if delays:
            clock = self.service.clock
            await clock.sleep_until(clock.monotonic() + sum(rule.delay_s for rule in delays))
        return {rule.kind: rule for rule in struck}

    def _refuse(self, rules: _Rules, settling: Any = None) -> None:
        if (throttle := rules.get(FaultKind.THROTTLE)) is not None:
            self._injector.had_effect(throttle)
            raise throttled()
        if (trouble := rules.get(FaultKind.UNAVAILABLE)) is not None:
            self._injector.had_effect(trouble)
            if settling is not None and self._is_strict(settling.subscription):
                raise ack_ids_refused(dict.fromkeys(settling.ack_ids, SERVICE_UNAVAILABLE))
            raise unavailable()

    def _after(self, rules: _Rules) -> None:
        if (silent := rules.get(FaultKind.EFFECT_WITHOUT_REPLY)) is not None:
            self._injector.had_effect(silent)
            raise connection_lost()

    async def _pull(self, rpc: Rpc, request: Any, rules: _Rules) -> Any:
        check_pull(request)
        subscription = self.service.consumable(request.subscription)
        empty = rules.get(FaultKind.EMPTY_RECEIVE)
        if empty is not None and subscription.backlog.ready:
            self._injector.had_effect(empty)
            return PullResponse()
        self._reorder(subscription, rules)
        fewer = raw("PullRequest")()
        fewer.CopyFrom(request)
        fewer.max_messages = self._shorten(subscription, request.max_messages, rules)
        answer = await super().carry_out(rpc, fewer)
        self._duplicate(subscription, [one.ack_id for one in answer.received_messages], rules)
        return answer

    def _reorder(self, subscription: Subscription, rules: _Rules) -> None:
        rule = rules.get(FaultKind.REORDER)
        if rule is None or subscription.backlog.ready <= 1:
            return
        if subscription.backlog.skip(self._injector.random.randint(1, _SKIPPED_MAX)):
            self._injector.had_effect(rule)

    def _shorten(self, subscription: Subscription, count: int, rules: _Rules) -> int:
        rule = rules.get(FaultKind.SHORT_RECEIVE)
        ready = min(count, subscription.backlog.ready)
        if rule is None or ready <= 1:
            return count
        self._injector.had_effect(rule)
        return self._injector.random.randint(1, ready - 1)

    def _duplicate(self, subscription: Subscription, ack_ids: Iterable[str], rules: _Rules) -> None:
        rule, ack_ids = rules.get(FaultKind.DUPLICATE), list(ack_ids)
        if rule is None or not ack_ids or subscription.settings.exactly_once:
            return
        self._injector.had_effect(rule)
        self.service.give_away(subscription, ack_ids)

    def _may_forget(self, name: str, request: Any) -> bool:
        return name in _SETTLING and not self._is_strict(request.subscription)

    def _is_strict(self, name: str) -> bool:
        return self.service.directory.subscription(name).settings.exactly_once
