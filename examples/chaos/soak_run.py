"""One run of the soak: a worker process, accidents while it works, and a judgement at its end."""

from __future__ import annotations

import argparse
import dataclasses
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from audit import audit
from chaos_tasks import choose, draw
from simulation.real import marked

_PROGRAM = Path(__file__).resolve().with_name("run.py")
_POLL_S = 0.01
_GIVEN_UP = "task_interrupted"


@dataclasses.dataclass
class Outcome:
    """What became of one run.

    Attributes:
        seconds: How long it took.
        kills: How many processes were killed.
        not_once: Tasks that were not accounted for exactly once.
        unexpected: Tasks that ended otherwise than expected, and not because they were killed.
        given_up: How many of those were given up: nobody asked this worker to end, so that is work lost.
        left: Processes that were left, after the time that they had.
        gone_after_s: Seconds from the worker's end until nothing was left.
        trouble: What is wrong with the run; "" if nothing is.
        details: Lines to print if something is.
    """

    seconds: float = 0.0
    kills: int = 0
    not_once: int = 0
    unexpected: int = 0
    given_up: int = 0
    left: int = 0
    gone_after_s: float = 0.0
    trouble: str = ""
    details: list[str] = dataclasses.field(default_factory=list)


class Run:
    """One run of the example as a process, watched from outside."""

    def __init__(self, options: argparse.Namespace, seed: int, directory: Path) -> None:
        self._options = options
        self._dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self._seed = seed
        self._log = directory / f"events-{seed}.jsonl"
        self._output = directory / f"output-{seed}.txt"
        self._mark = marked.new_mark()
        self._tasks: list[dict[str, Any]] = draw(options.tasks, seed, choose(options.kinds.split(",")))
        self.outcome = Outcome()

    def go(self) -> Outcome:
        """Run it to its end, or to the end of its time, and judge."""
        started = time.monotonic()
        with self._output.open("wb") as output:
            worker = self._start(output.fileno())
            try:
                self._watch(worker, started + self._options.time_limit)
            finally:
                worker.kill()
                worker.wait()
        self.outcome.seconds = time.monotonic() - started
        self._wait_gone()
        self._judge(worker.returncode)
        return self.outcome

    def _start(self, output: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(_PROGRAM)]
        command += ["--tasks", str(self._options.tasks), "--seed", str(self._seed)]
        command += ["--kinds", self._options.kinds, "--event-log-file", str(self._log)]
        command += ["--max-runtime", str(self._options.max_runtime)]
        environment = {**os.environ, **marked.environment(self._mark)}
        return subprocess.Popen(  # noqa: S603 - our own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )

    def _watch(self, worker: subprocess.Popen[bytes], end: float) -> None:
        """Kill at random moments until the worker ends."""
        if self._options.kill_worker:
            self._wait(worker, min(end, time.monotonic() + self._dice.uniform(0.1, 3.0)))
            self.outcome.kills += worker.poll() is None
            return
        # A helper that dies while it imports the program ends the worker, as a program that cannot be run.
        while not self._has_started() and not self._wait(worker, min(end, time.monotonic() + _POLL_S)):
            if time.monotonic() >= end:
                break
        while time.monotonic() < end:
            if self._wait(worker, min(end, time.monotonic() + self._pause_s())):
                return
            self._kill_one(worker.pid)
        self.outcome.trouble = f"did not end within {self._options.time_limit:g} s"

    def _has_started(self) -> bool:
        """Whether the worker has told that it is ready for its first task."""
        return self._log.exists() and b'"worker_started"' in self._log.read_bytes()

    def _pause_s(self) -> float:
        """Seconds until the next kill; the same rate at any moment, as accidents have it."""
        return self._dice.expovariate(1 / self._options.kill_every)

    def _wait(self, worker: subprocess.Popen[bytes], until: float) -> bool:
        try:
            worker.wait(max(until - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            return False
        return True

    def _kill_one(self, worker_pid: int) -> None:
        victims = [pid for pid in marked.marked(self._mark) if pid != worker_pid]
        if victims:
            self.outcome.kills += marked.send(self._dice.choice(victims), self._mark, signal.SIGKILL)

    def _wait_gone(self) -> None:
        """Wait until nothing is left; whatever is left in the end is put out of the way."""
        ended = time.monotonic()
        while (left := marked.marked(self._mark)) and time.monotonic() - ended < self._options.gone_within:
            time.sleep(_POLL_S)
        self.outcome.gone_after_s = time.monotonic() - ended
        self.outcome.left = len(left)
        self.outcome.details += [f"left: {marked.describe(pid)}" for pid in left]
        while left := marked.marked(self._mark):
            for pid in left:
                marked.send(pid, self._mark, signal.SIGKILL)
            time.sleep(_POLL_S)

    def _judge(self, status: int) -> None:
        found = audit(self._log, self._tasks, killed=True)
        outcome = self.outcome
        if self._options.kill_worker:
            twice = [verdict for verdict in found.not_once if verdict.events]
            outcome.not_once = len(twice)
        else:
            outcome.not_once = len(found.not_once) + len(found.strangers)
            outcome.unexpected = sum(verdict.counted_once for verdict in found.complaints)
            outcome.given_up = sum(_GIVEN_UP in verdict.events for verdict in found.complaints)
            if status not in {0, 1}:
                outcome.trouble = outcome.trouble or f"exit status {status}"
        outcome.details += [f"{item.task_id}: {item.complaint}" for item in found.complaints]
        if self._options.strict and outcome.unexpected:
            outcome.trouble = outcome.trouble or "tasks not as expected"
        if outcome.not_once:
            outcome.trouble = outcome.trouble or "tasks not accounted for exactly once"
        if outcome.left:
            outcome.trouble = outcome.trouble or "processes left"
        if outcome.trouble:
            outcome.details.insert(0, f"output: {self._output}, events: {self._log}")
