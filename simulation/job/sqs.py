"""`SqsDoors`: the event queue through the production adapter for SQS, on boto3."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from cloud_tasks.interfaces import Clock, EventSink, FeedMessage, MessageFeed
from cloud_tasks.queues.sqs.batches import Batches
from cloud_tasks.queues.sqs.calls import Calls
from cloud_tasks.queues.sqs.events import SqsEventSink, SqsFeed
from fakes.sqs.errors import throttled
from fakes.sqs.wire import Wire as JsonProtocol
from simulation.backends import Site
from simulation.backends.polls import Polls
from simulation.backends.sqs.exchange import Answer, Request
from simulation.backends.sqs.inline import Machine
from simulation.hosts import Host
from simulation.job.event_queue import EventBroker
from simulation.job.ways import OF_EVENTS

URL = "https://sqs.us-east-1.amazonaws.com/000000000000/job-events"
_JSON = {"Content-Type": "application/x-amz-json-1.0"}
_INTERNAL = {"Code": "InternalError", "Message": "We encountered an internal error.", "SenderFault": False}
Said = dict[str, Any]


class SqsDoors:
    """A sink and a feed of production for each host, and what they are answered; see `Doors`.

    Args:
        site: The world, with what lies on the way to the event queue.
        broker: The event queue.
    """

    def __init__(self, site: Site, broker: EventBroker) -> None:
        self._site = site
        self._broker = broker
        self._polls = Polls(site.loop, lambda: broker.has_visible, 0.0)
        broker.stir_by(self._polls.stir)
        self._refusals = JsonProtocol(site.plan.seed)
        self._calls: Mapping[str, Callable[[str, Said], Said]] = {
            "SendMessageBatch": self._send,
            "ReceiveMessage": self._receive,
            "DeleteMessageBatch": self._delete,
        }

    def sink(self, host: Host) -> EventSink:
        """See `Doors`."""
        return SqsEventSink(Batches(self._client(host), URL), fifo=False)

    def feed(self, host: Host, clock: Clock) -> MessageFeed:
        """See `Doors`."""
        return SqsFeed(self._client(host), URL)

    def _client(self, host: Host) -> Calls:
        machine = Machine(self._site, host, self, self._polls, OF_EVENTS)
        return Calls(machine.client, machine.blocking)

    # -- what stands before the service ------------------------------------------------------------------

    def answer(self, worker: str, request: Request) -> Answer:
        """See `Answering`."""
        said = self._calls[request.operation](worker, request.read())
        return Answer(200, _JSON, b"{}").saying(said)

    def refuse(self) -> Answer:
        """See `Answering`."""
        reply = self._refusals.refuse(throttled())
        return Answer(reply.status, reply.headers, reply.body)

    def _send(self, worker: str, asked: Said) -> Said:
        entries = asked["Entries"]
        refused = set(self._broker.accept(worker, [one["MessageBody"].encode() for one in entries]))
        return {
            "Successful": [
                {"Id": one["Id"], "MessageId": one["Id"], "MD5OfMessageBody": _md5(one["MessageBody"])}
                for place, one in enumerate(entries)
                if place not in refused
            ],
            "Failed": [{"Id": entries[place]["Id"], **_INTERNAL} for place in sorted(refused)],
        }

    def _receive(self, _: str, asked: Said) -> Said:
        taken = self._broker.take_now(asked["MaxNumberOfMessages"], asked["VisibilityTimeout"])
        return {"Messages": [_message(one) for one in taken]}

    def _delete(self, _: str, asked: Said) -> Said:
        self._broker.remove([one["ReceiptHandle"] for one in asked["Entries"]])
        return {"Successful": [{"Id": one["Id"]} for one in asked["Entries"]], "Failed": []}


def _message(one: FeedMessage) -> Said:
    body = one.body.decode()
    key, _, _ = one.receipt.partition("#")
    return {"MessageId": key, "ReceiptHandle": one.receipt, "Body": body, "MD5OfBody": _md5(body)}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
