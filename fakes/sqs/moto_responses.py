"""moto's answers for SQS, where they need more than what its backend says."""

from __future__ import annotations

from typing import Any

import msgspec
from moto.core.responses import ActionResult
from moto.sqs.exceptions import SQSException
from moto.sqs.responses import SQSResponse

from fakes.sqs.batches import check_ids
from fakes.sqs.errors import SqsError
from fakes.sqs.sending import check_batch_size
from fakes.sqs.values import AttributeValue, SendEntry

_SOURCE = "DeadLetterQueueSourceArn"


class MendedResponse(SQSResponse):
    """Batches entry by entry; dead letters with their source."""

    def send_message_batch(self) -> ActionResult:
        """Send each entry as a message of its own, and tell what became of it."""
        url, entries = self._get_param("QueueUrl"), self._get_param("Entries", [])
        self.sqs_backend.get_queue(self._get_queue_name())
        _check_batch(entries)
        successful, failed = [], []
        for entry in entries:
            try:
                successful.append({"Id": entry["Id"], **self._send(url, entry)})
            except SQSException as error:
                failed.append(
                    {"Id": entry["Id"], "SenderFault": True, "Code": error.code, "Message": error.message}
                )
        return ActionResult({"Successful": successful, "Failed": failed})

    def receive_message(self) -> ActionResult:
        """As moto does it; where it was asked for, with the queue that a dead letter came from."""
        answer = super().receive_message()
        wanted = [
            *self._get_param("AttributeNames", []),
            *self._get_param("MessageSystemAttributeNames", []),
        ]
        result: Any = answer.result
        if "All" in wanted or _SOURCE in wanted:
            for message in result.get("Messages", ()):
                source = self.sqs_backend.source_of(self._get_queue_name(), message["MessageId"])  # type: ignore[attr-defined] # ours
                if source is not None:
                    message.setdefault("Attributes", {})[_SOURCE] = source
        return answer

    def _get_validated_visibility_timeout(self, timeout: str | None = None) -> int:
        """Whatever number was given: the backend looks at it."""
        return int(self._get_param("VisibilityTimeout") if timeout is None else timeout)

    def _send(self, url: str, entry: dict[str, Any]) -> dict[str, Any]:
        whole, self.params = self.params, {**entry, "QueueUrl": url}
        try:
            answer: Any = self.send_message().result
        finally:
            self.params = whole
        return dict(answer)


def _sent(entry: dict[str, Any]) -> SendEntry:
    """What counts for the batch as a whole."""
    body, attributes = entry.get("MessageBody", ""), entry.get("MessageAttributes") or {}
    values = msgspec.convert(attributes, dict[str, AttributeValue])
    return SendEntry(entry.get("Id", ""), body, message_attributes=values)


def _check_batch(entries: list[dict[str, Any]]) -> None:
    try:
        sent = tuple(map(_sent, entries))
        check_ids(sent, "SendMessageBatchRequestEntry")
        check_batch_size(sent)
    except SqsError as error:
        raise SQSException(error.code, error.message) from None
