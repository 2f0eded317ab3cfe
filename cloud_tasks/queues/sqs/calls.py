"""Calls to SQS through boto3, without holding up the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol, TypeAlias

from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError

from cloud_tasks.queues.sqs.failures import CallFailedError
from cloud_tasks.queues.sqs.threads import Threads

Answer: TypeAlias = Mapping[str, Any]
"""What boto3 returns: the members that the service's model names."""

POLL_THREADS = 64
"""One for the long poll of each queue, started when there is nobody free for it."""
CALL_THREADS = 8


class Blocking(Protocol):
    """A way of making calls that block, without holding up the event loop."""

    def submit(self, function: partial[Answer]) -> asyncio.Future[Answer]:
        """Have `function` called; the answer is its value, or raises what it raised."""
        ...

    def close(self) -> None:
        """Let go, after the calls that are waiting."""
        ...


class Calls:
    """One client, which is thread-safe, and threads to call it in.

    Args:
        client: A boto3 client for SQS.
        blocking: Makes a way of calling it, of a name, for so many calls at a time.
    """

    def __init__(self, client: BaseClient, blocking: Callable[[str, int], Blocking] = Threads) -> None:
        self._client = client
        self._polls = blocking("sqs-poll", POLL_THREADS)
        self._others = blocking("sqs-call", CALL_THREADS)

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

    async def _submit(self, blocking: Blocking, operation: str, arguments: dict[str, object]) -> Answer:
        method = getattr(self._client, operation)
        try:
            answer = await blocking.submit(partial(method, **arguments))
        except ClientError as error:
            raise CallFailedError.of_answer(operation, error) from error
        except BotoCoreError as error:
            raise CallFailedError.of_silence(operation, error) from error
        return answer
