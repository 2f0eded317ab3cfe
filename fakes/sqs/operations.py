"""The calls by their names on the wire."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct
from msgspec.structs import asdict

from fakes.faults import FaultKind
from fakes.sqs import requests as calls
from fakes.sqs.directory import ACCOUNT
from fakes.sqs.errors import invalid_parameter, missing_parameter
from fakes.sqs.service import SqsService
from fakes.sqs.values import ReceiveOptions, SendEntry

_PAGE_MAX = 1000


class Caller(Struct):
    """A call's other end: who asks, who is asked, and at which address.

    Attributes:
        service: The service.
        base_url: Where the caller found it; addresses of queues begin like that.
        who: The access key that the call was signed with; "" for none.
        invocation: What the client calls it, the same when it tries again; "" where it says nothing.
        struck: The faults that made a difference to the call.
    """

    service: SqsService
    base_url: str
    who: str = ""
    invocation: str = ""
    struck: list[FaultKind] = []

    def url_of(self, name: str) -> str:
        """The address of a queue."""
        return f"{self.base_url}/{ACCOUNT}/{name}"


R = TypeVar("R", bound=Struct)


class Operation(NamedTuple, Generic[R]):
    """A call: what it takes, and what does it."""

    request: type[R]
    act: Callable[[Caller, R], Struct | Awaitable[Struct]]


def _create(caller: Caller, request: calls.CreateQueue) -> Struct:
    queue = caller.service.queues.create(request.queue_name, request.attributes, request.tags)
    return calls.QueueUrl(caller.url_of(queue.name))


def _get_url(caller: Caller, request: calls.GetQueueUrl) -> Struct:
    if not request.queue_name:
        raise missing_parameter("QueueName")
    return calls.QueueUrl(caller.url_of(caller.service.queues.find(request.queue_name).name))


def _delete_queue(caller: Caller, request: calls.OfQueue) -> Struct:
    caller.service.queues.delete(request.queue_url)
    return calls.Nothing()


def _purge(caller: Caller, request: calls.OfQueue) -> Struct:
    caller.service.queues.purge(request.queue_url)
    return calls.Nothing()


def _look(caller: Caller, request: calls.GetQueueAttributes) -> Struct:
    return calls.Attributes(caller.service.queues.look(request.queue_url, request.attribute_names))


def _set(caller: Caller, request: calls.SetQueueAttributes) -> Struct:
    caller.service.queues.set(request.queue_url, request.attributes)
    return calls.Nothing()


def _tag(caller: Caller, request: calls.TagQueue) -> Struct:
    caller.service.queues.at(request.queue_url).tags.update(request.tags)
    return calls.Nothing()


def _untag(caller: Caller, request: calls.UntagQueue) -> Struct:
    tags = caller.service.queues.at(request.queue_url).tags
    for key in request.tag_keys:
        tags.pop(key, None)
    return calls.Nothing()


def _tags(caller: Caller, request: calls.OfQueue) -> Struct:
    return calls.Tags(dict(caller.service.queues.at(request.queue_url).tags))


def _list(caller: Caller, request: calls.ListQueues) -> Struct:
    names = caller.service.queues.names(request.queue_name_prefix)
    page, token = _page(names, request.max_results, request.next_token)
    return calls.QueueUrls(tuple(map(caller.url_of, page)), token)


def _list_sources(caller: Caller, request: calls.ListDeadLetterSourceQueues) -> Struct:
    names = caller.service.queues.sources_of(caller.service.queues.at(request.queue_url))
    page, token = _page(names, request.max_results, request.next_token)
    return calls.SourceQueueUrls(tuple(map(caller.url_of, page)), token)


def _page(names: list[str], count: int | None, token: str) -> tuple[list[str], str | None]:
    """The names after those that the token stands for; a token only if a limit was asked for."""
    if count is not None and not 1 <= count <= _PAGE_MAX:
        raise invalid_parameter(
            f"Value for parameter MaxResults is invalid. Reason: Must be 1 to {_PAGE_MAX}."
        )
    after = _read_token(token) if token else ""
    rest = [name for name in names if name > after]
    page = rest[: count or _PAGE_MAX]
    more = count is not None and len(rest) > len(page)
    return page, base64.b64encode(page[-1].encode()).decode() if more else None


def _read_token(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except ValueError:
        raise invalid_parameter("Invalid or expired pagination token.") from None


def _send(caller: Caller, request: calls.SendMessage) -> Struct:
    fields = asdict(request)
    url = fields.pop("queue_url")
    return caller.service.send(url, SendEntry(**fields))


async def _receive(caller: Caller, request: ReceiveOptions) -> Struct:
    return await caller.service.receive(request)


def _delete(caller: Caller, request: calls.OfMessage) -> Struct:
    caller.service.delete(request)
    return calls.Nothing()


def _change(caller: Caller, request: calls.ChangeMessageVisibility) -> Struct:
    caller.service.change_visibility(request)
    return calls.Nothing()


OPERATIONS: Mapping[str, Operation] = {  # type: ignore[type-arg] # each takes a request of its own
    "CreateQueue": Operation(calls.CreateQueue, _create),
    "GetQueueUrl": Operation(calls.GetQueueUrl, _get_url),
    "DeleteQueue": Operation(calls.OfQueue, _delete_queue),
    "PurgeQueue": Operation(calls.OfQueue, _purge),
    "GetQueueAttributes": Operation(calls.GetQueueAttributes, _look),
    "SetQueueAttributes": Operation(calls.SetQueueAttributes, _set),
    "TagQueue": Operation(calls.TagQueue, _tag),
    "UntagQueue": Operation(calls.UntagQueue, _untag),
    "ListQueueTags": Operation(calls.OfQueue, _tags),
    "ListQueues": Operation(calls.ListQueues, _list),
    "ListDeadLetterSourceQueues": Operation(calls.ListDeadLetterSourceQueues, _list_sources),
    "SendMessage": Operation(calls.SendMessage, _send),
    "SendMessageBatch": Operation(calls.SendMessageBatch, lambda caller, it: caller.service.send_batch(it)),
    "ReceiveMessage": Operation(ReceiveOptions, _receive),
    "DeleteMessage": Operation(calls.OfMessage, _delete),
    "DeleteMessageBatch": Operation(calls.HandleBatch, lambda caller, it: caller.service.delete_batch(it)),
    "ChangeMessageVisibility": Operation(calls.ChangeMessageVisibility, _change),
    "ChangeMessageVisibilityBatch": Operation(
        calls.HandleBatch, lambda caller, it: caller.service.change_visibility_batch(it)
    ),
}
"""Every call that there is."""

ELSEWHERE = (
    "AddPermission",
    "CancelMessageMoveTask",
    "ListMessageMoveTasks",
    "RemovePermission",
    "StartMessageMoveTask",
)
"""What SQS does, and this stand-in does not."""
