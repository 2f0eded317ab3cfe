"""The messages of `google.pubsub.v1` as protobuf has them: the client library's wrappers are slow."""

from __future__ import annotations

from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.pubsub_v1 import types

_NS = 1_000_000_000


def raw(name: str) -> Any:
    """The protobuf class of a message type."""
    return getattr(types, name).pb()


PublishResponse = raw("PublishResponse")
PullResponse = raw("PullResponse")
StreamingPullResponse = raw("StreamingPullResponse")
Snapshot = raw("Snapshot")
Subscription = raw("Subscription")
Topic = raw("Topic")


def seconds_of(duration: Duration) -> float:
    """A duration in seconds."""
    return duration.seconds + duration.nanos / _NS


def epoch_of(timestamp: Timestamp) -> float:
    """A time in seconds of the epoch."""
    return timestamp.seconds + timestamp.nanos / _NS


def set_epoch(timestamp: Timestamp, epoch_s: float) -> None:
    """Set a time that is given in seconds of the epoch, to the microsecond."""
    timestamp.CopyFrom(timestamp_of(epoch_s))


def timestamp_of(epoch_s: float) -> Timestamp:
    """A time that is given in seconds of the epoch, to the microsecond."""
    micros = round(epoch_s * 1_000_000)
    return Timestamp(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1_000)
