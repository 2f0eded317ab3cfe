"""What owners may set topics, subscriptions and snapshots to, and what follows from it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from fakes.pubsub.errors import invalid, too_large, too_small
from fakes.pubsub.filters import parse_filter
from fakes.pubsub.limits import check_ack_deadline, check_fields, check_labels, check_retention
from fakes.pubsub.names import check_name
from fakes.pubsub.protos import seconds_of
from fakes.pubsub.settings import (
    DAY_S,
    RETENTION_S,
    Backoff,
    DeadLetters,
    SubscriptionSettings,
)

_TTL_S = 31 * DAY_S
_BACKOFF_S_MAX = 600.0
_ATTEMPTS_MIN, _ATTEMPTS_MAX, _ATTEMPTS = 5, 100, 5

_TOPIC_MISSING = (
    ("schema_settings", "schemas"),
    ("ingestion_data_source_settings", "ingestion"),
    ("message_transforms", "transforms of messages"),
)
_SUBSCRIPTION_MISSING = (
    ("bigquery_config", "export to BigQuery"),
    ("cloud_storage_config", "export to Cloud Storage"),
    ("bigtable_config", "export to Bigtable"),
    ("message_transforms", "transforms of messages"),
)
_TOPIC_MUTABLE = ("labels", "message_storage_policy", "kms_key_name", "message_retention_duration", "state")
_SUBSCRIPTION_FIXED = ("name", "topic", "filter", "enable_message_ordering", "detached", "state", "tags")
_ACTIVE = 1


def topic_retention(config: Any) -> float | None:
    """Check a `Topic`, fill in what its owner left open, and tell how long it keeps messages.

    Raises:
        PubSubError: The service would not take it, or this stand-in does not have it.
    """
    check_name("topics", config.name)
    check_fields(config, _TOPIC_MISSING)
    check_labels(config.labels)
    config.state = _ACTIVE
    if not config.HasField("message_retention_duration"):
        return None
    return check_retention(config.message_retention_duration)


def subscription_settings(config: Any) -> SubscriptionSettings:
    """Check a `Subscription`, fill in what its owner left open, and tell how it behaves.

    Raises:
        PubSubError: The service would not take it, or this stand-in does not have it.
    """
    check_name("subscriptions", config.name)
    check_fields(config, _SUBSCRIPTION_MISSING)
    check_labels(config.labels)
    _fill_in(config)
    return SubscriptionSettings(
        ack_deadline_s=config.ack_deadline_seconds,
        retention_s=check_retention(config.message_retention_duration),
        retains_acked=config.retain_acked_messages,
        ordered=config.enable_message_ordering,
        exactly_once=config.enable_exactly_once_delivery,
        accepts=parse_filter(config.filter) if config.filter else None,
        dead_letters=_dead_letters(config),
        backoff=_backoff(config),
        ttl_s=_ttl(config),
        pushes=bool(config.push_config.push_endpoint),
    )


def check_mask(kind: str, config: Any, paths: Collection[str]) -> None:
    """Refuse an update of what cannot be updated.

    Raises:
        PubSubError: Nothing is to be updated, or something that does not exist or cannot change.
    """
    request = f"Update{kind}Request"
    if not paths:
        raise invalid(
            f"The update_mask in the {request} must be set, and must contain a non-empty paths list."
        )
    for path in paths:
        leads_somewhere = FieldMask(paths=[path]).IsValidForDescriptor(config.DESCRIPTOR)
        if not leads_somewhere or not _is_mutable(kind, path.split(".")[0]):
            raise invalid(
                f"Invalid update_mask provided in the {request}: "
                f"the '{path}' field in the {kind} is not mutable."
            )


def _is_mutable(kind: str, name: str) -> bool:
    if kind == "Topic":
        return name in _TOPIC_MUTABLE or any(name == missing for missing, _ in _TOPIC_MISSING)
    if kind == "Snapshot":
        return name in ("labels", "expire_time")
    return name not in _SUBSCRIPTION_FIXED


def _fill_in(config: Any) -> None:
    config.state = _ACTIVE
    config.detached = False
    config.ack_deadline_seconds = check_ack_deadline(config.ack_deadline_seconds)
    if not config.HasField("message_retention_duration"):
        config.message_retention_duration.seconds = int(RETENTION_S)
    if not config.HasField("expiration_policy"):
        config.expiration_policy.ttl.seconds = int(_TTL_S)


def _dead_letters(config: Any) -> DeadLetters | None:
    if not config.HasField("dead_letter_policy"):
        return None
    policy = config.dead_letter_policy
    check_name("topics", policy.dead_letter_topic)
    policy.max_delivery_attempts = attempts = policy.max_delivery_attempts or _ATTEMPTS
    if attempts < _ATTEMPTS_MIN:
        raise too_small("max_delivery_attempts", attempts, _ATTEMPTS_MIN)
    if attempts > _ATTEMPTS_MAX:
        raise too_large("max_delivery_attempts", attempts, _ATTEMPTS_MAX)
    return DeadLetters(policy.dead_letter_topic, attempts)


def _backoff(config: Any) -> Backoff | None:
    if not config.HasField("retry_policy"):
        return None
    policy, default = config.retry_policy, Backoff()
    if not policy.HasField("minimum_backoff"):
        policy.minimum_backoff.seconds = int(default.min_s)
    if not policy.HasField("maximum_backoff"):
        policy.maximum_backoff.seconds = int(default.max_s)
    shortest, longest = seconds_of(policy.minimum_backoff), seconds_of(policy.maximum_backoff)
    if not (0 <= shortest <= _BACKOFF_S_MAX and 0 <= longest <= _BACKOFF_S_MAX):
        raise invalid("The backoff of a retry policy must be between 0 and 600 seconds.")
    if shortest > longest:
        raise invalid("The minimum backoff of a retry policy must not be above the maximum backoff.")
    return Backoff(shortest, longest)


def _ttl(config: Any) -> float | None:
    if not config.expiration_policy.HasField("ttl"):
        return None
    seconds = seconds_of(config.expiration_policy.ttl)
    if seconds < DAY_S:
        raise invalid("The expiration policy's ttl must be at least one day.")
    return seconds
