"""Calls to SQS through boto3, without holding up the event loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError

from cloud_tasks.queues.sqs.failures import CallFailedError
from cloud_tasks.queues.sqs.threads import Threads

Answer: TypeAlias = Mapping[str, Any]
"""What boto3 returns: the members that the service's model names."""

POLL_THREADS = 2
"""One for the long poll; one for the next, when a poll that was given up has not ended yet."""
CALL_THREADS = 8


class Calls:
    """One client, which is thread-safe, and threads to call it in.

    Args:
        client: A boto3 client for SQS.
    """

    def __init__(self, client: BaseClient) -> None:
        self._client = client
        self._polls = Threads("sqs-poll", POLL_THREADS)
        self._others = Threads("sqs-call", CALL_THREADS)

    async def call(self, operation: str, **arguments: object) -> Answer:
        """Make a call, `operation` being the name of the client's method.

        Raises:
            CallFailedError: It was refused, or nobody answered.
        """
        return await self._submit(self._others, operation, arguments)

    async def poll(self, **arguments: object) -> Answer:
        """Receive, with a long poll; raises as `call` does."""
        return await self._submit(self._polls, "receive_message", arguments)

    async def aclose(self) -> None:
        """Let the threads end, and the connections with the last of them."""
        self._polls.close()
        self._others.close()

    async def _submit(self, threads: Threads, operation: str, arguments: dict[str, object]) -> Answer:
        method = getattr(self._client, operation)
        try:
            answer: Answer = await threads.submit(lambda: method(**arguments))
        except ClientError as error:
            raise CallFailedError.of_answer(operation, error) from error
        except BotoCoreError as error:
            raise CallFailedError.of_silence(operation, error) from error
        return answer
