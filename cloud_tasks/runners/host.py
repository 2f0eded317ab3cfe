"""What the process runner and the pool have in common: flags, the tree of helper processes, the start."""

from __future__ import annotations

import asyncio
import signal
import socket

from cloud_tasks.errors import ConfigurationError, Problem, ProgramError
from cloud_tasks.runners.descriptors import ROOM
from cloud_tasks.runners.flags import FlagsPage
from cloud_tasks.runners.launch import LAUNCHERS
from cloud_tasks.runners.links import SlotLink
from cloud_tasks.runners.oom import OomWatch
from cloud_tasks.runners.program import Program
from cloud_tasks.runners.sending import Sender
from cloud_tasks.runners.tree import ProcessTree, problem_from
from cloud_tasks.runners.wire import ChildFrame, FrameReader, decode_child

PROBE_S_MAX = 300.0


class Host:
    """Opens and closes the helper processes for one program.

    Args:
        program: What they hold.
        start_method: How they are started.
        slots: For how many tasks at a time there must be descriptors; 0: somebody else sees to that.
    """

    def __init__(self, program: Program, start_method: str, slots: int = 0) -> None:
        if start_method not in LAUNCHERS:
            known = ", ".join(LAUNCHERS)
            raise ConfigurationError(
                Problem(f"unknown start method `{start_method}`", helps=(f"one of: {known}",))
            )
        self._program = program
        self._slots = slots
        self._slots_taken = 0
        self.flags = FlagsPage()
        self._launcher = LAUNCHERS[start_method](program, self.flags)
        self._probes = start_method == "spawn"
        self.tree = ProcessTree(self._launcher)
        self.oom = OomWatch()
        self.preamble = b""

    async def open(self) -> None:
        """Check the program, and start the template.

        Raises:
            ConfigurationError: There cannot be descriptors for so many slots.
            ProgramError: The program cannot be used.
            RunnerError: The system refused.
        """
        try:
            if self._slots:
                ROOM.take(self._slots)
                self._slots_taken = self._slots
            self._launcher.check()
            self.flags.show_to(self._program.worker_data)
            await self.tree.open()
            self.preamble = self._launcher.channel_preamble()
            if self._probes:
                await self._probe()
        except BaseException:  # boundary: closed, and raised again
            await self.aclose()
            raise

    async def _probe(self) -> None:
        """Have one interpreter import the program, where every task will do so for itself."""
        probe = Probe(self.tree, self._launcher.channel_preamble(probe=True))
        self.tree.take(probe)
        try:
            frame = await asyncio.wait_for(probe.answer, PROBE_S_MAX)
        finally:
            probe.close()
        if frame.end != "ready":
            raise ProgramError(*(problem_from(problem) for problem in frame.problems))

    async def aclose(self) -> None:
        """End the helper processes."""
        await self.tree.aclose()
        self.flags.close()
        ROOM.give_back(self._slots_taken)
        self._slots_taken = 0


class Probe:
    """A run that only imports the program."""

    def __init__(self, tree: ProcessTree, preamble: bytes) -> None:
        self.answer: asyncio.Future[ChildFrame] = asyncio.get_running_loop().create_future()
        self.slot_tries = 0
        self._tree = tree
        self._preamble = preamble
        self._frames = FrameReader()
        self._slot: SlotLink | None = None
        self._channel: socket.socket | None = None
        self._words = b""

    def granted(self, slot: SlotLink) -> None:
        """Start."""
        self.close()
        loop = asyncio.get_running_loop()
        channel, theirs = socket.socketpair()
        self._channel = channel
        with theirs:
            slot.run(self, theirs.fileno())
        self._slot = slot
        channel.setblocking(False)  # noqa: FBT003 - as the standard library has it
        Sender(loop, channel).send(self._preamble)
        loop.add_reader(channel.fileno(), self._readable)

    def close(self) -> None:
        """Let go of the channel: its process ends, if it has not; no effect if that was done."""
        if self._channel is not None:
            asyncio.get_running_loop().remove_reader(self._channel.fileno())
            self._channel.close()
            self._channel = None

    def _readable(self) -> None:
        if self._channel is None:
            return
        try:
            frames = self._frames.read(self._channel)
        except BlockingIOError:
            return
        for frame in frames or ():
            self._answer(decode_child(frame))
        if frames is None:
            self.refused("the process that imported the program died")

    def _answer(self, frame: ChildFrame) -> None:
        if not self.answer.done():
            self.answer.set_result(frame)

    def refused(self, reason: str) -> None:
        """Fail."""
        words = self._words.decode(errors="replace").strip()
        if not self.answer.done():
            self.answer.set_exception(ProgramError(Problem(reason, notes=(words,) if words else ())))

    slot_failed = refused

    def slot_started(self, pid: int, *, goes_on: bool) -> None:
        """Nothing to do."""

    def slot_exited(self, status: int, peak_bytes: int) -> None:
        """Stop listening; the answer has come before, or never will."""
        del status, peak_bytes
        self._readable()
        self.close()
        self.refused("the process that imported the program died")

    def slot_over(self, status: int, peak_bytes: int) -> None:
        """Both."""
        self.slot_exited(status, peak_bytes)
        self.slot_gone()

    def slot_gone(self) -> None:
        """Give the slot back."""
        if self._slot is not None:
            self._tree.give_back(self._slot)

    def slot_died(self) -> None:
        """Fail."""
        self.slot_exited(signal.SIGKILL, 0)

    def slot_buried(self) -> None:
        """Nothing to do."""

    def output(self, stream: str, chunk: bytes) -> bool:
        """Remember what it complained about."""
        del stream
        self._words = (self._words + chunk)[-4096:]
        return True
