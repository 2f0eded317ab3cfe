"""A rehearsal, from the first stand-in to the last worker's end."""

from __future__ import annotations

import itertools
import math
import os
import random
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cloud_tasks.core.task import Task
from cloud_tasks.errors import ConfigurationError, Problem
from simulation.real import marked
from simulation.real.crew import RESTART_S, Crew
from simulation.real.draws import draw_task
from simulation.real.machine import Machine
from simulation.real.processes import Process, environ_of
from simulation.real.seen import Notes, What
from simulation.real.settings import RealSettings
from simulation.real.sqs_client import SqsClient, StandInError
from simulation.real.torments import NOTICED_SHARE, Torments, service_faults
from simulation.real.watch import Watch

CALLS, SEEN, LEDGER, STRUCK = "calls.jsonl", "seen.jsonl", "ledger.jsonl", "struck.jsonl"
TELL_EVERY_S = 10.0
READY_S_MAX = 60.0
"""How long is waited for the first worker to come to its first task, before things go wrong."""
_TURN_S = 0.02
_COUNT_EVERY_S = 0.5
_BACKLOG = 24
"""So many tasks wait at least, where we bring them ourselves."""
_AT_ONCE = 12
_END_S = 10.0
"""From the end of the grace period to the last sign of life of a worker."""
_PATIENCE_S = 30.0
_START_UP_S = 3.0
"""From the start of a worker's program to its first receive, on a busy machine."""


