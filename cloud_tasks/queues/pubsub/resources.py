"""Asking for, making and removing topics and subscriptions."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from google.iam.v1.iam_policy_pb2 import TestIamPermissionsRequest  # type: ignore[import-untyped] # has none
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.pubsub_v1 import types

from cloud_tasks.queues.pubsub.calls import Calls
from cloud_tasks.queues.pubsub.failures import CallFailedError

R = TypeVar("R")

LIST_PAGE = 1_000


class Resources:
    """Topics and subscriptions by their full names."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def topic(self, name: str) -> types.Topic | None:
        """The topic; None if there is none."""
        request = types.GetTopicRequest(topic=name)
        method = self._calls.publisher.get_topic
        return await _or_none(self._calls.ask("GetTopic", method, request, ("topic", name)))

    async def subscription(self, name: str) -> types.Subscription | None:
        """The subscription; None if there is none."""
        request = types.GetSubscriptionRequest(subscription=name)
        method = self._calls.subscriber.get_subscription
        return await _or_none(self._calls.ask("GetSubscription", method, request, ("subscription", name)))

    async def topic_names(self, project_id: str) -> list[str]:
        """Some topics of the project: one page."""
        project = f"projects/{project_id}"
        request = types.ListTopicsRequest(project=project, page_size=LIST_PAGE)
        method = self._calls.publisher.list_topics
        answer = await self._calls.ask("ListTopics", method, request, ("project", project))
        return [topic.name for topic in answer.topics]

    async def subscription_names(self, project_id: str) -> list[str]:
        """Some subscriptions of the project: one page."""
        project = f"projects/{project_id}"
        request = types.ListSubscriptionsRequest(project=project, page_size=LIST_PAGE)
        method = self._calls.subscriber.list_subscriptions
        answer = await self._calls.ask("ListSubscriptions", method, request, ("project", project))
        return [subscription.name for subscription in answer.subscriptions]

    async def create_topic(self, name: str) -> None:
        """Create a topic; no error if it exists."""
        method = self._calls.publisher.create_topic
        await _unless(
            "ALREADY_EXISTS", self._calls.ask("CreateTopic", method, types.Topic(name=name), ("name", name))
        )

    async def create_subscription(self, subscription: types.Subscription) -> None:
        """Create a subscription; no error if it exists."""
        method = self._calls.subscriber.create_subscription
        routing = ("name", subscription.name)
        await _unless("ALREADY_EXISTS", self._calls.ask("CreateSubscription", method, subscription, routing))

    async def delete_topic(self, name: str) -> None:
        """Delete a topic; no error if there is none."""
        method = self._calls.publisher.delete_topic
        request = types.DeleteTopicRequest(topic=name)
        await _unless("NOT_FOUND", self._calls.ask("DeleteTopic", method, request, ("topic", name)))

    async def delete_subscription(self, name: str) -> None:
        """Delete a subscription; no error if there is none."""
        method = self._calls.subscriber.delete_subscription
        request = types.DeleteSubscriptionRequest(subscription=name)
        routing = ("subscription", name)
        await _unless("NOT_FOUND", self._calls.ask("DeleteSubscription", method, request, routing))

    async def seek(self, subscription: str, to: Timestamp) -> None:
        """Take everything that was published before `to` for acked, and everything after for not."""
        method = self._calls.subscriber.seek
        request = types.SeekRequest(subscription=subscription)
        types.SeekRequest.pb(request).time.CopyFrom(to)
        await self._calls.ask("Seek", method, request, ("subscription", subscription))

    async def missing_permissions(self, resource: str, wanted: tuple[str, ...]) -> list[str]:
        """Which of the permissions we do not have; [] also where that cannot be asked."""
        method = self._calls.subscriber.test_iam_permissions
        request = TestIamPermissionsRequest(resource=resource, permissions=wanted)
        try:
            answer = await self._calls.ask("TestIamPermissions", method, request, ("resource", resource))
        except CallFailedError:
            return []
        return [permission for permission in wanted if permission not in answer.permissions]


def seconds(value_s: float) -> Duration:
    """A time as Pub/Sub wants it."""
    whole = int(value_s)
    return Duration(seconds=whole, nanos=round((value_s - whole) * 1e9))


async def _or_none(asked: Awaitable[R]) -> R | None:
    try:
        return await asked
    except CallFailedError as error:
        if error.code == "NOT_FOUND":
            return None
        raise


async def _unless(code: str, asked: Awaitable[object]) -> None:
    try:
        await asked
    except CallFailedError as error:
        if error.code != code:
            raise
