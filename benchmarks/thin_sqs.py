"""A client of SQS that does next to nothing, so that it is the server that is measured."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

BATCH = 10
_BODY = '{"task_id": "task-0000001", "data": {"n": 1}}'
_HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    # moto looks here for the name of the service.
    "Authorization": "AWS4-HMAC-SHA256 Credential=none/20260101/us-east-1/sqs/aws4_request, "
    "SignedHeaders=host, Signature=none",
}


class ThinQueue:
    """One queue of a server.

    Args:
        url: The server's address.
        name: The queue's name; it is made.
    """

    def __init__(self, url: str, name: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc)
        self._url = self._call("CreateQueue", QueueName=name)["QueueUrl"]

    def fill(self, count: int) -> None:
        """Send so many messages, a multiple of ten."""
        entries = [{"Id": str(number), "MessageBody": _BODY} for number in range(BATCH)]
        for _ in range(count // BATCH):
            answer = self._call("SendMessageBatch", QueueUrl=self._url, Entries=entries)
            assert not answer.get("Failed")

    def rate(self, count: int) -> float:
        """Send, receive and delete so many, ten at a time; returns messages a second."""
        began = time.perf_counter()
        for _ in range(count // BATCH):
            self.fill(BATCH)
            messages = self._call("ReceiveMessage", QueueUrl=self._url, MaxNumberOfMessages=BATCH)["Messages"]
            assert len(messages) == BATCH
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ]
            answer = self._call("DeleteMessageBatch", QueueUrl=self._url, Entries=entries)
            assert not answer.get("Failed")
        return count / (time.perf_counter() - began)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def _call(self, operation: str, **parameters: object) -> Any:
        headers = {**_HEADERS, "X-Amz-Target": f"AmazonSQS.{operation}"}
        self._connection.request("POST", "/", json.dumps(parameters), headers)
        response = self._connection.getresponse()
        answer = response.read()
        assert response.status == http.HTTPStatus.OK, answer
        return json.loads(answer or b"{}")
