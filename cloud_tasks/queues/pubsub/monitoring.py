"""Counting messages, as far as anybody can: Pub/Sub has no call for it, Cloud Monitoring has a metric."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import google.auth.exceptions
import requests
from google.auth.credentials import Credentials
from google.auth.transport.requests import AuthorizedSession

from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.pubsub.limits import CALL_S
from cloud_tasks.queues.pubsub.names import short

ADDRESS = "https://monitoring.googleapis.com/v3"
METRIC = "pubsub.googleapis.com/subscription/num_undelivered_messages"
LOOK_BACK = timedelta(minutes=10)
"""The metric is taken every minute, and shows some minutes later."""


class Monitoring:
    """Reads the metric of unacked messages.

    Args:
        credentials: What we are known by.
        project_id: The project.
        clock: Time.
        address: Where Cloud Monitoring is asked.
    """

    def __init__(
        self, credentials: Credentials, project_id: str, clock: Clock, address: str = ADDRESS
    ) -> None:
        self._credentials = credentials
        self._url = f"{address}/projects/{project_id}/timeSeries"
        self._clock = clock

    async def unacked(self, subscription: str) -> int | None:
        """How many messages were not acked, leased ones included, some minutes ago; None: not known.

        Raises:
            QueueUnavailableError: Cloud Monitoring did not answer, or refused.
        """
        now = self._clock.utc_now()
        query = {
            "filter": f'metric.type="{METRIC}" AND resource.labels.subscription_id="{short(subscription)}"',
            "interval.startTime": (now - LOOK_BACK).isoformat(),
            "interval.endTime": now.isoformat(),
        }
        return await asyncio.to_thread(self._ask, query)

    def _ask(self, query: Mapping[str, str]) -> int | None:
        try:
            with AuthorizedSession(self._credentials) as session:  # type: ignore[no-untyped-call]
                answer = session.get(self._url, params=query, timeout=CALL_S)
                answer.raise_for_status()
                return _newest(answer.json())
        except (requests.RequestException, google.auth.exceptions.GoogleAuthError) as error:
            raise QueueUnavailableError(f"Cloud Monitoring: {error}") from None


def _newest(answer: Any) -> int | None:
    """The newest point; Cloud Monitoring gives the newest first."""
    for series in answer.get("timeSeries", []):
        for point in series.get("points", []):
            return int(point["value"]["int64Value"])
    return None
