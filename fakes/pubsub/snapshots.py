"""The calls of `google.pubsub.v1.Subscriber` that are about snapshots, and going back to one or to a time."""

from __future__ import annotations

from typing import Any

from fakes.pubsub.configs import check_mask
from fakes.pubsub.errors import failed_precondition, invalid, invalid_argument
from fakes.pubsub.limits import check_labels
from fakes.pubsub.message import Published
from fakes.pubsub.names import check_name, check_project
from fakes.pubsub.pages import page
from fakes.pubsub.protos import Snapshot as SnapshotConfig
from fakes.pubsub.protos import epoch_of, raw, set_epoch
from fakes.pubsub.publisher import merge
from fakes.pubsub.service import PubSubService
from fakes.pubsub.settings import DAY_S
from fakes.pubsub.subscription import Subscription
from fakes.pubsub.topic import Snapshot

LIFETIME_S = 7 * DAY_S
"""How long a snapshot lives, less the age of its oldest message."""

LIFETIME_S_MIN = 3_600.0


class SnapshotCalls:
    """Snapshots, and `Seek`. Calls take a request and give the answer, or raise `PubSubError`.

    Args:
        service: What they are about.
    """

    def __init__(self, service: PubSubService) -> None:
        self._service = service
        self._directory = service.directory
        self._clock = service.clock

    def create_snapshot(self, request: Any) -> Any:
        """Remember what a subscription has not acked."""
        check_name("snapshots", request.name)
        check_labels(request.labels)
        subscription = self._service.consumable(check_name("subscriptions", request.subscription))
        self._service.catch_up()
        subscription.backlog.drop_old(self._clock.monotonic())
        messages = subscription.backlog.unacked()
        lifetime_s = LIFETIME_S - self._age(messages)
        if lifetime_s < LIFETIME_S_MIN:
            raise failed_precondition(
                "The subscription's backlog is too old: the snapshot would expire in less than an hour."
            )
        config = SnapshotConfig(name=request.name, topic=subscription.topic, labels=request.labels)
        set_epoch(config.expire_time, self._clock.utc_now().timestamp() + lifetime_s)
        expires_at_s = self._clock.monotonic() + lifetime_s
        return self._directory.add_snapshot(Snapshot(config, messages, expires_at_s)).config

    def get_snapshot(self, request: Any) -> Any:
        """Tell what a snapshot is set to."""
        return self._directory.snapshot(check_name("snapshots", request.snapshot)).config

    def update_snapshot(self, request: Any) -> Any:
        """Change what the mask names."""
        check_mask("Snapshot", request.snapshot, request.update_mask.paths)
        snapshot = self._directory.snapshot(check_name("snapshots", request.snapshot.name))
        config = SnapshotConfig()
        config.CopyFrom(snapshot.config)
        merge(request.snapshot, config, request.update_mask)
        check_labels(config.labels)
        left_s = epoch_of(config.expire_time) - self._clock.utc_now().timestamp()
        if not 0 < left_s <= LIFETIME_S:
            raise invalid_argument("expire_time")
        snapshot.expires_at_s = self._clock.monotonic() + left_s
        snapshot.config = config
        return config

    def list_snapshots(self, request: Any) -> Any:
        """Tell what the snapshots of a project are set to."""
        self._directory.drop_unused()
        snapshots, prefix = self._directory.snapshots, check_project(request.project)
        names, token = page(
            (name for name in snapshots if name.startswith(prefix)), request.page_size, request.page_token
        )
        return raw("ListSnapshotsResponse")(
            snapshots=[snapshots[name].config for name in names], next_page_token=token
        )

    def delete_snapshot(self, request: Any) -> None:
        """Forget a snapshot."""
        self._directory.delete_snapshot(check_name("snapshots", request.snapshot))

    def seek(self, request: Any) -> Any:
        """Go back, or ahead, to a time or to a snapshot."""
        subscription = self._service.consumable(check_name("subscriptions", request.subscription))
        target = request.WhichOneof("target")
        if target is None:
            raise invalid_argument("target")
        self._service.catch_up()
        if target == "time":
            wanted = self._published_since(subscription, epoch_of(request.time))
        else:
            wanted = self._of_snapshot(subscription, check_name("snapshots", request.snapshot))
        self._service.replay(subscription, wanted)
        return raw("SeekResponse")()

    def _published_since(self, subscription: Subscription, epoch_s: float) -> list[Published]:
        topic = self._directory.topics.get(subscription.topic)
        kept = subscription.backlog.kept()
        logged = [] if topic is None else topic.log(self._clock.monotonic())
        by_number = {one.number: one for one in (*logged, *kept) if one.at_utc >= epoch_s}
        return [by_number[number] for number in sorted(by_number)]

    def _of_snapshot(self, subscription: Subscription, name: str) -> list[Published]:
        snapshot = self._directory.snapshot(name)
        if snapshot.topic != subscription.topic:
            raise invalid("The snapshot's topic is not the topic of the subscription.")
        return snapshot.messages

    def _age(self, messages: list[Published]) -> float:
        return self._clock.monotonic() - messages[0].at_s if messages else 0.0
