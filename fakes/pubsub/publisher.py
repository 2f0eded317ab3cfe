"""The calls of `google.pubsub.v1.Publisher`."""

from __future__ import annotations

from typing import Any

from fakes.pubsub.configs import check_mask, topic_retention
from fakes.pubsub.limits import check_publish
from fakes.pubsub.message import Content
from fakes.pubsub.names import check_name, check_project
from fakes.pubsub.pages import page
from fakes.pubsub.protos import PublishResponse, Topic, raw
from fakes.pubsub.service import PubSubService


class PublisherCalls:
    """Topics, and publishing to them. Calls take a request and give the answer, or raise `PubSubError`.

    Args:
        service: What they are about.
    """

    def __init__(self, service: PubSubService) -> None:
        self._service = service
        self._directory = service.directory

    def create_topic(self, request: Any) -> Any:
        """Make a topic."""
        config = _copy(request)
        return self._service.create_topic(config, topic_retention(config)).config

    def update_topic(self, request: Any) -> Any:
        """Change what the mask names."""
        check_mask("Topic", request.topic, request.update_mask.paths)
        topic = self._directory.topic(check_name("topics", request.topic.name))
        config = _copy(topic.config)
        merge(request.topic, config, request.update_mask)
        topic.retention_s = topic_retention(config)
        topic.config = config
        for subscription in topic.subscriptions.values():
            show_retention(topic.config, subscription.config)
        return config

    def get_topic(self, request: Any) -> Any:
        """Tell what a topic is set to."""
        return self._directory.topic(check_name("topics", request.topic)).config

    def list_topics(self, request: Any) -> Any:
        """Tell what the topics of a project are set to."""
        topics, prefix = self._directory.topics, check_project(request.project)
        names, token = page(
            (name for name in topics if name.startswith(prefix)), request.page_size, request.page_token
        )
        return raw("ListTopicsResponse")(
            topics=[topics[name].config for name in names], next_page_token=token
        )

    def list_topic_subscriptions(self, request: Any) -> Any:
        """Name the subscriptions of a topic."""
        topic = self._directory.topic(check_name("topics", request.topic))
        self._directory.drop_unused(topic)
        names, token = page(topic.subscriptions, request.page_size, request.page_token)
        return raw("ListTopicSubscriptionsResponse")(subscriptions=names, next_page_token=token)

    def list_topic_snapshots(self, request: Any) -> Any:
        """Name the snapshots of a topic."""
        topic = self._directory.topic(check_name("topics", request.topic))
        self._directory.drop_unused(topic)
        names, token = page(topic.snapshots, request.page_size, request.page_token)
        return raw("ListTopicSnapshotsResponse")(snapshots=names, next_page_token=token)

    def delete_topic(self, request: Any) -> None:
        """Forget a topic."""
        self._directory.delete_topic(check_name("topics", request.topic))

    def detach_subscription(self, request: Any) -> Any:
        """Cut a subscription off from its topic."""
        self._directory.detach(check_name("subscriptions", request.subscription))
        return raw("DetachSubscriptionResponse")()

    def publish(self, request: Any) -> Any:
        """Publish messages."""
        check_name("topics", request.topic)
        check_publish(request)
        published = self._service.publish(request.topic, [_content(one) for one in request.messages])
        return PublishResponse(message_ids=[one.message_id for one in published])


def merge(source: Any, target: Any, mask: Any) -> None:
    """Copy what a mask names; what is not set in the source is cleared."""
    mask.MergeMessage(source, target, True, True)  # noqa: FBT003 - the library names neither


def show_retention(topic: Any, subscription: Any) -> None:
    """Let a subscription tell how long its topic keeps messages."""
    if topic.HasField("message_retention_duration"):
        subscription.topic_message_retention_duration.CopyFrom(topic.message_retention_duration)
    else:
        subscription.ClearField("topic_message_retention_duration")


def _content(message: Any) -> Content:
    attributes = dict(message.attributes) if message.attributes else {}
    return Content(message.data, attributes, message.ordering_key, message.ByteSize())


def _copy(config: Any) -> Any:
    copy = Topic()
    copy.CopyFrom(config)
    return copy