class Rehearsal:
    """One rehearsal.

    Args:
        settings: What it is told.
        directory: Takes everything that it leaves behind.
        tasks: The user's tasks; None: ours, as many as are needed.
        tell: Told now and then how it goes.
    """

    def __init__(
        self,
        settings: RealSettings,
        directory: Path,
        tasks: Iterable[Task] | None,
        tell: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._plan = settings.plan()
        self._directory = directory
        self._mark = marked.new_mark()
        self._notes = Notes(directory / SEEN)
        self._watch = Watch(directory / LEDGER, self._mark, self._notes)
        self._tell = tell
        self._tasks = None if tasks is None else iter(tasks)
        self._sent = 0
        self._waiting = self._held = 0
        self._began_at = self._count_at = time.monotonic()
        self._told_at = self._began_at
        self._fates = random.Random(f"{settings.seed}:machines")  # noqa: S311 - no secrets
        self._services: list[Process] = []

    def run(self) -> Torments:
        """Live through it; nothing of it runs when this returns or raises.

        Raises:
            ConfigurationError: The program or a stand-in cannot be started, or is not there any more.
        """
        try:
            return self._run()
        except StandInError as error:
            notes = tuple(line for process in self._services for line in process.last_words())
            raise ConfigurationError(
                Problem(f"the stand-in for the queue fails: {error}", notes=notes)
            ) from None
        finally:
            self._sweep()
            self._watch.close()
            self._notes.close()

    def _run(self) -> Torments:
        safe = self._start_machine("machine", None)
        url = self._start_queue().address()
        client = SqsClient(url)
        client.create_queues(self._plan.queue.lease_s)
        self._feed(client, math.inf if self._tasks is not None else _BACKLOG)
        crew = self._crew(url, safe)
        until = time.monotonic() + READY_S_MAX
        while not crew.any_ready and time.monotonic() < until:
            crew.look()
            self._watch.wait(_TURN_S)
        torments = Torments(self._settings, crew, self._mark, self._notes)
        quiet_at = time.monotonic() + self._settings.time_s
        theirs = self._tasks is not None
        while time.monotonic() < quiet_at and not (theirs and self._is_settled(client)):
            torments.strike()
            if self._tasks is None:
                self._feed(client, _BACKLOG)
            self._turn(crew, torments, client)
        torments.stop()
        self._notes.put(What.QUIET)
        self._come_right(crew, torments, client)
        return torments

    def _come_right(self, crew: Crew, torments: Torments, client: SqsClient) -> None:
        """Without faults from now on."""
        least = self._waiting + self._held
        until = time.monotonic() + liveness_bound_s(self._settings, 1)
        while not self._is_settled(client) and time.monotonic() < until:
            self._turn(crew, torments, client)
            if self._waiting + self._held < least:  # each task that is settled gives time for one more
                least = self._waiting + self._held
                until = time.monotonic() + liveness_bound_s(self._settings, 1)
        if self._is_settled(client):
            self._notes.put(What.SETTLED)
        crew.restarts = False
        for worker in crew.workers:
            crew.terminate(worker)
        until = time.monotonic() + self._plan.worker.shutdown_grace_period_s + _END_S
        while (crew.workers and time.monotonic() < until) or crew.looking:
            self._turn(crew, torments, client)
        if not crew.workers:
            self._notes.put(What.ENDED)
        client.waiting()  # the last that the record says
        self._notes.put(What.OVER)

    def _turn(self, crew: Crew, torments: Torments, client: SqsClient) -> None:
        torments.listen()
        crew.look()
        self._watch.wait(_TURN_S)
        now = time.monotonic()
        if now >= self._count_at:
            self._count_at = now + _COUNT_EVERY_S
            self._waiting, self._held = client.waiting()
        if now >= self._told_at + TELL_EVERY_S:
            self._told_at = now
            self._tell(self._line(crew, torments))

    def _line(self, crew: Crew, torments: Torments) -> str:
        left = self._waiting + self._held
        attempts = f"{self._watch.began:,} attempts, " if self._settings.is_ours else ""
        return (
            f"{time.monotonic() - self._began_at:4.0f} s: {torments.kills} kills, {crew.ended} workers gone, "
            f"{attempts}{self._sent - left:,} of {self._sent:,} tasks done"
        )

    def _is_settled(self, client: SqsClient) -> bool:
        if not self._waiting + self._held:
            self._waiting, self._held = client.waiting()
        return not self._waiting + self._held

    # -- what workers find -------------------------------------------------------------------------------

    def _start_queue(self) -> Process:
        (self._directory / "faults.yaml").write_text(service_faults(self._settings), encoding="utf-8")
        command = ["-m", "fakes.sqs", "--port", "0", "--record", CALLS]
        command += ["--faults", "faults.yaml", "--fault-log", STRUCK]
        queue = Process("queue", command, self._directory, environ_of(self._mark, "queue", {}))
        self._services.append(queue)
        return queue

    def _start_machine(self, name: str, notice_at_s: float | None) -> Machine:
        return Machine(name, self._directory, environ_of(self._mark, name, {}), notice_at_s)

    def _crew(self, url: str, safe: Machine) -> Crew:
        lasting = safe.variables

        def variables(name: str) -> dict[str, str]:
            return {
                **lasting,
                "AWS_ENDPOINT_URL_SQS": url,
                "AWS_REGION": "us-east-1",
                # The stand-in writes down who signed each call.
                "AWS_ACCESS_KEY_ID": name,
                "AWS_SECRET_ACCESS_KEY": "none",
                "NO_PROXY": "127.0.0.1",
            }

        return Crew(
            self._settings,
            self._directory,
            self._mark,
            self._notes,
            variables=variables,
            machine=self._machine,
        )

    def _machine(self, name: str) -> Machine | None:
        """Some machines are taken away."""
        taken, after = self._fates.random() < NOTICED_SHARE, self._fates.uniform(0.2, 1.0)
        if not taken:
            return None
        return self._start_machine(f"{name}-machine", after * min(self._settings.time_s / 2, 15.0))

    def _feed(self, client: SqsClient, backlog: float) -> None:
        if self._waiting >= backlog:
            return
        for task in itertools.islice(self._next_tasks(), None if self._tasks is not None else _AT_ONCE):
            client.send(task)
            self._sent += 1
            self._waiting += 1

    def _next_tasks(self) -> Iterator[Task]:
        if self._tasks is not None:
            yield from self._tasks
            return
        while True:
            yield draw_task(self._settings.seed, self._sent + 1)

    # -- the end -----------------------------------------------------------------------------------------

    def _sweep(self) -> None:
        """End everything that is left, stand-ins included."""
        for process in self._services:
            process.popen.terminate()
        for _ in range(100):
            left = [pid for pid in marked.marked(self._mark) if pid != os.getpid()]
            if not left:
                break
            for pid in left:
                marked.send(pid, self._mark, signal.SIGKILL)
            time.sleep(_TURN_S)
        for process in self._services:
            process.popen.wait()


def liveness_bound_s(settings: RealSettings, tasks_left: int) -> float:
    """How long it may take until so many tasks are settled when nothing goes wrong."""
    plan = settings.plan()
    attempts = min(plan.worker.max_attempts or 3, 3)
    one_s = plan.worker.max_runtime_s + 1.0
    if plan.worker.leaves_by_itself:
        one_s += RESTART_S + _START_UP_S
    return plan.queue.lease_s + _PATIENCE_S + plan.worker.rounds_of(tasks_left) * attempts * one_s
