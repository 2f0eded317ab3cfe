"""The calls of SQS's JSON protocol, and the answers of those that manage queues."""

from __future__ import annotations

from msgspec import Struct, field

from fakes.sqs.values import HandleEntry, Received, SendEntry


class CreateQueue(Struct, frozen=True, rename="pascal"):
    """Make a queue, or find the one that is like that."""

    queue_name: str = ""
    attributes: dict[str, str] = {}
    tags: dict[str, str] = field(name="tags", default_factory=dict)


class GetQueueUrl(Struct, frozen=True, rename="pascal"):
    """Find a queue by name."""

    queue_name: str = ""
    queue_owner_aws_account_id: str | None = field(name="QueueOwnerAWSAccountId", default=None)


class OfQueue(Struct, frozen=True, rename="pascal"):
    """A call that is about a queue as such."""

    queue_url: str = ""


class GetQueueAttributes(OfQueue, frozen=True, rename="pascal"):
    """Look at a queue."""

    attribute_names: tuple[str, ...] = ()


class SetQueueAttributes(OfQueue, frozen=True, rename="pascal"):
    """Change a queue."""

    attributes: dict[str, str] = {}


class TagQueue(OfQueue, frozen=True, rename="pascal"):
    """Tag a queue."""

    tags: dict[str, str] = {}


class UntagQueue(OfQueue, frozen=True, rename="pascal"):
    """Take tags away."""

    tag_keys: tuple[str, ...] = ()


class ListQueues(Struct, frozen=True, rename="pascal"):
    """See which queues there are."""

    queue_name_prefix: str = ""
    max_results: int | None = None
    next_token: str = ""


class ListDeadLetterSourceQueues(OfQueue, frozen=True, rename="pascal"):
    """See whose dead-letter queue a queue is."""

    max_results: int | None = None
    next_token: str = ""


class SendMessage(SendEntry, frozen=True, rename="pascal"):
    """Send one message."""

    queue_url: str = ""


class SendMessageBatch(OfQueue, frozen=True, rename="pascal"):
    """Send up to ten."""

    entries: tuple[SendEntry, ...] = ()


class OfMessage(OfQueue, frozen=True, rename="pascal"):
    """A call that is about one delivery."""

    receipt_handle: str = ""


class ChangeMessageVisibility(OfMessage, frozen=True, rename="pascal"):
    """Change when a lease ends."""

    visibility_timeout: int | None = None


class HandleBatch(OfQueue, frozen=True, rename="pascal"):
    """The same for up to ten deliveries."""

    entries: tuple[HandleEntry, ...] = ()


class Nothing(Struct, frozen=True):
    """An answer without content."""


class QueueUrl(Struct, frozen=True, rename="pascal"):
    """Where a queue is."""

    queue_url: str


class QueueUrls(Struct, frozen=True, rename="pascal", omit_defaults=True):
    """Where queues are; the token only if there are more."""

    queue_urls: tuple[str, ...] = ()
    next_token: str | None = None


class SourceQueueUrls(Struct, frozen=True, rename="pascal", omit_defaults=True):
    """Where the queues are whose dead letters go to one."""

    queue_urls: tuple[str, ...] = field(name="queueUrls")
    next_token: str | None = None


class Attributes(Struct, frozen=True, rename="pascal", omit_defaults=True):
    """The attributes of a queue."""

    attributes: dict[str, str] = {}


class Tags(Struct, frozen=True, rename="pascal", omit_defaults=True):
    """The tags of a queue."""

    tags: dict[str, str] = {}


class Messages(Struct, frozen=True, rename="pascal", omit_defaults=True):
    """What was received."""

    messages: tuple[Received, ...] = ()
