"""moto's model of SQS with what it gets wrong put right, or refused where that is not possible.

Measured on moto 5.2.5. What is right in moto is left to moto.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from moto.sqs import urls
from moto.sqs.exceptions import SQSException
from moto.sqs.models import Message, Queue, SQSBackend

from fakes.sqs import errors
from fakes.sqs.batches import check_ids
from fakes.sqs.content import check_message
from fakes.sqs.deduplication import Accepted, Deduplication, content_id
from fakes.sqs.errors import SqsError
from fakes.sqs.message import sequence_number
from fakes.sqs.moto_queues import (
    check_current,
    check_timeout,
    drop_old,
    entry_of,
    find,
    forget_handles,
    give_back_expired,
    naps,
    now_s,
    refuse_group_scope,
)
from fakes.sqs.moto_responses import MendedResponse
from fakes.sqs.queue import IN_FLIGHT_MAX, LEASE_TOTAL_S_MAX
from fakes.sqs.sending import check_id
from fakes.sqs.values import HandleEntry, SendEntry

_QUIET_S = 60


class _Memory:
    """What moto does not remember of a queue."""

    def __init__(self) -> None:
        self.deduplication = Deduplication()
        self.numbers = itertools.count(1)
        self.received_at_s: dict[str, float] = {}
        self.sources: dict[str, str] = {}

    def keep_only(self, messages: Sequence[Message]) -> None:
        """Forget what is known of other messages: they are gone."""
        if max(len(self.received_at_s), len(self.sources)) > len(messages):
            ids = {message.id for message in messages}
            self.received_at_s = {id_: at_s for id_, at_s in self.received_at_s.items() if id_ in ids}
            self.sources = {id_: arn for id_, arn in self.sources.items() if id_ in ids}


class MendedSqs(SQSBackend):
    """A backend of moto's; one thread at a time, or one message could go to two receivers.

    Args:
        region_name: Its region.
        account_id: Its account.
        in_flight_max: How many messages of a queue may be in flight.
    """

    def __init__(self, region_name: str, account_id: str, *, in_flight_max: int = IN_FLIGHT_MAX) -> None:
        super().__init__(region_name, account_id)
        self._in_flight_max = in_flight_max
        self._lock = threading.RLock()
        self._memories: dict[str, _Memory] = {}
        self._deleted_at_s: dict[str, float] = {}

    @property
    def _url_module(self) -> Any:
        """Where moto looks for what answers requests."""
        paths = dict.fromkeys(urls.url_paths, MendedResponse.dispatch)
        return SimpleNamespace(url_bases=urls.url_bases, url_paths=paths)

    def create_queue(self, name: str, tags: dict[str, str] | None = None, **kwargs: Any) -> Queue:
        """As moto does it, but not at once after a delete, and not with what moto ignores."""
        with self._lock, _told():
            if now_s() - self._deleted_at_s.get(name, -_QUIET_S) < _QUIET_S:
                raise errors.queue_deleted_recently()
            refuse_group_scope(kwargs)
            return super().create_queue(name, tags, **kwargs)

    def set_queue_attributes(self, queue_name: str, attributes: dict[str, Any]) -> Queue:
        """As moto does it, but not with what moto ignores."""
        with self._lock, _told():
            refuse_group_scope(attributes)
            return super().set_queue_attributes(queue_name, attributes)

    def delete_queue(self, queue_name: str) -> None:
        """As moto does it, and remember when."""
        with self._lock:
            super().delete_queue(queue_name)
            self._memories.pop(queue_name, None)
            self._deleted_at_s[queue_name] = now_s()

    def get_queue_attributes(self, queue_name: str, attribute_names: list[str]) -> dict[str, Any]:
        """As moto does it, without counting what is too old."""
        with self._lock:
            drop_old(self.get_queue(queue_name))
            return super().get_queue_attributes(queue_name, attribute_names)

    def send_message(self, queue_name: str, message_body: str, *args: Any, **kwargs: Any) -> Message:
        """As moto does it, but look at what is sent, and let nothing in twice."""
        with self._lock, _told():
            queue = self.get_queue(queue_name)
            entry = entry_of(message_body, kwargs)
            check_message(entry, int(queue.maximum_message_size))  # type: ignore[attr-defined] # set by name
            check_id("MessageGroupId", entry.message_group_id)
            check_id("MessageDeduplicationId", entry.message_deduplication_id)
            if not queue.fifo_queue:
                return super().send_message(queue_name, message_body, *args, **kwargs)
            if entry.message_group_id is None:
                raise errors.missing_parameter("MessageGroupId")
            known = self._find_accepted(queue, entry)
            if known is not None:
                message = Message(known.message_id, message_body)
                message.message_attributes = kwargs.get("message_attributes") or {}
                message.sequence_number = known.sequence_number
                return message
            message = super().send_message(queue_name, message_body, *args, **kwargs)
            memory = self._memory(queue)
            message.sequence_number = sequence_number(next(memory.numbers))
            memory.deduplication.remember(
                now_s(),
                "",
                message.deduplication_id or "",
                Accepted(message.id, message.sequence_number),
            )
            return message

    def receive_message(
        self,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> list[Message]:
        """As moto does it, without the long poll, which is ours, and the dead letters told from where."""
        with _told():
            check_timeout(visibility_timeout)
            waits = naps(wait_seconds_timeout)
            while True:
                with self._lock:
                    queue = self.get_queue(queue_name)
                    taken = self._take(
                        queue,
                        count,
                        visibility_timeout,
                        message_attribute_names,
                        long=wait_seconds_timeout > 0,
                    )
                if taken or next(waits, None) is None:
                    return taken

    def delete_message(self, queue_name: str, receipt_handle: str) -> None:
        """As moto does it, but not with a handle of a FIFO queue that is out of date."""
        with self._lock, _told():
            queue = self.get_queue(queue_name)
            check_current(queue, find(queue, receipt_handle), receipt_handle)
            super().delete_message(queue_name, receipt_handle)

    def delete_message_batch(
        self, queue_name: str, receipts: list[dict[str, Any]]
    ) -> tuple[list[str], list[dict[str, str]]]:
        """Each entry by itself."""
        return _each(
            "DeleteMessageBatchRequestEntry",
            receipts,
            lambda one: self.delete_message(queue_name, one["ReceiptHandle"]),
        )

    def change_message_visibility(
        self, queue_name: str, receipt_handle: str, visibility_timeout: int
    ) -> None:
        """Count the twelve hours from the receive, and know what was deleted."""
        with self._lock, _told():
            queue = self.get_queue(queue_name)
            timeout_s = check_timeout(visibility_timeout)
            if receipt_handle in queue.deleted_messages:
                raise errors.no_such_message(receipt_handle)
            message = find(queue, receipt_handle)
            if message is None:
                raise errors.invalid_handle(receipt_handle)
            check_current(queue, message, receipt_handle)
            received_at_s = self._memory(queue).received_at_s[message.id]
            if timeout_s and now_s() + timeout_s > received_at_s + LEASE_TOTAL_S_MAX:
                raise errors.lease_too_long(timeout_s, LEASE_TOTAL_S_MAX)
            if timeout_s:
                message.change_visibility(timeout_s)
            else:
                message.visible_at = 0.0
                queue.pending_messages.discard(message)

    def change_message_visibility_batch(
        self, queue_name: str, entries: list[dict[str, Any]]
    ) -> tuple[list[str], list[dict[str, str]]]:
        """Each entry by itself."""
        return _each(
            "ChangeMessageVisibilityBatchRequestEntry",
            entries,
            lambda one: self.change_message_visibility(
                queue_name, one["ReceiptHandle"], one.get("VisibilityTimeout", 0)
            ),
        )

    def source_of(self, queue_name: str, message_id: str) -> str | None:
        """The queue that a dead letter came from."""
        return self._memory(self.get_queue(queue_name)).sources.get(message_id)

    def _take(
        self, queue: Queue, count: int, timeout_s: int, names: list[str] | None, *, long: bool
    ) -> list[Message]:
        drop_old(queue)
        give_back_expired(queue)
        room = self._in_flight_max - queue.approximate_number_of_messages_not_visible
        if room <= 0:
            if long or queue.fifo_queue:
                return []
            raise errors.over_limit(self._in_flight_max)
        target = queue.dead_letter_queue
        before = {message.id for message in target._messages} if target else set()  # noqa: SLF001 - moto's own
        taken = super().receive_message(queue.name, min(count, room), 0, timeout_s, names)
        memory = self._memory(queue)
        for message in taken:
            memory.received_at_s[message.id] = now_s()
        memory.keep_only(queue._messages)  # noqa: SLF001 - moto's own
        if target is not None:
            for message in target._messages:  # noqa: SLF001 - moto's own
                if message.id not in before:
                    self._memory(target).sources[message.id] = queue.queue_arn
                    forget_handles(message)
        return taken

    def _find_accepted(self, queue: Queue, entry: SendEntry) -> Accepted | None:
        by_content = queue.attributes["ContentBasedDeduplication"] == "true"
        name = entry.message_deduplication_id or (content_id(entry) if by_content else "")
        return self._memory(queue).deduplication.find(now_s(), "", name)

    def _memory(self, queue: Queue) -> _Memory:
        return self._memories.setdefault(queue.name, _Memory())


@contextmanager
def _told() -> Iterator[None]:
    """Refusals in moto's form."""
    try:
        yield
    except SqsError as error:
        raise SQSException(error.code, error.message) from None


def _each(
    kind: str, entries: Sequence[dict[str, Any]], act: Callable[[dict[str, Any]], None]
) -> tuple[list[str], list[dict[str, str]]]:
    with _told():
        check_ids([HandleEntry(entry.get("Id", "")) for entry in entries], kind)
    successful: list[str] = []
    failed: list[dict[str, Any]] = []
    for entry in entries:
        try:
            act(entry)
            successful.append(entry["Id"])
        except SQSException as error:
            failed.append(
                {"Id": entry["Id"], "SenderFault": True, "Code": error.code, "Message": error.message}
            )
    return successful, failed
