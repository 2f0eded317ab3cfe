"""The few calls that a rehearsal itself makes to the stand-in for SQS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from cloud_tasks.core.message import encode_task
from cloud_tasks.core.task import Task
from simulation.real.settings import DEAD, EVENTS, QUEUE

WHO = "rehearsal"
"""Who signs these calls, for the record."""
RECEIVES_MAX = 1000
_ARN = "arn:aws:sqs:us-east-1:000000000000:"
_ANSWER_S = 10.0


class StandInError(Exception):
    """The stand-in refused a call, or did not answer."""


class SqsClient:
    """Calls to the stand-in.

    Args:
        url: Where it listens.
    """

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc

    def create_queues(self, lease_s: float) -> None:
        """Make the queues that workers want, as `load_queue` does."""
        self._call("CreateQueue", {"QueueName": DEAD})
        arn = self._attributes(DEAD)["QueueArn"]
        policy = {"deadLetterTargetArn": arn, "maxReceiveCount": RECEIVES_MAX}
        wanted = {"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": str(int(lease_s))}
        self._call("CreateQueue", {"QueueName": QUEUE, "Attributes": wanted})
        self._call("CreateQueue", {"QueueName": EVENTS})

    def send(self, task: Task) -> None:
        """Put a task into the queue."""
        self._call("SendMessage", {"QueueUrl": QUEUE, "MessageBody": encode_task(task).decode()})

    def waiting(self) -> tuple[int, int]:
        """How many tasks wait, and how many are being worked on or will be shown later."""
        said = self._attributes(QUEUE)
        held = said["ApproximateNumberOfMessagesNotVisible"], said["ApproximateNumberOfMessagesDelayed"]
        return int(said["ApproximateNumberOfMessages"]), sum(map(int, held))

    def _attributes(self, queue: str) -> Mapping[str, str]:
        answer = self._call("GetQueueAttributes", {"QueueUrl": queue, "AttributeNames": ["All"]})
        return {str(name): str(value) for name, value in answer["Attributes"].items()}

    def _call(self, operation: str, request: Mapping[str, object]) -> Mapping[str, Any]:
        connection = HTTPConnection(self._address, timeout=_ANSWER_S)
        headers = {
            "X-Amz-Target": f"AmazonSQS.{operation}",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={WHO}/x",
        }
        try:
            connection.request("POST", "/", json.dumps(request), headers)
            answer = connection.getresponse()
            body: Mapping[str, Any] = json.loads(answer.read() or b"{}")
        except (OSError, HTTPException, ValueError) as error:
            raise StandInError(f"{operation}: {error!r}") from error
        finally:
            connection.close()
        if answer.status != 200:  # noqa: PLR2004 - HTTP's word for success
            raise StandInError(f"{operation}: {body}")
        return body
