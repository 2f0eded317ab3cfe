"""Seeing before the first task that queues and permissions are there."""

from __future__ import annotations

from collections.abc import Sequence

from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.queues.sqs import problems
from cloud_tasks.queues.sqs.calls import Calls
from cloud_tasks.queues.sqs.failures import BAD_CREDENTIALS, DENIED, CallFailedError
from cloud_tasks.queues.sqs.queues import Attributes, Queues, Which

_NO_RECEIPT = "none"
_ACTIONS = {
    "receive_message": "sqs:ReceiveMessage",
    "delete_message": "sqs:DeleteMessage",
    "change_message_visibility": "sqs:ChangeMessageVisibility",
    "get_queue_url": "sqs:GetQueueUrl",
    "get_queue_attributes": "sqs:GetQueueAttributes",
    "create_queue": "sqs:CreateQueue",
    "list_queues": "sqs:ListQueues",
}


class QueueCheck:
    """Looks at the queues; all that is wrong is told at once.

    Args:
        calls: The connection.
        queues: Calls about queues.
        where: Region and address, in words.
        source: Where the credentials come from, in words.
    """

    def __init__(self, calls: Calls, queues: Queues, where: str, source: str) -> None:
        self._calls = calls
        self._queues = queues
        self._where = where
        self._source = source

    async def run(self, wanted: Sequence[Which], *, create: bool, fifo: bool) -> None:
        """Look at the queues that are wanted; with `create`, make those that are missing.

        Raises:
            ConfigurationError: They cannot be used.
            QueueUnavailableError: Nobody could be asked.
        """
        found: list[Problem] = []
        for which in wanted:
            try:
                found += await self._look_at(which, create=create, fifo=fifo)
            except CallFailedError as error:
                found.append(self._understood(error, self._queues.name(which)))
        if found:
            raise ConfigurationError(*_once(found))

    async def _look_at(self, which: Which, *, create: bool, fifo: bool) -> list[Problem]:
        if create:
            await self._queues.create(which)
        name = self._queues.name(which)
        url = await self._queues.find(name)
        if url is None:
            return [problems.no_queue(name, self._where, await self._queues.names_if_allowed())]
        if which == "events":
            return []
        attributes = await self._queues.attributes(url)
        if fifo and not attributes.fifo:
            return [problems.not_fifo(name)]
        return await self._permissions(url, attributes)

    async def _permissions(self, url: str, attributes: Attributes) -> list[Problem]:
        """Ask for what cannot be: who may is told that it makes no sense, who may not that it is denied."""
        probes: tuple[tuple[str, dict[str, object]], ...] = (
            ("receive_message", {"MaxNumberOfMessages": 0}),
            ("delete_message", {"ReceiptHandle": _NO_RECEIPT}),
            ("change_message_visibility", {"ReceiptHandle": _NO_RECEIPT, "VisibilityTimeout": 0}),
        )
        found = []
        for operation, arguments in probes:
            try:
                await self._calls.call(operation, QueueUrl=url, **arguments)
            except CallFailedError as error:
                if error.code in DENIED:
                    found.append(problems.denied(_ACTIONS[operation], attributes.arn, error.text))
                elif not error.code:
                    raise
        return found

    def _understood(self, error: CallFailedError, name: str) -> Problem:
        """What a refusal means for the user.

        Raises:
            CallFailedError: It means nothing but that we must try again.
        """
        operation = str(error).partition(":")[0]
        if error.code in DENIED:
            return problems.denied(_ACTIONS.get(operation, operation), name, error.text)
        if error.code in BAD_CREDENTIALS:
            return problems.credentials_refused(self._source, error.code, error.text)
        raise error


def _once(found: Sequence[Problem]) -> list[Problem]:
    """Without those that say the same."""
    return list({problem.message: problem for problem in found}.values())
