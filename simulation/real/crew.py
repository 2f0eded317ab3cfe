"""Keeps so many workers running, whatever becomes of each."""

from __future__ import annotations

import contextlib
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

from cloud_tasks.errors import ConfigurationError, Problem
from simulation.real import ledger, marked
from simulation.real.machine import Machine
from simulation.real.processes import Process, environ_of
from simulation.real.seen import UNASKED, Notes, What
from simulation.real.settings import RealSettings

RESTART_S = 1.0
"""From the end of a worker to the start of the next in its place."""
GONE_S = 2.0
"""How soon after the end of a worker nothing may be left of it."""
_STARTED = b'"worker_started"'


class RealWorker:
    """One start of the worker program."""

    def __init__(self, process: Process, events: Path, machine: Machine | None) -> None:
        self.process = process
        self.events = events
        self.machine = machine
        self.began_at = time.monotonic()
        self.stopped_until: float | None = None
        self.full_until: float | None = None
        self.asked = self.killed = self.over = self._ready = False

    @property
    def name(self) -> str:
        """Its name."""
        return self.process.name

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.popen.pid

    @property
    def ready(self) -> bool:
        """Whether it has said that it is about to take its first task."""
        if not self._ready and self.events.exists():
            with self.events.open("rb") as file:
                self._ready = _STARTED in file.read(10_000)
        return self._ready


