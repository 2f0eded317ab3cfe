"""The queues of tasks: one for each type and domain."""

from __future__ import annotations

from collections import Counter, OrderedDict

from cloud_tasks.interfaces import Clock
from fakes.conductor.live import Live
from fakes.long_poll import LongPoll


def queue_name(task_type: str, domain: str | None) -> str:
    """What Conductor calls the queue of a type in a domain."""
    return f"{domain}:{task_type}" if domain else task_type


class TaskQueues:
    """Tasks that can be polled, first come, first served. Costs the same per call however many there are.

    Args:
        clock: Waiting ends on its monotonic side.

    Attributes:
        sizes: How many tasks each queue has, those included that cannot be polled yet.
    """

    def __init__(self, clock: Clock) -> None:
        self.sizes: Counter[str] = Counter()
        self._clock = clock
        self._ready: dict[str, OrderedDict[str, Live]] = {}
        self._polls: dict[str, LongPoll] = {}
        self._waiting: dict[str, int] = {}

    def expect(self, live: Live) -> None:
        """A task is in its queue, and cannot be polled yet."""
        self.sizes[live.queue] += 1

    def push(self, live: Live, *, expected: bool = False) -> None:
        """Let a task be polled, as the last.

        Args:
            live: The task.
            expected: Whether it was in the queue before, and could not be polled yet.
        """
        if not expected:
            self.sizes[live.queue] += 1
        ready = self._ready.get(live.queue)
        if ready is None:
            ready = self._ready[live.queue] = OrderedDict()
        ready[live.shown.task_id] = live
        if live.queue in self._waiting:
            self._polls[live.queue].wake_one()

    def pop(self, queue: str) -> Live | None:
        """Take the first task out of a queue; None if there is none."""
        ready = self._ready.get(queue)
        if not ready:
            return None
        self.sizes[queue] -= 1
        return ready.popitem(last=False)[1]

    def remove(self, live: Live) -> None:
        """Take a task out of its queue, if it is there."""
        ready = self._ready.get(live.queue)
        if live.visible_at is not None or (ready and ready.pop(live.shown.task_id, None) is not None):
            live.visible_at = None
            self.sizes[live.queue] -= 1

    def ready_count(self, queue: str) -> int:
        """How many tasks can be polled."""
        return len(self._ready.get(queue, ()))

    def skip(self, queue: str, places: int) -> None:
        """Let the first tasks of a queue become its last."""
        ready = self._ready[queue]
        for _ in range(places):
            ready.move_to_end(next(iter(ready)))

    async def wait(self, queue: str, until: float) -> bool:
        """Wait until there may be a task; returns whether to go on waiting if there is none."""
        poll = self._polls.get(queue)
        if poll is None:
            poll = self._polls[queue] = LongPoll(self._clock)
        self._waiting[queue] = self._waiting.get(queue, 0) + 1
        try:
            return await poll.wait(until)
        finally:
            self._waiting[queue] -= 1
            if not self._waiting[queue]:
                del self._waiting[queue]

    def something_due(self, moment: float) -> None:
        """Something will have to be done at a moment: let whoever waits for longer than that do it."""
        for queue in self._waiting:
            self._polls[queue].expect(moment)

    def send_home(self) -> None:
        """Let nobody wait any longer."""
        for poll in self._polls.values():
            poll.close()
