"""A service that answers as it is told, for what no stand-in does by itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

Answer: TypeAlias = "tuple[int, Mapping[str, Any]]"
URL = "http://127.0.0.1/000000000000/"


def refused(code: str, text: str = "no", status: int = 400) -> Answer:
    """An error as SQS tells it."""
    return status, {"__type": f"com.amazonaws.sqs#{code}", "message": text}


FOUND: dict[str, Answer] = {
    "GetQueueUrl": (200, {"QueueUrl": f"{URL}job"}),
    "GetQueueAttributes": (200, {"Attributes": {"QueueArn": "arn:aws:sqs:us-east-1:000000000000:job"}}),
    "ReceiveMessage": refused("InvalidParameterValue"),
    "DeleteMessage": refused("ReceiptHandleIsInvalid"),
    "ChangeMessageVisibility": refused("ReceiptHandleIsInvalid"),
}
"""A queue that is there, and all permissions."""


class Scripted:
    """Answers by operation; what was asked is remembered.

    Attributes:
        answers: What each operation gets: one answer, or several in turn, the last of them for ever.
        asked: Operations and their arguments, in order.
    """

    def __init__(self, answers: Mapping[str, Answer | list[Answer]]) -> None:
        self.answers: dict[str, Answer | list[Answer]] = dict(answers)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def answer(self, operation: str, arguments: dict[str, Any]) -> Answer:
        self.asked.append((operation, arguments))
        answer = self.answers.get(operation, refused("UnsupportedOperation"))
        if isinstance(answer, list):
            return answer.pop(0) if len(answer) > 1 else answer[0]
        return answer

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve on a free port; gives the address."""
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                arguments = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, body = script.answer(operation, arguments)
                encoded = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(encoded)))
                self.end_headers()
                self.wfile.write(encoded)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_address[1]}"
            finally:
                server.shutdown()
                thread.join()
