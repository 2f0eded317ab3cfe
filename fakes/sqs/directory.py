"""The queues of an account: their names, addresses and attributes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from cloud_tasks.interfaces import Clock
from fakes.sqs.errors import (
    invalid_attribute_name,
    invalid_attribute_value,
    invalid_parameter,
    invalid_value,
    missing_parameter,
    purge_in_progress,
    queue_deleted_recently,
    queue_does_not_exist,
    queue_exists,
)
from fakes.sqs.message import Place
from fakes.sqs.queue import IN_FLIGHT_MAX, Queue
from fakes.sqs.queue_attributes import KNOWN, QueueAttributes

ACCOUNT = "000000000000"
"""The account that owns every queue."""

_REGION = "us-east-1"
_ARN_PREFIX = f"arn:aws:sqs:{_REGION}:{ACCOUNT}:"
_QUIET_S = 60.0
"""After a delete, until the name is free again; and between two purges."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo")
_FIFO = ".fifo"


class QueueDirectory:
    """The queues by name.

    Args:
        clock: For everything that takes time.
        in_flight_max: How many messages of one queue can be in flight.
    """

    def __init__(self, clock: Clock, in_flight_max: int = IN_FLIGHT_MAX) -> None:
        self._clock = clock
        self._in_flight_max = in_flight_max
        self._queues: dict[str, Queue] = {}
        self._deleted_at_s: dict[str, float] = {}
        self._numbers = itertools.count(1)

    def create(self, name: str, attributes: Mapping[str, str], tags: Mapping[str, str]) -> Queue:
        """Make a queue, or find the one that is like that.

        Raises:
            SqsError: The name or an attribute is not allowed, there is another queue of that name, or there
                was one until a moment ago.
        """
        self._check_name(name, attributes)
        settings = QueueAttributes(attributes, is_fifo=name.endswith(_FIFO))
        if (queue := self._queues.get(name)) is not None:
            if (different := queue.attributes.difference(attributes)) is not None:
                raise queue_exists(different)
            return queue
        if self._clock.monotonic() - self._deleted_at_s.get(name, -_QUIET_S) < _QUIET_S:
            raise queue_deleted_recently()
        self._check_redrive(name, settings)
        queue = Queue(
            next(self._numbers),
            name,
            _ARN_PREFIX + name,
            settings,
            clock=self._clock,
            dead_letters=self._dead_letters_of,
            in_flight_max=self._in_flight_max,
        )
        queue.tags.update(tags)
        self._queues[name] = queue
        return queue

    def find(self, name: str) -> Queue:
        """The queue of a name.

        Raises:
            SqsError: There is none.
        """
        queue = self._queues.get(name)
        if queue is None:
            raise queue_does_not_exist()
        return queue

    def at(self, url: str) -> Queue:
        """The queue at an address, on whatever host; a bare name will do, as it does for SQS.

        Raises:
            SqsError: There is none.
        """
        if not url:
            raise missing_parameter("QueueUrl")
        return self.find(url.rpartition("/")[2])

    def delete(self, url: str) -> None:
        """Delete a queue with everything in it; who waits for a message is sent home.

        Raises:
            SqsError: There is none.
        """
        queue = self.at(url)
        del self._queues[queue.name]
        self._deleted_at_s[queue.name] = self._clock.monotonic()
        queue.poll.close()

    def purge(self, url: str) -> None:
        """Remove every message from a queue.

        Raises:
            SqsError: There is no such queue, or it was purged a moment ago.
        """
        queue = self.at(url)
        if queue.purged_at_s is not None and self._clock.monotonic() - queue.purged_at_s < _QUIET_S:
            raise purge_in_progress(queue.name)
        queue.purge()

    def names(self, prefix: str) -> list[str]:
        """The names that begin with something, sorted."""
        return sorted(name for name in self._queues if name.startswith(prefix))

    def sources_of(self, queue: Queue) -> list[str]:
        """The names of the queues whose dead letters go to one, sorted."""
        redrives = ((name, each.attributes.redrive) for name, each in self._queues.items())
        return sorted(name for name, redrive in redrives if redrive and redrive.target_arn == queue.arn)

    def set(self, url: str, attributes: Mapping[str, str]) -> None:
        """Change a queue.

        Raises:
            SqsError: There is no such queue, or an attribute is not allowed.
        """
        queue = self.at(url)
        if queue.attributes.is_fifo and "FifoQueue" in attributes:
            raise invalid_attribute_value("FifoQueue", "Modifying queue type is not supported.")
        self._check_redrive(queue.name, QueueAttributes(attributes, is_fifo=queue.attributes.is_fifo))
        queue.attributes.update(attributes)
        queue.modified_s = int(self._clock.utc_now().timestamp())

    def look(self, url: str, names: tuple[str, ...]) -> dict[str, str]:
        """Some attributes of a queue, or `All`.

        Raises:
            SqsError: There is no such queue or no such attribute.
        """
        queue = self.at(url)
        for name in names:
            if name != "All" and name not in KNOWN:
                raise invalid_attribute_name(name)
        return {name: value for name, value in _everything(queue).items() if "All" in names or name in names}

    def close(self) -> None:
        """Send home who waits for a message."""
        for queue in self._queues.values():
            queue.poll.close()

    def _check_name(self, name: str, attributes: Mapping[str, str]) -> None:
        if not name:
            raise missing_parameter("QueueName")
        if not _NAME.fullmatch(name):
            raise invalid_parameter(
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
            )
        if name.endswith(_FIFO) and attributes.get("FifoQueue") != "true":
            raise invalid_parameter(
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
            )
        if not name.endswith(_FIFO) and "FifoQueue" in attributes:
            raise invalid_attribute_name("FifoQueue")

    def _check_redrive(self, name: str, attributes: QueueAttributes) -> None:
        redrive = attributes.redrive
        if redrive is None:
            return
        if not redrive.target_arn.startswith(_ARN_PREFIX):
            raise invalid_value("RedrivePolicy", redrive.text, "Invalid value for deadLetterTargetArn.")
        target = redrive.target_arn.removeprefix(_ARN_PREFIX)
        if target not in self._queues or target == name:
            raise invalid_value("RedrivePolicy", redrive.text, "Dead letter target does not exist.")
        if target.endswith(_FIFO) != attributes.is_fifo:
            raise invalid_value(
                "RedrivePolicy", redrive.text, "Dead-letter queue must be same type of queue as the source."
            )

    def _dead_letters_of(self, source: Queue) -> Queue | None:
        redrive = source.attributes.redrive
        return self._queues.get(redrive.target_arn.removeprefix(_ARN_PREFIX)) if redrive else None


def _everything(queue: Queue) -> dict[str, str]:
    counts = queue.counts()
    return {
        "QueueArn": queue.arn,
        "ApproximateNumberOfMessages": str(counts[Place.VISIBLE]),
        "ApproximateNumberOfMessagesNotVisible": str(counts[Place.IN_FLIGHT]),
        "ApproximateNumberOfMessagesDelayed": str(counts[Place.DELAYED]),
        "CreatedTimestamp": str(queue.created_s),
        "LastModifiedTimestamp": str(queue.modified_s),
    } | queue.attributes.shown()
