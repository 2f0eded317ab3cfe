"""The calls of `google.pubsub.v1.Subscriber`, but for the stream and for snapshots."""

from __future__ import annotations

import logging
from typing import Any

from fakes.pubsub.configs import check_mask, subscription_settings
from fakes.pubsub.errors import ack_ids_refused
from fakes.pubsub.limits import check_ack_request, check_extension, check_pull
from fakes.pubsub.message import Entry
from fakes.pubsub.names import check_name, check_project
from fakes.pubsub.pages import page
from fakes.pubsub.protos import PullResponse, Subscription, raw, timestamp_of
from fakes.pubsub.publisher import merge, show_retention
from fakes.pubsub.service import PubSubService

_log = logging.getLogger(__name__)


class SubscriberCalls:
    """Subscriptions, pulling and settling. Calls take a request and give the answer, or raise `PubSubError`.

    Args:
        service: What they are about.
    """

    def __init__(self, service: PubSubService) -> None:
        self._service = service
        self._directory = service.directory

    def create_subscription(self, request: Any) -> Any:
        """Make a subscription."""
        config = _copy(request)
        settings = subscription_settings(config)
        topic = self._directory.topic(check_name("topics", config.topic))
        show_retention(topic.config, config)
        made = self._service.create_subscription(config, settings).config
        _warn_of_push(config)
        return made

    def get_subscription(self, request: Any) -> Any:
        """Tell what a subscription is set to."""
        return self._directory.subscription(check_name("subscriptions", request.subscription)).config

    def update_subscription(self, request: Any) -> Any:
        """Change what the mask names."""
        check_mask("Subscription", request.subscription, request.update_mask.paths)
        name = check_name("subscriptions", request.subscription.name)
        subscription = self._directory.subscription(name)
        config = _copy(subscription.config)
        merge(request.subscription, config, request.update_mask)
        self._set(subscription, config)
        return subscription.config

    def list_subscriptions(self, request: Any) -> Any:
        """Tell what the subscriptions of a project are set to."""
        self._directory.drop_unused()
        subscriptions, prefix = self._directory.subscriptions, check_project(request.project)
        names, token = page(
            (name for name in subscriptions if name.startswith(prefix)), request.page_size, request.page_token
        )
        return raw("ListSubscriptionsResponse")(
            subscriptions=[subscriptions[name].config for name in names], next_page_token=token
        )

    def delete_subscription(self, request: Any) -> None:
        """Forget a subscription."""
        self._directory.delete_subscription(check_name("subscriptions", request.subscription))

    def modify_push_config(self, request: Any) -> None:
        """Store where messages are to be pushed; nothing is pushed."""
        name = check_name("subscriptions", request.subscription)
        subscription = self._directory.subscription(name)
        config = _copy(subscription.config)
        config.push_config.CopyFrom(request.push_config)
        self._set(subscription, config)

    async def pull(self, request: Any) -> Any:
        """Hand out messages, or wait for the first."""
        check_pull(request)
        wait = not request.return_immediately
        taken = await self._service.pull(request.subscription, request.max_messages, wait=wait)
        response = PullResponse()
        fill(response, taken)
        return response

    def acknowledge(self, request: Any) -> None:
        """Settle deliveries."""
        check_ack_request(request)
        subscription = self._directory.subscription(check_name("subscriptions", request.subscription))
        if refused := self._service.ack(subscription, request.ack_ids):
            raise ack_ids_refused(refused)

    def modify_ack_deadline(self, request: Any) -> None:
        """Let leases end at another time."""
        check_ack_request(request)
        seconds = request.ack_deadline_seconds
        check_extension(seconds)
        subscription = self._directory.subscription(check_name("subscriptions", request.subscription))
        if refused := self._service.extend(subscription, [(one, seconds) for one in request.ack_ids]):
            raise ack_ids_refused(refused)

    def _set(self, subscription: Any, config: Any) -> None:
        detached = subscription.detached
        subscription.backlog.settings = subscription_settings(config)
        config.detached = detached
        subscription.config = config
        _warn_of_push(config)


def fill(response: Any, taken: list[Entry]) -> None:
    """Put deliveries into a `PullResponse` or a `StreamingPullResponse`."""
    add = response.received_messages.add
    epoch_s, at = 0.0, None
    for entry in taken:
        published, backlog = entry.published, entry.backlog
        content = published.content
        if at is None or published.at_utc != epoch_s:  # those of one request have one time
            epoch_s, at = published.at_utc, timestamp_of(published.at_utc)
        one = add(ack_id=backlog.ack_id(entry), delivery_attempt=backlog.delivery_attempt(entry))
        message = one.message
        message.data = content.data
        message.message_id = published.message_id
        message.publish_time.CopyFrom(at)
        if content.attributes:
            message.attributes.update(content.attributes)
        if content.ordering_key:
            message.ordering_key = content.ordering_key


def _warn_of_push(config: Any) -> None:
    if config.push_config.push_endpoint:
        _log.warning("%s: the push configuration is stored, but this stand-in pushes nothing", config.name)


def _copy(config: Any) -> Any:
    copy = Subscription()
    copy.CopyFrom(config)
    return copy
