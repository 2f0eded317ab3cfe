"""Acknowledge and ModifyAckDeadline, with what became of each ack id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from google.pubsub_v1.types import AcknowledgeRequest, ModifyAckDeadlineRequest

from cloud_tasks.errors import QueueError, QueueUnavailableError
from cloud_tasks.queues.pubsub.calls import Calls
from cloud_tasks.queues.pubsub.failures import CallFailedError, refusal

Refused: TypeAlias = Mapping[str, QueueError]
"""Why, for each ack id that was not accepted."""
_Send: TypeAlias = Callable[[Sequence[str]], Awaitable[None]]

_NONE: Refused = {}


class AckRequests:
    """Both requests for one subscription. They never raise `QueueError`: each ack id has its own answer.

    An answer that fails and says of which ack ids is believed for those; the others are asked for again, at
    once and alone, because nothing was said of them. An answer that fails without saying that leaves them all
    unknown, which is never taken for success (F24).
    """

    def __init__(self, calls: Calls, subscription: str) -> None:
        self._calls = calls
        self._subscription = subscription

    async def acknowledge(self, ack_ids: Sequence[str]) -> Refused:
        """Settle for good."""
        return await self._twice_at_most(self._acknowledge, ack_ids)

    async def set_deadline(self, ack_ids: Sequence[str], seconds: int) -> Refused:
        """Let the leases end in `seconds` from now; 0 hands the messages back."""

        async def send(some: Sequence[str]) -> None:
            request = ModifyAckDeadlineRequest.pb()(
                subscription=self._subscription, ack_ids=some, ack_deadline_seconds=seconds
            )
            await self._calls.modify_ack_deadline(ModifyAckDeadlineRequest.wrap(request))

        return await self._twice_at_most(send, ack_ids)

    async def _acknowledge(self, ack_ids: Sequence[str]) -> None:
        request = AcknowledgeRequest.pb()(subscription=self._subscription, ack_ids=ack_ids)
        await self._calls.acknowledge(AcknowledgeRequest.wrap(request))

    async def _twice_at_most(self, send: _Send, ack_ids: Sequence[str]) -> Refused:
        error = await _failure_of(send, ack_ids)
        if error is None:
            return _NONE
        if error.ack_errors is None:
            return dict.fromkeys(ack_ids, error)
        refused: dict[str, QueueError] = {}
        for ack_id in ack_ids:
            if ack_id in error.ack_errors:
                refused[ack_id] = refusal(error.ack_errors[ack_id])
        unnamed = [ack_id for ack_id in ack_ids if ack_id not in refused]
        if unnamed and len(unnamed) < len(ack_ids):
            return {**refused, **await self._once(send, unnamed)}
        return refused | dict.fromkeys(unnamed, error)

    async def _once(self, send: _Send, ack_ids: Sequence[str]) -> Refused:
        error = await _failure_of(send, ack_ids)
        if error is None:
            return _NONE
        reasons = error.ack_errors or {}
        unknown = QueueUnavailableError(str(error))
        return {ack_id: refusal(reasons[ack_id]) if ack_id in reasons else unknown for ack_id in ack_ids}


async def _failure_of(send: _Send, ack_ids: Sequence[str]) -> CallFailedError | None:
    try:
        await send(ack_ids)
    except CallFailedError as error:
        return error
    return None
