"""Names of a queue's keys. All have one hash tag, so that a cluster keeps them together.

- `stream`: the tasks, in order; the group's position says which have been handed out at least once.
- `leases`: receipts of tasks that are held, by the end of the lease.
- `waiting`: receipts of tasks that were handed back, by when they come again.
- `state`: what is known of those, by entry.
- `delayed`, `later`: tasks that are not yet in the stream, by when they are due, and their bodies.
- `dead`: dead letters, a stream. `completed`: records of completed tasks, a stream.
- `wake`: a stream that tells waiting workers to look again.
- `once`: keys of what was done once, all with the same score, so that they are in the order of bytes.
- `claims`: keys of what somebody has claimed, by until when.
"""

from __future__ import annotations

from typing import Final

GROUP: Final = b"workers"
"""The consumer group, and its one consumer."""
PARTS = ("stream", "leases", "waiting", "state", "delayed", "later", "dead", "wake", "completed")
ONCE_PARTS = ("once", "claims")


class QueueKeys:
    """The keys of one queue.

    Args:
        prefix: What all names begin with.
        queue: The queue.
    """

    def __init__(self, prefix: str, queue: str) -> None:
        tag = f"{{{prefix}:{queue}}}"
        self.all: tuple[bytes, ...] = tuple(f"{tag}:{part}".encode() for part in PARTS)
        self.stream, *_ = self.all
        self.dead, self.wake, self.completed = self.all[-3:]
        self.once, self.claims = (f"{tag}:{part}".encode() for part in ONCE_PARTS)


def names_key(prefix: str) -> bytes:
    """The set of the names of all queues."""
    return f"{prefix}:queues".encode()
