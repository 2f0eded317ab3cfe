"""Results as they are sent to the server, and as they wait on disk."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from cloud_tasks.queues.conductor.forms import IN_PROGRESS, Update

POLL_COUNT = "pollCount"
_encode = msgspec.json.Encoder().encode


class Letter(Struct, frozen=True):
    """What the server is to be told of a task.

    Attributes:
        task_id: The server's name for the task.
        status: What is said of it.
        body: The request's body.
        poll_count: How often the task had been handed out.
    """

    task_id: str
    status: str
    body: bytes
    poll_count: float = 0.0

    @property
    def puts_back(self) -> bool:
        """Whether it puts the task back into its queue."""
        return self.status == IN_PROGRESS

    def on_disk(self) -> bytes:
        """What is written to disk: the body, and `pollCount` where it is needed to send it again."""
        if not self.puts_back:
            return self.body
        update = msgspec.json.decode(self.body, type=dict[str, msgspec.Raw])
        return _encode({**update, POLL_COUNT: self.poll_count})


class _OnDisk(Struct, rename="camel"):
    task_id: str
    status: str
    poll_count: float = 0.0


def letter_of(update: Update, poll_count: float) -> Letter:
    """The letter for an update of a task that had been handed out so often."""
    return Letter(str(update["taskId"]), str(update["status"]), _encode(update), poll_count)


def read_letter(on_disk: bytes) -> Letter:
    """The letter that was written to disk.

    Raises:
        msgspec.MsgspecError: It is none.
    """
    known = msgspec.json.decode(on_disk, type=_OnDisk)
    if known.status != IN_PROGRESS:
        return Letter(known.task_id, known.status, on_disk)
    update = msgspec.json.decode(on_disk, type=dict[str, msgspec.Raw])
    update.pop(POLL_COUNT, None)
    return Letter(known.task_id, known.status, _encode(update), known.poll_count)
