"""How many attempts the pure machine decides in a second, beside a bare loop over the same values.

An attempt is six facts: its lease (two to a batch), the start, the end and the going of its run, its event
stored, its lease settled. The bare loop makes and drops the same facts and commands, and keeps them in a
dictionary, but decides nothing. In process time.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.measuring import Finding, at_least, figure, interleaved
from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.events import TaskCompleted
from cloud_tasks.core.machine import MachineSettings, WorkerMachine
from cloud_tasks.core.task import EndKind, Lease, Outcome, OutcomeKind, RunEnd, Task

ATTEMPTS = 20_000
ATTEMPTS_PER_S_MIN = 100_000
TASK = Task("a", {})
END = RunEnd(EndKind.RETURNED, result=1)
SETTINGS = MachineSettings(slots=2, max_runtime_s=600.0)


def machine_alone(duration_s: float | None) -> int:
    """Take a machine through the attempts; returns how many were settled."""
    capabilities = QueueCapabilities(finite=True, requeues=duration_s is not None)
    handle = WorkerMachine(SETTINGS, capabilities).handle
    now, sent, settled = 0.0, 0, 0
    handle(got.Opened(), now)
    while sent < ATTEMPTS:
        leases = [Lease(TASK, str(sent + number), "r", duration_s) for number in (1, 2)]
        sent += 2
        for start in handle(got.LeasesReceived(leases, now), now):
            assert isinstance(start, do.StartRun)  # two slots, two runs
            now += 0.001
            attempt_id = start.attempt_id
            handle(got.RunStarted(attempt_id), now)
            handle(got.RunFinished(attempt_id, END), now)
            settled += isinstance(handle(got.EventsStored([attempt_id]), now)[0], do.Ack)
            handle(got.Settled(attempt_id), now)
    return settled


def bare_loop(duration_s: float | None) -> int:
    """The same facts and commands, without a decision."""
    kept: dict[int, do.StartRun] = {}
    now, sent, settled = 0.0, 0, 0
    while sent < ATTEMPTS:
        leases = [Lease(TASK, str(sent + number), "r", duration_s) for number in (1, 2)]
        do.Receive(2, 20.0)
        received = got.LeasesReceived(leases, now)
        for lease in received.leases:
            now += 0.001
            sent += 1
            kept[sent] = do.StartRun(sent, TASK, 1, now + 600.0)
            got.RunStarted(sent)
            ended = got.RunFinished(sent, END)
            event = TaskCompleted(
                task_id="a", elapsed_time=0.0, retry=False, attempt=1, result=1, retry_requested=False
            )
            do.Record(event, sent)
            got.EventsStored([sent])
            outcome = Outcome(OutcomeKind.COMPLETED, end=ended.end)
            settled += isinstance(do.Ack(sent, lease, outcome), do.Ack)
            got.Settled(sent)
            del kept[sent]
    return settled


def machine(_scratch: Path) -> Iterator[Finding]:
    """Attempts through the machine alone."""
    for kind, duration_s in (("that never end", None), ("of 30 s", 30.0)):
        rates = interleaved(
            {work.__name__: partial(_rate, work, duration_s) for work in (machine_alone, bare_loop)}
        )
        decided, bare = rates["machine_alone"], rates["bare_loop"]
        yield at_least(
            f"attempts through the machine alone, leases {kind}", decided, ATTEMPTS_PER_S_MIN, "/s"
        )
        yield figure(
            "the same / a bare loop over the same values", decided / bare, "ratio", f"loop {bare:,.0f}/s"
        )


def _rate(work: Callable[[float | None], int], duration_s: float | None) -> float:
    """Attempts a second of process time."""
    gc.collect()
    began = time.process_time()
    return work(duration_s) / (time.process_time() - began)
