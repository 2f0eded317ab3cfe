"""How calls are carried out when nothing goes wrong."""

from __future__ import annotations

import inspect
from typing import Any

from fakes.pubsub.holders import StreamHolder
from fakes.pubsub.message import Entry
from fakes.pubsub.rpcs import Rpc
from fakes.pubsub.service import PULL_MESSAGES_MAX, PubSubService
from fakes.pubsub.subscription import Subscription


class Calls:
    """Carries out calls.

    Args:
        service: On what.
    """

    def __init__(self, service: PubSubService) -> None:
        self.service = service

    async def carry_out(self, rpc: Rpc, request: Any) -> Any:
        """Carry out a call; returns the answer, None if that is empty.

        Raises:
            PubSubError: The service refuses it.
        """
        answer = rpc.answer(request)
        return await answer if inspect.isawaitable(answer) else answer

    async def take(
        self, subscription: Subscription, holder: StreamHolder, lease_s: float | None
    ) -> list[Entry]:
        """Lease to a stream what there is and what there is room for.

        Raises:
            PubSubError: The service ends the stream.
        """
        return self.service.take(subscription, PULL_MESSAGES_MAX, holder, lease_s)
