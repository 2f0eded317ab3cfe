"""A warm process of the pool, and the runs that it is given one after another."""

from __future__ import annotations

import _socket
import asyncio
import os
import signal
from typing import Protocol

from cloud_tasks.core.task import EndKind, RunEnd
from cloud_tasks.interfaces import RunListener, RunSpec
from cloud_tasks.runners.attempt import ENDED_BEFORE, KILL_CONFIRM_S, SLOT_DIED
from cloud_tasks.runners.channel import Channel
from cloud_tasks.runners.children import kill_group
from cloud_tasks.runners.ends import end_from_frame, end_from_status
from cloud_tasks.runners.links import SlotLink
from cloud_tasks.runners.oom import OomWatch
from cloud_tasks.runners.output import Output, Tail
from cloud_tasks.runners.tree import ProcessTree
from cloud_tasks.runners.wire import ChildFrame, TaskFrame, deadline_of, encode_task

RETIRE_S_MAX = 10.0
"""How long a process that gets no further task may take to end by itself."""


class MemberOwner(Protocol):
    """What members share."""

    tree: ProcessTree
    output: Output
    oom: OomWatch
    tasks_max: int | None
    slot_request: bytes

    def member_idle(self, member: PoolMember) -> None:
        """It can take a task."""

    def member_retired(self, member: PoolMember) -> None:
        """It takes no further task; another may take its place."""

    def member_failed(self, member: PoolMember, reason: str) -> None:
        """It could not be started."""

    def member_over(self, member: PoolMember) -> None:
        """Nothing is left of it."""

    def forget(self, run: PoolRun) -> bool:
        """Take back a run that no member has yet; whether that was so."""


