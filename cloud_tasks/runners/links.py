"""The worker's ends of the sockets to its helper processes."""

from __future__ import annotations

import array
import asyncio
import os
import select
import signal
import socket
from typing import Protocol

import msgspec

from cloud_tasks.runners.launch import Child
from cloud_tasks.runners.wire import (
    FrameError,
    FrameReader,
    SlotReport,
    TemplateReport,
    decode_slot,
    decode_template,
    pack,
)

_OUTPUT_READ_SIZE_BYTES = 65536
_DRAIN_READS_MAX = 16
OUTPUT_PAUSE_S = 0.05
"""How long the streams of a slot are left alone when nobody can take what was written."""


class SlotUser(Protocol):
    """An attempt or a warm member, as its slot sees it.

    Attributes:
        slot_tries: How many slots died under it before they did anything.
    """

    slot_tries: int

    def granted(self, slot: SlotLink) -> None:
        """Here is the slot that was asked for."""

    def refused(self, reason: str) -> None:
        """There is no slot to be had."""

    def slot_started(self, pid: int, *, goes_on: bool) -> None:
        """The leader was forked; unless it goes on, the next word is of its end."""

    def slot_failed(self, reason: str) -> None:
        """The leader could not be forked."""

    def slot_exited(self, status: int, peak_bytes: int) -> None:
        """The leader has ended, with this wait status."""

    def slot_over(self, status: int, peak_bytes: int) -> None:
        """`slot_exited` and `slot_gone` at once."""

    def slot_gone(self) -> None:
        """Nothing is left of what the leader started; the slot may be given back."""

    def slot_died(self) -> None:
        """The slot's own process has ended, and its leader with it."""

    def slot_buried(self) -> None:
        """Nothing is left of a slot that died, nor of what ran in it."""

    def output(self, stream: str, chunk: bytes) -> bool:
        """Something was written to a standard stream; False asks for a pause before the next piece."""


class SlotOwner(Protocol):
    """Who keeps the slots."""

    def slot_lost(self, slot: SlotLink) -> None:
        """The slot's process has ended."""


