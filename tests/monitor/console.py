"""The command in front of the SQS stand-in: in this process, and as one of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cloud_tasks.cli import main
from cloud_tasks.compose.backends import BackendSettings, open_backend
from cloud_tasks.core.events import EventRecord
from tests.sqs_servers import client_of

ROOT = Path(__file__).parents[2]
JOB = ("--provider", "aws", "--region", "us-east-1", "--job-id", "my-job")
SETTINGS = BackendSettings(
    provider="AWS", task_queue="my-job", event_queue="my-job-events", region="us-east-1"
)


class Done(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


class Console:
    """A shell in a folder with the database of a job, in front of its event queue."""

    def __init__(self, folder: Path, url: str, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.database = folder / "my-job.db"
        self.client = client_of(url)
        self._queue = self.client.create_queue(QueueName="my-job-events")["QueueUrl"]
        self._capfd = capfd

    def tell(self, records: Sequence[EventRecord]) -> None:
        """Send events as a worker does."""

        async def emit() -> None:
            backend = open_backend(SETTINGS)
            sink = await backend.sink()
            await sink.emit(list(records))
            await sink.aclose()
            await backend.aclose()

        asyncio.run(emit())

    def put(self, body: str) -> None:
        """Send anything."""
        self.client.send_message(QueueUrl=self._queue, MessageBody=body)

    def left(self) -> int:
        """How many messages are in the queue, taken or not."""
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.client.get_queue_attributes(QueueUrl=self._queue, AttributeNames=names)
        return sum(int(count) for count in answer["Attributes"].values())

    def __call__(self, *arguments: str) -> Done:
        """Call the command in this process, which has boto3 loaded already."""
        self._capfd.readouterr()
        status = main(["monitor_event_queue", *JOB, *arguments])
        out, err = self._capfd.readouterr()
        assert "Traceback" not in err, err
        return Done(status, out, err)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it as a process of its own."""
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "cloud_tasks", "monitor_event_queue", *JOB, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]
