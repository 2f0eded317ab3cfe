"""The service: what each call does."""

from __future__ import annotations

from collections.abc import Mapping

from cloud_tasks.interfaces import Clock
from fakes.sqs.batches import check_ids, each
from fakes.sqs.directory import QueueDirectory
from fakes.sqs.errors import bad_timeout, missing_parameter
from fakes.sqs.message import Message
from fakes.sqs.queue import IN_FLIGHT_MAX, Queue
from fakes.sqs.receiving import TIMEOUT_S_MAX, check_receive, show, wait_s_of
from fakes.sqs.requests import ChangeMessageVisibility, HandleBatch, Messages, OfMessage, SendMessageBatch
from fakes.sqs.sending import Sender, check_batch_size, check_fifo
from fakes.sqs.values import BatchAnswer, Done, HandleEntry, ReceiveOptions, SendEntry, Sent


class SqsService:
    """A model of SQS: several queues, standard and FIFO, in memory and on any clock.

    Deterministic: the same calls at the same times give the same ids, handles and order. Every call raises
    `SqsError` where the service would refuse it.

    Args:
        clock: Leases, delays and retention end on its monotonic side.
        seed: Of the ids of messages.
        in_flight_max: How many messages of one queue can be in flight.

    Attributes:
        queues: The queues, and the calls that manage them.
    """

    def __init__(self, clock: Clock, *, seed: int = 0, in_flight_max: int = IN_FLIGHT_MAX) -> None:
        self.queues = QueueDirectory(clock, in_flight_max)
        self._clock = clock
        self._sender = Sender(clock, seed)

    def create_queue(self, name: str, attributes: Mapping[str, str] | None = None) -> Queue:
        """Make a queue, or find the one that is like that."""
        return self.queues.create(name, attributes or {}, {})

    def send(self, url: str, entry: SendEntry) -> Sent:
        """Send one message."""
        return self._sender.send(self.queues.at(url), entry)

    def send_batch(self, request: SendMessageBatch) -> BatchAnswer:
        """Send up to ten."""
        queue = self.queues.at(request.queue_url)
        check_ids(request.entries, "SendMessageBatchRequestEntry")
        check_batch_size(request.entries)
        if queue.attributes.is_fifo:
            for entry in request.entries:  # this alone is not told entry by entry
                check_fifo(queue, entry)
        return each(request.entries, lambda entry: self._sender.send(queue, entry))

    async def receive(self, options: ReceiveOptions) -> Messages:
        """Receive up to ten, or wait for the first."""
        taken = await self.take(options)
        queue = self.queues.at(options.queue_url)
        return Messages(tuple(show(queue, message, options) for message in taken))

    async def take(self, options: ReceiveOptions) -> list[Message]:
        """As `receive`, with the messages as the model has them."""
        queue = self.queues.at(options.queue_url)
        check_receive(options)
        settings = queue.attributes
        wait_s = wait_s_of(queue, options)
        lease_s = (
            settings.visibility_timeout_s
            if options.visibility_timeout is None
            else options.visibility_timeout
        )
        until_s = self._clock.monotonic() + wait_s
        while True:
            taken = queue.take(options.max_number_of_messages, lease_s, long=wait_s > 0)
            if taken or self._clock.monotonic() >= until_s or not await queue.wait(until_s):
                return taken

    def delete(self, request: OfMessage) -> None:
        """Delete one message."""
        queue = self.queues.at(request.queue_url)
        if not request.receipt_handle:
            raise missing_parameter("ReceiptHandle")
        queue.delete(request.receipt_handle)

    def delete_batch(self, request: HandleBatch) -> BatchAnswer:
        """Delete up to ten."""
        queue = self.queues.at(request.queue_url)
        check_ids(request.entries, "DeleteMessageBatchRequestEntry")

        def act(entry: HandleEntry) -> Done:
            queue.delete(entry.receipt_handle)
            return Done(entry.id)

        return each(request.entries, act)

    def change_visibility(self, request: ChangeMessageVisibility) -> None:
        """Let a lease end so many seconds from now."""
        queue = self.queues.at(request.queue_url)
        if not request.receipt_handle:
            raise missing_parameter("ReceiptHandle")
        _change(queue, request.receipt_handle, request.visibility_timeout)

    def change_visibility_batch(self, request: HandleBatch) -> BatchAnswer:
        """The same for up to ten."""
        queue = self.queues.at(request.queue_url)
        check_ids(request.entries, "ChangeMessageVisibilityBatchRequestEntry")

        def act(entry: HandleEntry) -> Done:
            _change(queue, entry.receipt_handle, entry.visibility_timeout)
            return Done(entry.id)

        return each(request.entries, act)


def _change(queue: Queue, handle: str, timeout_s: int | None) -> None:
    if timeout_s is None:
        raise missing_parameter("VisibilityTimeout")
    if not 0 <= timeout_s <= TIMEOUT_S_MAX:
        raise bad_timeout(timeout_s, TIMEOUT_S_MAX)
    queue.hold_until(handle, timeout_s)
