"""The helper processes of a runner: a template, and the slots that were forked from it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from cloud_tasks.errors import Place, Problem, ProgramError, RunnerError
from cloud_tasks.runners.launch import Child, Launcher, kill_child
from cloud_tasks.runners.links import SlotLink, SlotUser, TemplateLink
from cloud_tasks.runners.strays import end_group_of
from cloud_tasks.runners.wire import TemplateReport, WireProblem

IMPORT_WARNING_S = 10.0
IMPORT_S_MAX = 300.0
SLOT_TRIES_MAX = 3
"""How often a slot is asked for anew when it died before it said a word."""
BURIAL_S_MAX = 5.0
"""How long to wait for the template's word that nothing is left of a slot that died."""
IMPORT_TRIES_MAX = 3
"""How often a template may die while it imports the program, of whatever, before tasks are refused."""
SWEEPS_MAX = 100
SWEEP_INTERVAL_S = 0.02
_BACKOFF_S = 0.1
_BACKOFF_S_MAX = 10.0
_CLOSE_S_MAX = 3.0
_CLOSE_POLL_S = 0.005

_log = logging.getLogger(__name__)


class ProcessTree:
    """Hands out slots, and starts a new template when the old one dies: bounded, and backed off."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        self._template: TemplateLink | None = None
        self._slots: dict[int, SlotLink] = {}
        self._idle: list[SlotLink] = []
        self._waiting: deque[SlotUser] = deque()
        self._dying: dict[int, SlotUser] = {}
        self._children: list[Child] = []
        self._next_number = 0
        self._failures = 0
        self._start_planned = False
        self._closing = False
        self._opened: asyncio.Future[None] | None = None
        self._timers: list[asyncio.TimerHandle] = []

    async def open(self) -> None:
        """Start the template, and wait until it has imported the program.

        Raises:
            ProgramError: The program cannot be used.
            RunnerError: The template cannot be started.
        """
        self._opened = asyncio.get_running_loop().create_future()
        try:
            self._launch()
        except OSError as error:
            message = f"cannot start the process that holds the program: {error}"
            raise RunnerError(message) from error
        try:
            await self._opened
        finally:
            self._opened = None

    def _launch(self) -> None:
        child, control = self._launcher.launch([fd for slot in self._slots.values() for fd in slot.fds])
        self._children.append(child)
        self._template = template = TemplateLink(self, child, control)
        loop = asyncio.get_running_loop()
        self._timers = [
            loop.call_later(IMPORT_WARNING_S, self._warn_slow, template),
            loop.call_later(IMPORT_S_MAX, self._give_up, template),
        ]

    def _warn_slow(self, template: TemplateLink) -> None:
        if not template.ready:
            _log.warning("Importing the program takes longer than %g seconds.", IMPORT_WARNING_S)

    def _give_up(self, template: TemplateLink) -> None:
        if not template.ready:
            _log.error("Importing the program took longer than %g seconds.", IMPORT_S_MAX)
            kill_child(template.child)

    def _disarm(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers = []

    # What users of slots ask for.

    def take(self, user: SlotUser) -> None:
        """Grant a slot now if there is one, later otherwise; or refuse it."""
        if self._closing:
            asyncio.get_running_loop().call_soon(user.refused, "the runner is being closed")
            return
        while self._idle:
            slot = self._idle.pop()
            if slot.is_alive():
                user.granted(slot)
                return
        self._waiting.append(user)
        self._serve_waiting()

    def forget(self, user: SlotUser) -> bool:
        """Take back what was asked for; whether it was still waiting."""
        try:
            self._waiting.remove(user)
        except ValueError:
            return False
        return True

    def give_back(self, slot: SlotLink) -> None:
        """The user needs the slot no more."""
        if slot.closed:
            return
        if self._closing or slot.template is not self._template:
            # Without its template, nobody would look after what it leaves behind.
            self._retire(slot)
        elif self._waiting:
            self._waiting.popleft().granted(slot)
        else:
            self._idle.append(slot)

    def _retire(self, slot: SlotLink) -> None:
        self._slots.pop(slot.number, None)
        slot.close()

    def _serve_waiting(self) -> None:
        template = self._template
        if template is None:
            self._plan_start()
            return
        while template.ready and self._waiting:
            self._next_number += 1
            try:
                slot = SlotLink(self, self._next_number, template)
            except OSError as error:
                self._refuse_soon(self._waiting.popleft(), f"cannot make room for a task process: {error}")
                continue
            self._slots[slot.number] = slot
            self._waiting.popleft().granted(slot)

    def _refuse_soon(self, user: SlotUser, reason: str) -> None:
        asyncio.get_running_loop().call_soon(user.refused, reason)

    def _refuse_waiting(self, reason: str) -> None:
        while self._waiting:
            self._refuse_soon(self._waiting.popleft(), reason)

    # Templates that come and go.

    def _plan_start(self) -> None:
        if not self._start_planned:
            self._start_planned = True
            delay = 0.0 if self._failures == 0 else min(_BACKOFF_S * 2.0**self._failures, _BACKOFF_S_MAX)
            asyncio.get_running_loop().call_later(delay, self._start_again)

    def _start_again(self) -> None:
        self._start_planned = False
        if self._closing or self._template is not None:
            return
        try:
            self._launch()
        except (OSError, ProgramError) as error:
            self._failures += 1
            self._refuse_waiting(f"cannot start the process that holds the program: {error}")

    def template_told(self, template: TemplateLink, report: TemplateReport) -> None:
        """Act on the template's report."""
        if report.ready is not None:
            self._disarm()
            self._failures = 0
            if self._opened is not None and not self._opened.done():
                self._opened.set_result(None)
            self._serve_waiting()
        if report.problems:
            error = ProgramError(*(problem_from(problem) for problem in report.problems))
            if self._opened is not None and not self._opened.done():
                self._opened.set_exception(error)
            self._refuse_waiting(f"the program cannot be imported any more: {error}")
        if report.slot_failed is not None:
            slot = self._slots.pop(report.slot_failed, None)
            if slot is not None:
                self._end_unborn(slot, report.reason)
        if report.slot_gone is not None:
            user = self._dying.pop(report.slot_gone, None)
            if user is not None:
                user.slot_buried()

    def _end_unborn(self, slot: SlotLink, reason: str) -> None:
        user, slot.user = slot.user, None
        slot.close()
        if user is not None:
            user.refused(reason)

    def template_lost(self, template: TemplateLink) -> None:
        """The template has died: what runs goes on, and a new one is started when somebody needs it."""
        self._disarm()
        if template is not self._template:
            return
        self._template = None
        if not template.ready:
            self._import_failed()
        idle, self._idle = self._idle, []
        for slot in idle:
            self._retire(slot)
        dying, self._dying = self._dying, {}
        self._sweep(list(dying.values()))
        if (self._waiting or self._is_opening()) and not self._closing:
            self._plan_start()

    def _is_opening(self) -> bool:
        return self._opened is not None and not self._opened.done()

    def _import_failed(self) -> None:
        """The template died before it was ready; that may be an accident, or the program's own doing."""
        self._failures += 1
        if self._failures < IMPORT_TRIES_MAX:
            return
        reason = "the process that holds the program died while it imported it"
        if self._opened is not None and not self._opened.done():
            help_text = "its last words are above, if it had any"
            self._opened.set_exception(ProgramError(Problem(reason, helps=(help_text,))))
        self._refuse_waiting(reason)

    def _sweep(self, users: list[SlotUser], sweeps: int = 0) -> None:
        """End what the dead left behind; when nothing is left, tell those who wait for that."""
        keepers = [slot.pid for slot in self._slots.values() if slot.pid is not None]
        if self._template is not None:
            keepers.append(self._template.child.pid)
        if self._launcher.end_strays(keepers) and sweeps < SWEEPS_MAX:
            asyncio.get_running_loop().call_later(SWEEP_INTERVAL_S, self._sweep, users, sweeps + 1)
            return
        for user in users:
            user.slot_buried()

    def slot_lost(self, slot: SlotLink) -> None:
        """A slot's process has ended by itself or by its task's hand."""
        self._slots.pop(slot.number, None)
        if slot in self._idle:
            self._idle.remove(slot)
        user, slot.user = slot.user, None
        if user is None:
            return
        if slot.pid is None:
            self._try_again(user)
            return
        if slot.leader is not None:
            end_group_of(slot.leader)  # it may have seen to it that it outlives its parent
        if slot.template is self._template and not slot.template.closed:
            self._dying[slot.pid] = user
            asyncio.get_running_loop().call_later(BURIAL_S_MAX, self._bury_unasked, slot.pid)
            user.slot_died()
        else:
            # Nobody is left who would adopt what the task leaves behind.
            user.slot_died()
            self._sweep([user])

    def _bury_unasked(self, pid: int) -> None:
        user = self._dying.pop(pid, None)
        if user is not None:
            _log.warning("Something that a task started cannot be ended; process %d watched over it.", pid)
            user.slot_buried()

    def _try_again(self, user: SlotUser) -> None:
        """The slot never said a word, so nothing can have run in it."""
        user.slot_tries += 1
        if user.slot_tries >= SLOT_TRIES_MAX:
            user.refused(f"{user.slot_tries} processes that watch over tasks died before they did anything")
        else:
            self.take(user)

    # The end.

    async def aclose(self) -> None:
        """Let go of all helper processes, and wait for those that are ours to wait for."""
        self._closing = True
        self._disarm()
        self._refuse_waiting("the runner is being closed")
        for slot in list(self._slots.values()):
            slot.close()
        self._slots.clear()
        self._idle.clear()
        if self._template is not None:
            self._template.close()
            self._template = None
        await self._wait_for_children()

    async def _wait_for_children(self) -> None:
        waited = 0.0
        while any(child.poll() is None for child in self._children):
            if waited >= _CLOSE_S_MAX:
                for child in self._children:
                    kill_child(child)
            if waited >= 2 * _CLOSE_S_MAX:
                break
            await asyncio.sleep(_CLOSE_POLL_S)
            waited += _CLOSE_POLL_S
        self._children.clear()


def problem_from(wire: WireProblem) -> Problem:
    """A problem as another process told it."""
    place = None if wire.place is None else Place(*wire.place)
    return Problem(wire.message, place=place, helps=wire.helps, notes=wire.notes)