class SlotLink:
    """One slot process."""

    def __init__(self, owner: SlotOwner, number: int, template: TemplateLink) -> None:
        self.owner = owner
        self.number = number
        self.template = template
        self.user: SlotUser | None = None
        self.pid: int | None = None
        self.leader: int | None = None
        self.closed = False
        self._loop = asyncio.get_running_loop()
        self._frames = FrameReader()
        self._run = 0
        self._streams: dict[str, int] = {}
        self._ended: set[int] = set()
        self._written = select.poll()
        self._pidfd = -1
        self._control, theirs = socket.socketpair()
        fds = [theirs.fileno()]
        with theirs:
            try:
                for name in ("stdout", "stderr"):
                    self._streams[name], write_fd = os.pipe()
                    fds.append(write_fd)
                template.ask_for_slot(number, fds)
            except OSError:
                self.close()
                raise
            finally:
                for fd in fds[1:]:
                    os.close(fd)
        self._listen()

    def _listen(self) -> None:
        self._control.setblocking(False)  # noqa: FBT003 - as the standard library has it
        self._loop.add_reader(self._control.fileno(), self._readable)
        for name, fd in self._streams.items():
            os.set_blocking(fd, False)
            self._loop.add_reader(fd, self._read_stream, name, fd)
            self._written.register(fd, select.POLLIN)

    @property
    def fds(self) -> list[int]:
        """The descriptors that belong to this link."""
        return [] if self.closed else [self._control.fileno(), *self._streams.values()]

    def is_alive(self) -> bool:
        """Whether its socket still stands: it may have died idle, and nobody has noticed yet."""
        try:
            return self._control.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def run(self, user: SlotUser, channel_fd: int, extra: bytes = b"") -> None:
        """Ask for a leader process on this channel."""
        self.user = user
        self._run += 1
        # The leader knows its end by this number, and so notices when its task has put a file in its place.
        inode = os.fstat(channel_fd).st_ino
        frame = pack(b'{"run":%d,"inode":%d%s}' % (self._run, inode, extra))
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", (channel_fd,)))]
        try:
            self._control.sendmsg([frame], ancillary)
        except OSError:
            # Dead, or stopped for so long that its socket is full; either way its end will be noticed.
            self.kill()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the leader's process group."""
        try:
            self._control.send(pack(b'{"signal":%d,"number":%d}' % (self._run, number)))
        except OSError:
            self.kill()

    def kill(self) -> None:
        """End the slot process itself."""
        if self.closed:
            return  # it has ended, and its descriptor may be that of another process by now
        if self._pidfd >= 0:
            try:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            except ProcessLookupError:
                return
        elif self.pid is not None:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                return
        else:
            # It has not said a word yet: it ends when its socket does.
            self._loop.call_soon(self._lost)

    def _readable(self) -> None:
        try:
            frames = self._frames.read(self._control)
            reports = None if frames is None else [decode_slot(frame) for frame in frames]
        except BlockingIOError:
            return
        except (FrameError, msgspec.DecodeError):
            reports = None
        if reports is None:
            self._lost()
            return
        for report in reports:
            self._take(report)

    def _take(self, report: SlotReport) -> None:
        user = self.user
        if report.slot is not None:
            self._introduced(report.slot)
        if user is None:
            return
        if report.started is not None:
            self.leader = report.started[1]
            user.slot_started(self.leader, goes_on=report.exited is None)
        if report.failed is not None:
            user.slot_failed(report.failed[1])
        if report.exited is not None or report.gone is not None:
            self.drain_output()
            self._take_end(user, report)

    def _take_end(self, user: SlotUser, report: SlotReport) -> None:
        if report.exited is not None:
            self.leader = None
        if report.gone is not None:
            self.user = None
        if report.exited is None:
            user.slot_gone()
        elif report.gone is None:
            user.slot_exited(report.exited[1], report.exited[2])
        else:
            user.slot_over(report.exited[1], report.exited[2])

    def _introduced(self, pid: int) -> None:
        self.pid = pid
        if hasattr(os, "pidfd_open"):
            try:
                self._pidfd = os.pidfd_open(pid)
            except OSError:
                self._pidfd = -1

    def _lost(self) -> None:
        if not self.closed:
            self.drain_output()
            self.close()
            self.owner.slot_lost(self)

    def _read_stream(self, name: str, fd: int) -> bool:
        """Pass on one piece; whether there may be more at once."""
        try:
            chunk = os.read(fd, _OUTPUT_READ_SIZE_BYTES)
        except BlockingIOError:
            return False
        if not chunk:
            self._ended.add(fd)
            self._loop.remove_reader(fd)
            self._written.unregister(fd)
            return False
        if self.user is not None and not self.user.output(name, chunk):
            # Nobody can take more now: the pipe fills up, and slows the task down.
            self._loop.remove_reader(fd)
            self._loop.call_later(OUTPUT_PAUSE_S, self._go_on_reading, name, fd)
        return True

    def _go_on_reading(self, name: str, fd: int) -> None:
        if not self.closed and fd not in self._ended:
            self._loop.add_reader(fd, self._read_stream, name, fd)

    def drain_output(self) -> None:
        """Pass on what is in the pipes now; bounded, for whoever floods them may go on doing so."""
        if not self._written.poll(0):
            return  # most tasks are silent, and one look at both pipes is cheaper than two reads
        for name, fd in self._streams.items():
            for _ in range(_DRAIN_READS_MAX):
                if fd in self._ended or not self._read_stream(name, fd):
                    break

    def close(self) -> None:
        """Let go of the slot, which ends it."""
        if self.closed:
            return
        for fd in self._streams.values():
            self._loop.remove_reader(fd)
            os.close(fd)
        self._loop.remove_reader(self._control.fileno())
        self._control.close()
        if self._pidfd >= 0:
            os.close(self._pidfd)
        self.closed = True


class TemplateOwner(Protocol):
    """Who keeps the template."""

    def template_told(self, template: TemplateLink, report: TemplateReport) -> None:
        """It has something to say."""

    def template_lost(self, template: TemplateLink) -> None:
        """Its process has ended."""


class TemplateLink:
    """The template process."""

    def __init__(self, owner: TemplateOwner, child: Child, control: socket.socket) -> None:
        self.child = child
        self.ready = False
        self.closed = False
        self._owner = owner
        self._control = control
        self._frames = FrameReader()
        self._loop = asyncio.get_running_loop()
        control.setblocking(False)  # noqa: FBT003 - as the standard library has it
        self._loop.add_reader(control.fileno(), self._readable)

    @property
    def fds(self) -> list[int]:
        """The descriptors that belong to this link."""
        return [] if self.closed else [self._control.fileno()]

    def ask_for_slot(self, number: int, fds: list[int]) -> None:
        """Ask for a slot process with these descriptors: control, standard output, standard error.

        Raises:
            OSError: It cannot be asked.
        """
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        self._control.sendmsg([pack(b'{"slot":%d}' % number)], ancillary)

    def _readable(self) -> None:
        try:
            frames = self._frames.read(self._control)
            reports = None if frames is None else [decode_template(frame) for frame in frames]
        except BlockingIOError:
            return
        except (FrameError, msgspec.DecodeError):
            reports = None
        if reports is None:
            self.close()
            self._owner.template_lost(self)
            return
        for report in reports:
            self.ready = self.ready or report.ready is not None
            self._owner.template_told(self, report)

    def close(self) -> None:
        """Let go of the template, which ends it."""
        if not self.closed:
            self._loop.remove_reader(self._control.fileno())
            self._control.close()
            self.closed = True