class PoolRun:
    """One run in a warm process."""

    __slots__ = (
        "_loop",
        "_owner",
        "ended",
        "frame",
        "listener",
        "member",
        "over",
        "started",
        "tail",
        "task_id",
    )

    def __init__(
        self, owner: MemberOwner, spec: RunSpec, listener: RunListener, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._owner = owner
        self._loop = loop
        self.listener = listener
        self.task_id = spec.task.task_id
        self.frame = encode_task(
            TaskFrame(
                self.task_id,
                spec.task.data,
                spec.attempt,
                deadline_of(spec, loop.time()),
                spec.memory_limit_bytes,
            )
        )
        self.member: PoolMember | None = None
        self.tail = Tail()
        self.started = False
        self.ended = False
        self.over = False

    def stop(self) -> None:
        """Send SIGTERM to the member that it runs in; that member is then replaced."""
        self._end_with(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the member that it runs in, and all that runs of that member have started."""
        self._end_with(signal.SIGKILL)

    def _end_with(self, number: signal.Signals) -> None:
        if self.over:
            return
        if self.member is not None:
            self.member.end_with(number)
        elif self._owner.forget(self):
            self._loop.call_soon(self.fail, ENDED_BEFORE)

    def tell_started(self) -> None:
        """Say that it runs, unless that was said."""
        if not self.started and self.member is not None:
            self.started = True
            self.listener.started(self.member.pid)

    def fail(self, reason: str) -> None:
        """Say that it could not be started."""
        if not self.over:
            self.over = True
            self.listener.start_failed(reason)

    def end(self, end: RunEnd) -> None:
        """Say how it ended."""
        self.tell_started()
        self.ended = True
        self.listener.ended(end)

    def finish(self, end: RunEnd) -> None:
        """Say how it ended, and that nothing is left of it."""
        self.tell_started()
        self.ended = self.over = True
        self.listener.finished(end)

    def vanish(self) -> None:
        """Say that nothing is left of it."""
        self.over = True
        self.listener.gone()


class PoolMember:
    """A leader process that runs task after task, and the user of one slot."""

    def __init__(self, owner: MemberOwner, loop: asyncio.AbstractEventLoop) -> None:
        self.pid: int | None = None
        self.slot_tries = 0
        self.retired = False
        self._owner = owner
        self._loop = loop
        self._slot: SlotLink | None = None
        self._run: PoolRun | None = None
        self._channel: Channel | None = None
        self._tasks = 0
        self.doomed = False
        self.exited = False
        self._timer: asyncio.TimerHandle | None = None

    # What the pool asks for.

    def take(self, run: PoolRun) -> None:
        """Start a run; only while idle."""
        assert self._channel is not None  # noqa: S101 - an idle member has a channel
        self._run = run
        self._tasks += 1
        run.member = self
        self._channel.send(run.frame)
        run.frame = b""
        run.tell_started()

    def end_with(self, number: signal.Signals) -> None:
        """Send a signal; whatever comes of it, this member takes no further task."""
        if self._slot is None:
            return
        self.doomed = True
        self._retire()
        if not self.exited:
            self._slot.signal(number)
        if number == signal.SIGKILL:
            self._arm(KILL_CONFIRM_S)

    def retire(self) -> None:
        """Let it end in good order: no further task, exit functions run."""
        self._retire()
        self._close_channel()
        self._arm(RETIRE_S_MAX)

    def _retire(self) -> None:
        if not self.retired:
            self.retired = True
            self._owner.member_retired(self)

    def _arm(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(seconds, self._kill_hard)

    def _kill_hard(self) -> None:
        if self._slot is not None:
            if self.pid is not None and not self.exited:
                kill_group(self.pid)
            self._slot.kill()

    # What the tree tells.

    def granted(self, slot: SlotLink) -> None:
        """Fork the process in this slot."""
        self._close_channel()
        if self.retired:
            self._owner.tree.give_back(slot)
            self._finish()
            return
        try:
            ours, theirs = _socket.socketpair()
        except OSError as error:
            self._owner.tree.give_back(slot)
            self._loop.call_soon(self.refused, f"cannot make room for a task process: {error}")
            return
        self._slot = slot
        slot.run(self, theirs.fileno(), self._owner.slot_request)
        theirs.close()
        self._channel = Channel(self._loop, ours, self._take_frame, self._channel_ended)
        self._channel.watch()

    def refused(self, reason: str) -> None:
        """There is no slot for it."""
        self._finish()
        self._owner.member_failed(self, reason)

    def slot_failed(self, reason: str) -> None:
        """The process could not be forked."""
        if self._slot is not None:
            self._slot.user = None
            self._owner.tree.give_back(self._slot)
        self.refused(reason)

    def slot_started(self, pid: int, *, goes_on: bool) -> None:
        """The process is there."""
        self.pid = pid
        if goes_on and not self.retired:
            self._owner.member_idle(self)

    def slot_exited(self, status: int, peak_bytes: int) -> None:
        """The process has ended: with its task, unless it had none."""
        self._drain_channel()
        self.exited = True
        self._retire()
        if self._run is not None and not self._run.ended:
            code = os.waitstatus_to_exitcode(status)
            killed = code == -signal.SIGKILL and self._owner.oom.rose() and not self.doomed
            self._run.end(end_from_status(status, peak_bytes, self._run.tail.text(), oom_killed=killed))

    def slot_over(self, status: int, peak_bytes: int) -> None:
        """The process has ended, and nothing is left of it."""
        self.slot_exited(status, peak_bytes)
        self.slot_gone()

    def slot_gone(self) -> None:
        """Nothing is left of it."""
        slot = self._slot
        self._finish()
        if slot is not None:
            self._owner.tree.give_back(slot)
        self._vanish()

    def slot_died(self) -> None:
        """The watcher is dead, so the process is too."""
        if self.exited:
            return
        self._drain_channel()
        self.exited = True
        self._retire()
        if self._run is not None and not self._run.ended:
            note = "" if self.doomed else SLOT_DIED
            self._run.end(end_from_status(signal.SIGKILL, None, self._run.tail.text(), note=note))

    def slot_buried(self) -> None:
        """Nothing is left of slot and process."""
        self._finish()
        self._vanish()

    def _vanish(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.vanish()

    def _finish(self) -> None:
        self._slot = None
        self._close_channel()
        if self._timer is not None:
            self._timer.cancel()
        self._owner.member_over(self)

    def output(self, stream: str, chunk: bytes) -> bool:
        """Pass on what it wrote."""
        run = self._run
        if run is not None and stream == "stderr":
            run.tail.add(chunk)
        return self._owner.output("" if run is None else run.task_id, stream, chunk)

    # The channel.

    def _channel_ended(self) -> None:
        """What was written by somebody else spoils whatever may come; the process is of no more use."""
        assert self._channel is not None  # noqa: S101 - it has just ended
        if self._channel.unreadable:
            self.end_with(signal.SIGKILL)

    def _take_frame(self, frame: ChildFrame) -> None:
        run = self._run
        if run is None or run.ended:
            return
        if frame.progress is not None:
            run.tell_started()
            run.listener.progress(*frame.progress)
        elif frame.end:
            self._end_run(run, frame)

    def _end_run(self, run: PoolRun, frame: ChildFrame) -> None:
        if self._slot is not None:
            self._slot.drain_output()
        end = end_from_frame(frame, None, run.tail.text())
        if self.doomed:
            # It is about to be hit by a signal; `gone` is told when it is gone.
            run.end(end)
            self._slot_signal_kill()
            return
        self._run = None
        if frame.recycle or self._tasks == self._owner.tasks_max or end.kind is EndKind.MEMORY_LIMIT:
            self.retire()
        else:
            self._owner.member_idle(self)
        run.finish(end)

    def _slot_signal_kill(self) -> None:
        if self._slot is not None and not self.exited:
            self._slot.signal(signal.SIGKILL)
            self._arm(KILL_CONFIRM_S)

    def _drain_channel(self) -> None:
        """Read what the dead process left."""
        if self._channel is not None:
            self._channel.drain()
        self._close_channel()

    def _close_channel(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None
