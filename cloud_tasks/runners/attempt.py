"""One attempt in a process of its own, as the worker sees it."""

from __future__ import annotations

import _socket
import asyncio
import os
import signal
from typing import Protocol

from cloud_tasks.core.task import EndKind, RunEnd
from cloud_tasks.interfaces import RunListener, RunSpec
from cloud_tasks.runners.channel import Channel
from cloud_tasks.runners.children import kill_group
from cloud_tasks.runners.ends import end_from_frame, end_from_status
from cloud_tasks.runners.links import SlotLink
from cloud_tasks.runners.oom import OomWatch
from cloud_tasks.runners.output import Output, Tail
from cloud_tasks.runners.tree import ProcessTree
from cloud_tasks.runners.wire import (
    HEADER_SIZE_BYTES,
    ChildFrame,
    TaskFrame,
    deadline_of,
    encode_task,
    fits_into_request,
)

KILL_CONFIRM_S = 2.0
"""How long a slot has to confirm a kill; then the worker ends group and slot itself."""
EXIT_AFTER_FINAL_S = 10.0
"""How long a process may take from its final frame to its exit; longer means that its slot was stopped."""
TELL_S_MAX = 2.0
"""How long a slot may take to say that a leader was forked; then the time of the task runs all the same."""
START_S_MAX = 60.0
"""How long it may take at the very most; longer means that it was stopped."""
SLOT_DIED = "cloud_tasks: the process that watched over this task was killed, and the task with it"
ENDED_BEFORE = "it was ended before it could be started"
_CONTENT_UNREADABLE = "cloud_tasks: what the task's process reported cannot be read"


class AttemptOwner(Protocol):
    """What attempts share."""

    tree: ProcessTree
    output: Output
    oom: OomWatch
    preamble: bytes

    def attempt_over(self, attempt: ProcessAttempt) -> None:
        """Nothing more will come of it."""