class Crew:
    """The workers.

    Args:
        settings: What they are told.
        directory: Where everything is kept.
        mark: Of all processes.
        notes: Told of every beginning and end.
        variables: Where the services are.
        machine: Finds the machine of the n-th worker; None for one that lasts.

    Attributes:
        workers: Those that run.
        ended: How many have ended, in whatever way.
        restarts: Whether one that is over is followed by another.
        any_ready: Whether any has come to its first task.
    """

    def __init__(
        self,
        settings: RealSettings,
        directory: Path,
        mark: str,
        notes: Notes,
        *,
        variables: Callable[[str], dict[str, str]],
        machine: Callable[[str], Machine | None],
    ) -> None:
        self.workers: list[RealWorker] = []
        self.ended = 0
        self.restarts = True
        self._settings = settings
        self._directory = directory
        self._mark = mark
        self._notes = notes
        self._variables = variables
        self._machine = machine
        self._number = 0
        self.any_ready = False
        self._start_at = [time.monotonic()] * settings.workers
        self._waiting: list[tuple[str, Machine | None]] = []
        self._looks: list[tuple[float, str]] = []

    def look(self) -> None:
        """See who has ended, and start who is missing.

        Raises:
            ConfigurationError: The program does not come to its first task.
        """
        now = time.monotonic()
        for worker in list(self.workers):
            self.any_ready = self.any_ready or worker.ready
            if worker.process.popen.poll() is not None:
                self._bury(worker)
        while self.restarts and self._start_at and self._start_at[0] <= now:
            self._start_at.pop(0)
            self._number += 1
            name = f"worker-{self._number}"
            self._waiting.append((name, self._machine(name)))
        for name, machine in list(self._waiting):
            if self.restarts and (machine is None or machine.listens()):
                self._waiting.remove((name, machine))
                self._start(name, machine)
        while self._looks and self._looks[0][0] <= now:
            self._look_for_remains(self._looks.pop(0)[1])

    @property
    def looking(self) -> bool:
        """Whether it is still to be seen that nothing is left of some worker."""
        return bool(self._looks)

    # -- what can be done to a worker --------------------------------------------------------------------

    def kill(self, worker: RealWorker) -> bool:
        """SIGKILL; returns whether it was sent."""
        if worker.over or worker.killed:
            return False
        worker.killed = True
        worker.process.popen.kill()
        return True

    def take_machine(self, worker: RealWorker) -> int:
        """SIGKILL to everything on the worker's machine; returns to how many processes."""
        pids = [pid for pid, whose in marked.marked(self._mark).items() if whose == worker.name]
        others = sum(marked.send(pid, self._mark, signal.SIGKILL) for pid in pids if pid != worker.pid)
        return others + self.kill(worker)

    def stop(self, worker: RealWorker, seconds: float) -> bool:
        """SIGSTOP, and SIGCONT later; returns whether it was sent."""
        if worker.over or worker.killed or worker.asked or worker.stopped_until is not None:
            return False
        worker.process.popen.send_signal(signal.SIGSTOP)
        self._notes.put(What.WORKER_STOPPED, worker.name, size=seconds)
        worker.stopped_until = time.monotonic() + seconds
        return True

    def go_on(self, worker: RealWorker) -> None:
        """SIGCONT."""
        worker.stopped_until = None
        if not worker.over:
            self._notes.put(What.WORKER_CONTINUED, worker.name)
            worker.process.popen.send_signal(signal.SIGCONT)

    def terminate(self, worker: RealWorker) -> bool:
        """SIGTERM; returns whether it was sent."""
        if worker.over or worker.killed or worker.asked or worker.stopped_until is not None:
            return False
        worker.asked = True
        self._notes.put(What.SIGTERM, worker.name)
        worker.process.popen.terminate()
        return True

    def fill_disk(self, worker: RealWorker, seconds: float, room_bytes: int) -> bool:
        """Let the worker's event log not grow by more than so much; returns whether that was possible."""
        if worker.over or worker.killed or worker.full_until is not None or not worker.ready:
            return False
        limit = worker.events.stat().st_size + room_bytes
        try:
            resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        except OSError:  # over in this moment
            return False
        worker.full_until = time.monotonic() + seconds
        self._notes.put(What.DISK_FULL, worker.name, size=seconds)
        return True

    def empty_disk(self, worker: RealWorker) -> None:
        """Let it grow again."""
        worker.full_until = None
        if worker.over:
            return
        self._notes.put(What.DISK_FREE, worker.name)
        for pid, whose in marked.marked(self._mark).items():
            if whose == worker.name:  # what was started meanwhile has the limit, too
                with contextlib.suppress(OSError):
                    unlimited = resource.RLIM_INFINITY, resource.RLIM_INFINITY
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)

    # -- beginnings and ends -----------------------------------------------------------------------------

    def _start(self, name: str, machine: Machine | None) -> None:
        events = self._directory / f"{name}.events"
        more = {
            **self._settings.variables,
            **self._variables(name),
            **({} if machine is None else machine.variables),
            "RMS_CLOUD_TASKS_EVENT_LOG_FILE": str(events),
            ledger.VARIABLE: str(self._directory / "ledger.jsonl"),
            ledger.WORKER_VARIABLE: name,
        }
        self._notes.put(What.WORKER_BEGAN, name)
        environ = environ_of(self._mark, name, more)
        process = Process(name, [str(self._settings.program)], self._directory, environ)
        self.workers.append(RealWorker(process, events, machine))

    def _bury(self, worker: RealWorker) -> None:
        """A worker is over."""
        status = worker.process.popen.returncode
        worker.over = True
        self.workers.remove(worker)
        self.ended += 1
        what = What.WORKER_KILLED if worker.killed or status == -signal.SIGKILL else What.WORKER_ENDED
        asked = worker.asked or (worker.machine is not None and worker.machine.noticed)
        self._notes.put(what, worker.name, pid=worker.pid, size=status, text="" if asked else UNASKED)
        if worker.machine is not None:
            worker.machine.close()
        if what is What.WORKER_ENDED and not self.any_ready and not asked:
            raise ConfigurationError(_not_started(worker, status))
        self._start_at.append(time.monotonic() + RESTART_S)
        self._looks.append((time.monotonic() + GONE_S, worker.name))

    def _look_for_remains(self, name: str) -> None:
        left = [pid for pid, whose in marked.marked(self._mark).items() if whose == name]
        if any(map(marked.is_stopped, left)):  # it cannot end anything, itself included, until it goes on
            self._looks.append((time.monotonic() + GONE_S, name))
            return
        for pid in left:
            self._notes.put(What.LEFT, name, pid=pid, text=marked.describe(pid))


def _not_started(worker: RealWorker, status: int) -> Problem:
    return Problem(
        f"the worker program ends before its first task, with status {status}",
        notes=tuple(worker.process.last_words()),
    )
