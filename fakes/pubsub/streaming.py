"""`StreamingPull`: messages as they come, as long as the client keeps up."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from fakes.pubsub.errors import UNORDERED_ACK_ID, invalid, invalid_argument, not_found, unavailable
from fakes.pubsub.holders import StreamHolder
from fakes.pubsub.limits import check_ack_deadline, check_extension
from fakes.pubsub.message import Entry
from fakes.pubsub.names import check_name
from fakes.pubsub.protos import StreamingPullResponse
from fakes.pubsub.service import PubSubService
from fakes.pubsub.subscriber import fill
from fakes.pubsub.subscription import Subscription

Read = Callable[[], Awaitable[Any]]
"""Gives the client's next request; None when it has said its last."""

Write = Callable[[Any], Awaitable[None]]

Take = Callable[[Subscription, StreamHolder, float | None], Awaitable[list[Entry]]]
"""Leases what there is and what there is room for, for so long."""

_ONLY_FIRST = ("subscription", "client_id", "max_outstanding_messages", "max_outstanding_bytes")
_numbers = itertools.count(1)


class Stream:
    """One `StreamingPull`.

    Args:
        service: Whose messages.
        read: From the client.
        write: To the client.
        take: How messages are taken.
    """

    def __init__(self, service: PubSubService, read: Read, write: Write, take: Take) -> None:
        self._service = service
        self._read = read
        self._write = write
        self._take = take
        self._lock = asyncio.Lock()
        self._lease_s: float | None = None

    async def serve(self) -> None:
        """Serve it until the client has said its last.

        Raises:
            PubSubError: The service ends it.
        """
        first = await self._read()
        if first is None:
            return
        name = check_name("subscriptions", first.subscription)
        subscription = self._service.consumable(name)
        self._set_lease(first)
        holder = StreamHolder(first.max_outstanding_messages, first.max_outstanding_bytes)
        number = next(_numbers)
        await self._answer(StreamingPullResponse(), subscription)
        subscription.open_stream(number, holder)
        halves = [
            asyncio.ensure_future(self._listen(subscription, first)),
            asyncio.ensure_future(self._send(subscription, holder)),
        ]
        try:
            done, _ = await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
            for half in done:
                half.result()
        finally:
            for half in halves:
                half.cancel()
            await asyncio.gather(*halves, return_exceptions=True)
            subscription.close_stream(number)

    async def _listen(self, subscription: Subscription, first: Any) -> None:
        await self._settle(subscription, first)
        while (request := await self._read()) is not None:
            for name in _ONLY_FIRST:
                if getattr(request, name):
                    raise invalid_argument(name)
            self._set_lease(request)
            await self._settle(subscription, request)

    async def _send(self, subscription: Subscription, holder: StreamHolder) -> None:
        while True:
            if self._service.consumable(subscription.name) is not subscription:
                raise not_found(subscription.name)
            if holder.hung_up:
                raise unavailable()
            taken = await self._take(subscription, holder, self._lease_s)
            if not taken:
                await self._service.wait_for(holder)
                continue
            response = StreamingPullResponse()
            fill(response, taken)
            await self._answer(response, subscription)

    async def _settle(self, subscription: Subscription, request: Any) -> None:
        ids, seconds = request.modify_deadline_ack_ids, request.modify_deadline_seconds
        if len(ids) != len(seconds):
            raise invalid(
                "The lists modify_deadline_ack_ids and modify_deadline_seconds must have the same length."
            )
        for one in seconds:
            check_extension(one)
        response = StreamingPullResponse()
        if request.ack_ids:
            refused = self._service.ack(subscription, request.ack_ids)
            _confirm(response.acknowledge_confirmation, request.ack_ids, refused)
        if ids:
            refused = self._service.extend(subscription, zip(ids, seconds, strict=True))
            _confirm(response.modify_ack_deadline_confirmation, ids, refused)
        if subscription.settings.exactly_once and (ids or request.ack_ids):
            await self._answer(response, subscription)

    async def _answer(self, response: Any, subscription: Subscription) -> None:
        told, settings = response.subscription_properties, subscription.settings
        told.exactly_once_delivery_enabled = settings.exactly_once
        told.message_ordering_enabled = settings.ordered
        async with self._lock:
            await self._write(response)

    def _set_lease(self, request: Any) -> None:
        if request.stream_ack_deadline_seconds:
            self._lease_s = check_ack_deadline(request.stream_ack_deadline_seconds)


def _confirm(confirmation: Any, ack_ids: Any, refused: dict[str, str]) -> None:
    for ack_id in ack_ids:
        reason = refused.get(ack_id)
        if reason is None:
            confirmation.ack_ids.append(ack_id)
        elif reason == UNORDERED_ACK_ID:
            confirmation.unordered_ack_ids.append(ack_id)
        else:
            confirmation.invalid_ack_ids.append(ack_id)
