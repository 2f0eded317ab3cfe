"""What goes wrong in a rehearsal, and when: each class of faults has its own stream of chance."""

from __future__ import annotations

import json
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from fakes.faults import FaultKind
from simulation.real import marked
from simulation.real.crew import Crew, RealWorker
from simulation.real.machine import AHEAD_S
from simulation.real.seen import Notes, What
from simulation.real.settings import RealSettings

EVERY_S = {
    "child_killed": 0.8,
    "child_stopped": 7.0,
    "worker_crash": 8.0,
    "worker_stop": 9.0,
    "sigterm": 16.0,
    "disk_full": 12.0,
}
"""Mean time between two faults of a class."""
NOTICE = "notice"
"""Of the loss of a machine, which follows."""
SERVICE_KINDS = (
    FaultKind.THROTTLE,
    FaultKind.UNAVAILABLE,
    FaultKind.EFFECT_WITHOUT_REPLY,
    FaultKind.DELAY,
    FaultKind.DUPLICATE,
)
"""What goes wrong with the queue."""
OFTEN = 3.0
"""In a short rehearsal every class strikes about so often all the same."""
NOTICED_SHARE = 0.25
"""Of the machines that are taken away after a notice."""
_DISK_ROOM_BYTES = 300
_SERVICE = ("ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch", "SendMessageBatch")
"""Calls of workers that the service lets go wrong; the rehearsal's own and dead letters are left alone."""


class Torments:
    """Draws faults, and lets them strike.

    Args:
        settings: Seed and time.
        crew: The workers.
        mark: Of all processes.
        notes: Told of what strikes processes of tasks.

    Attributes:
        injected: How many faults of each class there were.
        effective: How many of them met somebody.
        kills: How many processes were sent SIGKILL.
    """

    def __init__(self, settings: RealSettings, crew: Crew, mark: str, notes: Notes) -> None:
        self.injected: Counter[str] = Counter()
        self.effective: Counter[str] = Counter()
        self.kills = 0
        self._settings = settings
        self._crew = crew
        self._mark = mark
        self._notes = notes
        self._lease_s = settings.plan().queue.lease_s
        self._runtime_s = settings.plan().worker.max_runtime_s
        self._dice = {name: random.Random(f"{settings.seed}:{name}") for name in EVERY_S}  # noqa: S311 - no secrets
        self._next_at = {name: time.monotonic() + self._pause_s(name) for name in EVERY_S}
        self._quiet = False
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._stopped: dict[int, str] = {}
        self._acts: Mapping[str, Callable[[random.Random], bool]] = {
            "child_killed": self._kill_child,
            "child_stopped": self._stop_child,
            "worker_crash": self._crash,
            "worker_stop": self._stop_worker,
            "sigterm": self._terminate,
            "disk_full": self._fill_disk,
        }

    def strike(self) -> None:
        """Let strike what is due."""
        now = time.monotonic()
        for name, dice in self._dice.items():
            if self._next_at[name] <= now:
                self._next_at[name] = now + self._pause_s(name)
                self._count(name, struck=self._acts[name](dice))
        self._carry_on(now)

    def listen(self) -> None:
        """See which machines have been told that they go."""
        for worker in self._crew.workers:
            if worker.machine is not None and worker.machine.hears():
                self._give_notice(worker)

    def stop(self) -> None:
        """Nothing goes wrong from now on: what is stopped goes on, and disks are empty."""
        self._quiet = True
        self._later.clear()
        for pid, worker in list(self._stopped.items()):
            self._continue_child(pid, worker)
        self._carry_on(math.inf)

    def _carry_on(self, now: float) -> None:
        """End what lasts for a while."""
        for worker in self._crew.workers:
            if worker.stopped_until is not None and worker.stopped_until <= now:
                self._crew.go_on(worker)
            if worker.full_until is not None and worker.full_until <= now:
                self._crew.empty_disk(worker)
        due = [act for at, act in self._later if at <= now]
        self._later = [(at, act) for at, act in self._later if at > now]
        for act in due:
            act()

    def _pause_s(self, name: str) -> float:
        mean_s = min(EVERY_S[name], self._settings.time_s / OFTEN)
        return self._dice[name].expovariate(1 / mean_s)

    def _count(self, name: str, *, struck: bool) -> None:
        self.injected[name] += 1
        self.effective[name] += struck

    # -- tasks -------------------------------------------------------------------------------------------

    def _victim(self, dice: random.Random) -> tuple[int, str] | None:
        """A process of a task, or one that looks after it, of a worker that has come so far."""
        ready = {worker.name: worker.pid for worker in self._crew.workers if worker.ready}
        found = marked.marked(self._mark).items()
        victims = [(pid, whose) for pid, whose in found if whose in ready and ready[whose] != pid]
        return dice.choice(victims) if victims else None

    def _kill_child(self, dice: random.Random) -> bool:
        victim = self._victim(dice)
        if victim is None:
            return False
        pid, worker = victim
        # Noted first: what follows from it must not be seen before it.
        self._notes.put(What.PROCESS_KILLED, worker, pid=pid)
        return self._killed(marked.send(pid, self._mark, marked.SIGKILL))

    def _stop_child(self, dice: random.Random) -> bool:
        victim = self._victim(dice)
        if victim is None:
            return False
        pid, worker = victim
        seconds = dice.uniform(0.1, 1.5 * self._runtime_s)
        self._notes.put(What.PROCESS_STOPPED, worker, pid=pid, size=seconds)
        if not marked.send(pid, self._mark, marked.SIGSTOP):
            return False
        self._stopped[pid] = worker
        self._later.append((time.monotonic() + seconds, lambda: self._continue_child(pid, worker)))
        return True

    def _continue_child(self, pid: int, worker: str) -> None:
        self._stopped.pop(pid, None)
        if marked.send(pid, self._mark, marked.SIGCONT):
            self._notes.put(What.PROCESS_CONTINUED, worker, pid=pid)

    # -- workers -----------------------------------------------------------------------------------------

    def _worker(self, dice: random.Random) -> RealWorker | None:
        ready = [worker for worker in self._crew.workers if worker.ready]
        return dice.choice(ready) if ready else None

    def _crash(self, dice: random.Random) -> bool:
        worker = self._worker(dice)
        return worker is not None and self._killed(self._crew.kill(worker))

    def _stop_worker(self, dice: random.Random) -> bool:
        worker = self._worker(dice)
        return worker is not None and self._crew.stop(worker, dice.uniform(0.1, 2.0) * self._lease_s)

    def _terminate(self, dice: random.Random) -> bool:
        worker = self._worker(dice)
        return worker is not None and self._crew.terminate(worker)

    def _fill_disk(self, dice: random.Random) -> bool:
        worker = self._worker(dice)
        room = dice.randrange(_DISK_ROOM_BYTES)
        return worker is not None and self._crew.fill_disk(worker, dice.uniform(0.3, 3.0), room)

    def _give_notice(self, worker: RealWorker) -> None:
        self._notes.put(What.NOTICE, worker.name, size=AHEAD_S)
        self._count(NOTICE, struck=not worker.over)
        if not self._quiet:
            self._later.append((time.monotonic() + AHEAD_S, lambda: self._take_machine(worker)))

    def _take_machine(self, worker: RealWorker) -> None:
        self.kills += self._crew.take_machine(worker)

    def _killed(self, sent: bool) -> bool:  # noqa: FBT001 - a fact, passed through
        self.kills += sent
        return sent