class ProcessAttempt:
    """A run, and the user of one slot."""

    __slots__ = (
        "_asked",
        "_channel",
        "_early",
        "_ended",
        "_gone",
        "_kill_timer",
        "_listener",
        "_loop",
        "_owner",
        "_pid",
        "_slot",
        "_spec",
        "_started",
        "_tail",
        "final",
        "final_at",
        "granted_at",
        "over",
        "slot_tries",
    )

    def __init__(
        self, owner: AttemptOwner, spec: RunSpec, listener: RunListener, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._owner = owner
        self._spec = spec
        self._listener = listener
        self._loop = loop
        self._slot: SlotLink | None = None
        self._channel: Channel | None = None
        self._tail = Tail()
        self._pid: int | None = None
        self._asked = False
        self._ended = False
        self._started = False
        self._early: tuple[float, float | None] | None = None
        self._kill_timer: asyncio.TimerHandle | None = None
        self.final: ChildFrame | None = None
        self.final_at = 0.0
        self.granted_at: float | None = None
        self.over = False
        self.slot_tries = 0

    # What the shell asks for.

    def stop(self) -> None:
        """Send SIGTERM to the process group."""
        self._end_with(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the process group, and to whatever left it."""
        self._end_with(signal.SIGKILL)
        if self._slot is not None and self._kill_timer is None and not self.over:
            self._kill_timer = self._loop.call_later(KILL_CONFIRM_S, self.kill_hard)

    def _end_with(self, number: signal.Signals) -> None:
        if self.over:
            return
        self._asked = True
        if self._slot is not None:
            if not self._ended:
                self._slot.signal(number)
        elif self._owner.tree.forget(self):
            self._loop.call_soon(self.refused, ENDED_BEFORE)

    def kill_hard(self) -> None:
        """End the slot too, which does not do what it is asked."""
        if self.over or self._slot is None:
            return
        self._asked = True
        if self._pid is not None and not self._ended:
            kill_group(self._pid)
        self._slot.kill()

    def look_after(self, now: float) -> None:
        """Do without a slot that does not tell what it should have told: its task must have stopped it."""
        if self.granted_at is None or self.over:
            return
        silent_s = now - self.granted_at if self._pid is None else 0.0
        if silent_s > START_S_MAX or (self.final is not None and now - self.final_at > EXIT_AFTER_FINAL_S):
            self.kill_hard()
        elif silent_s > TELL_S_MAX and self._slot is not None and self._slot.pid is not None:
            self._listen()

    def _listen(self) -> None:
        """Hear what the leader says, and have its time run."""
        if self._channel is not None:
            self._channel.watch()
        self._tell_started()

    # What the tree tells.

    def granted(self, slot: SlotLink) -> None:
        """Start in this slot (perhaps a second one, if the first died before it did anything)."""
        self._close_channel()
        if self._asked:
            self._owner.tree.give_back(slot)
            self._loop.call_soon(self.refused, ENDED_BEFORE)
            return
        try:
            frame = encode_task(self._task_frame())
            ours, theirs = _socket.socketpair()
        except (TypeError, ValueError, OSError, RecursionError) as error:
            self._owner.tree.give_back(slot)
            self._loop.call_soon(self.refused, f"the task cannot be handed to a process: {error}")
            return
        self._slot = slot
        self._channel = Channel(self._loop, ours, self._take, _nothing_more)
        along = not self._owner.preamble and fits_into_request(frame)
        slot.run(self, theirs.fileno(), b',"task":' + frame[HEADER_SIZE_BYTES:] if along else b"")
        theirs.close()
        if not along:
            self._channel.send(self._owner.preamble + frame)
        self.granted_at = self._loop.time()

    def _task_frame(self) -> TaskFrame:
        spec = self._spec
        return TaskFrame(
            spec.task.task_id,
            spec.task.data,
            spec.attempt,
            deadline_of(spec, self._loop.time()),
            spec.memory_limit_bytes,
        )

    def refused(self, reason: str) -> None:
        """It cannot be started."""
        if not self.over:
            self._close_channel()
            self._finish()
            if self._started:
                self._listener.finished(RunEnd(EndKind.EXITED, exception=reason))
            else:
                self._listener.start_failed(reason)

    def slot_started(self, pid: int, *, goes_on: bool) -> None:
        """The leader runs. What a short one says is read at its end, without asking the loop to watch."""
        self._pid = pid
        if goes_on:
            self._listen()
        else:
            self._tell_started()

    def _tell_started(self) -> None:
        if not self._started:
            self._started = True
            self._listener.started(self._pid)
            if self._early is not None:
                self._listener.progress(*self._early)

    def slot_failed(self, reason: str) -> None:
        """The leader could not be forked."""
        slot = self._slot
        if slot is not None:
            slot.user = None
            self._owner.tree.give_back(slot)
        self.refused(reason)

    def slot_exited(self, status: int, peak_bytes: int) -> None:
        """Report the end."""
        self._listener.ended(self._end_of(status, peak_bytes))

    def slot_over(self, status: int, peak_bytes: int) -> None:
        """Report the end, and that nothing is left."""
        end = self._end_of(status, peak_bytes)
        self._let_go()
        self._listener.finished(end)

    def _end_of(self, status: int, peak_bytes: int) -> RunEnd:
        """What the leader said if it said all, how it went otherwise."""
        self._drain_channel()
        self._tell_started()
        self._ended = True
        code = os.waitstatus_to_exitcode(status)
        if self.final is not None and (code == 0 or self._asked):
            return end_from_frame(self.final, peak_bytes, self._tail.text())
        killed = code == -signal.SIGKILL and self._owner.oom.rose() and not self._asked
        note = _CONTENT_UNREADABLE if self._channel is not None and self._channel.unreadable else ""
        return end_from_status(status, peak_bytes, self._tail.text(), oom_killed=killed, note=note)

    def slot_gone(self) -> None:
        """Nothing is left."""
        self._let_go()
        self._listener.gone()

    def _let_go(self) -> None:
        slot = self._slot
        self._finish()
        if slot is not None:
            self._owner.tree.give_back(slot)

    def slot_died(self) -> None:
        """The watcher is dead, so the leader is too; say what is known."""
        if self._ended:
            return
        self._drain_channel()
        self._tell_started()
        self._ended = True
        if self.final is not None:
            end = end_from_frame(self.final, None, self._tail.text())
        else:
            note = "" if self._asked else SLOT_DIED
            end = end_from_status(signal.SIGKILL, None, self._tail.text(), note=note)
        self._listener.ended(end)

    def slot_buried(self) -> None:
        """Nothing is left of the slot and the run."""
        self._finish()
        self._listener.gone()

    def output(self, stream: str, chunk: bytes) -> bool:
        """Pass on what it wrote, and remember the end of standard error."""
        if stream == "stderr":
            self._tail.add(chunk)
        return self._owner.output(self._spec.task.task_id, stream, chunk)

    # The channel.

    def _take(self, frame: ChildFrame) -> None:
        if frame.progress is not None:
            if self._started:
                self._listener.progress(*frame.progress)
            else:
                self._early = frame.progress
        elif frame.end and self.final is None:
            self.final = frame
            self.final_at = self._loop.time()
            if self._channel is not None:
                self._channel.finish()

    def _drain_channel(self) -> None:
        """Read what the dead leader left."""
        if self._channel is not None:
            self._channel.drain()

    def _close_channel(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _finish(self) -> None:
        self.over = True
        self._slot = None
        self._close_channel()
        if self._kill_timer is not None:
            self._kill_timer.cancel()
            self._kill_timer = None
        self._owner.attempt_over(self)


def _nothing_more() -> None:
    """The leader said all that it will say; what became of it, its slot tells."""
