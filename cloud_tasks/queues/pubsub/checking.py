"""Seeing before the first task that queues and permissions are there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.pubsub_v1 import types

from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.queues.pubsub import problems
from cloud_tasks.queues.pubsub.failures import CallFailedError
from cloud_tasks.queues.pubsub.names import DELETED_TOPIC, QueueNames, short
from cloud_tasks.queues.pubsub.permissions import CONSUME, PUBLISH, PUBLISHER, SUBSCRIBER
from cloud_tasks.queues.pubsub.resources import Resources

R = TypeVar("R")


class QueueCheck:
    """Looks at one queue; all that is wrong is told at once.

    Args:
        resources: Topics and subscriptions.
        project_id: The project.
        names: The queue.
    """

    def __init__(self, resources: Resources, project_id: str, names: QueueNames) -> None:
        self._found: list[Problem] = []
        self._resources = resources
        self._project_id = project_id
        self._names = names

    async def tasks(self, *, exactly_once: bool) -> list[Problem]:
        """What is wrong with the task queue, for one who takes tasks from it.

        Raises:
            ConfigurationError: We may not even look.
            QueueUnavailableError: Nobody could be asked.
        """
        await self._topic()
        subscription = await self._subscription()
        if subscription is not None:
            await self._may(CONSUME, self._names.subscription, SUBSCRIBER)
            if dead_letters := subscription.dead_letter_policy.dead_letter_topic:
                await self._may(PUBLISH, dead_letters, PUBLISHER)
            if exactly_once and not subscription.enable_exactly_once_delivery:
                self._not_exactly_once()
        return self._found

    async def events(self) -> list[Problem]:
        """What is wrong with the event queue, for one who tells events; raises as `tasks` does.

        Without a subscription everything that is published would be lost, so it has to be there.
        """
        if await self._topic() is not None:
            await self._may(PUBLISH, self._names.topic, PUBLISHER)
        await self._subscription()
        return self._found

    async def _topic(self) -> types.Topic | None:
        name = self._names.topic
        topic = await asked_of_user(self._resources.topic(name))
        if topic is None:
            there = await self._names_there(self._resources.topic_names)
            self._found.append(problems.missing("topic", name, self._names, self._project_id, there))
        return topic

    async def _subscription(self) -> types.Subscription | None:
        name = self._names.subscription
        subscription = await asked_of_user(self._resources.subscription(name))
        if subscription is None:
            there = await self._names_there(self._resources.subscription_names)
            self._found.append(problems.missing("subscription", name, self._names, self._project_id, there))
        else:
            self._usable(subscription)
        return subscription

    async def _may(self, permission: str, resource: str, role: str) -> None:
        """See that we have a permission, where that can be asked."""
        missing = await self._resources.missing_permissions(resource, (permission,))
        self._found += [problems.not_granted(one, resource, role) for one in missing]

    def _not_exactly_once(self) -> None:
        self._found.append(
            problems.unusable(
                self._names,
                "exactly-once delivery was asked for, and its subscription does not have it",
                "leave --exactly-once-queue out, or delete the queue and let it be created with it",
            )
        )

    def _usable(self, subscription: types.Subscription) -> None:
        names = self._names
        if subscription.topic == DELETED_TOPIC:
            what = "the topic of its subscription was deleted; nothing can arrive there any more"
            self._found.append(problems.unusable(names, what, "delete the queue and create it again"))
        elif subscription.topic != names.topic:
            what = f"its subscription hangs on another topic, {short(subscription.topic)}"
            self._found.append(problems.unusable(names, what, "choose another queue name"))
        elif subscription.detached:
            what = "its subscription was detached from its topic"
            self._found.append(problems.unusable(names, what, "delete the queue and create it again"))
        elif subscription.push_config.push_endpoint:
            what = "its subscription pushes to an address, so nothing can be pulled from it"
            self._found.append(
                problems.unusable(names, what, "turn pushing off, or choose another queue name")
            )

    async def _names_there(self, list_names: Callable[[str], Awaitable[list[str]]]) -> list[str]:
        try:
            return await list_names(self._project_id)
        except CallFailedError:
            return []


async def asked_of_user(asked: Awaitable[R]) -> R:
    """Wait for the answer to a call that only a user can put right if it is refused.

    Raises:
        ConfigurationError: We may not make it, or the name is none.
        QueueUnavailableError: Nobody could be asked.
    """
    try:
        return await asked
    except CallFailedError as error:
        if error.denied:
            raise ConfigurationError(problems.denied(error)) from None
        if error.code == "INVALID_ARGUMENT":
            raise ConfigurationError(problems.refused(error)) from None
        raise