def service_faults(settings: RealSettings) -> str:
    """The fault plan of the stand-in for the queue."""
    time_s = settings.time_s
    dice = random.Random(f"{settings.seed}:service")  # noqa: S311 - no secrets
    rules: list[dict[str, object]] = []
    for operation in _SERVICE:
        for kind, probability in (
            (FaultKind.THROTTLE, 0.02),
            (FaultKind.UNAVAILABLE, 0.02),
            (FaultKind.EFFECT_WITHOUT_REPLY, 0.02),
            (FaultKind.DELAY, 0.03),
        ):
            rule: dict[str, object] = {"kind": kind.value, "operation": operation, "probability": probability}
            if kind is FaultKind.DELAY:
                rule["delay_s"] = round(dice.uniform(0.2, 1.5), 3)
            rules.append(rule)
    rules.append({"kind": FaultKind.DUPLICATE.value, "operation": "ReceiveMessage", "probability": 0.03})
    for outage in range(max(1, round(time_s / 45))):
        from_s = (outage + dice.uniform(0.2, 0.8)) * time_s / max(1, round(time_s / 45))
        lasts_s = min(dice.uniform(1.0, 4.0), time_s / 5)
        rules += [
            {"kind": FaultKind.UNAVAILABLE.value, "operation": operation, "every": 1}
            | {"from_s": round(from_s, 3), "until_s": round(min(from_s + lasts_s, time_s), 3)}
            for operation in _SERVICE
        ]
    return json.dumps({"seed": settings.seed, "rules": [{"until_s": time_s, **rule} for rule in rules]})


def read_struck(path: Path) -> Counter[str]:
    """How many faults of each kind have struck calls, by the stand-in's log."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return Counter(str(json.loads(line)["kind"]) for line in lines)
