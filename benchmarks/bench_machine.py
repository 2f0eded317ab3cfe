"""How many attempts the pure machine decides in a second, beside a bare loop over the same values.

    python benchmarks/bench_machine.py

An attempt is six facts: its lease (two to a batch), the start, the end and the going of its run, its event
stored, its lease settled. The bare loop makes and drops the same facts and commands, and keeps them in a
dictionary, but decides nothing. Medians of five, in process time.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable

from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.events import TaskCompleted
from cloud_tasks.core.machine import MachineSettings, WorkerMachine
from cloud_tasks.core.task import EndKind, Lease, Outcome, OutcomeKind, RunEnd, Task

ATTEMPTS = 20_000
ROUNDS = 5
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


def rate(work: Callable[[float | None], int], duration_s: float | None) -> float:
    """Attempts a second of process time."""
    gc.collect()
    began = time.process_time()
    return work(duration_s) / (time.process_time() - began)


def main() -> None:
    """Print rates, and the share of the bare loop's rate; both in turn, so that a busy machine slows both."""
    for name, duration_s in (("leases that never end", None), ("leases of 30 s", 30.0)):
        rounds = [(rate(machine_alone, duration_s), rate(bare_loop, duration_s)) for _ in range(ROUNDS)]
        machine = statistics.median(machine for machine, _ in rounds)
        bare = statistics.median(bare for _, bare in rounds)
        ratio = statistics.median(machine / bare for machine, bare in rounds)
        print(f"{name:22} machine {machine:9,.0f}/s   bare loop {bare:9,.0f}/s   ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
