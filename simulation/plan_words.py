"""A plan in a few lines: of all that it says, what a reader of a failure asks for first."""

from __future__ import annotations

from collections import Counter

from simulation.faults import FaultClass
from simulation.plan import BackendPlan, RunPlan


def options_of(plan: RunPlan) -> list[str]:
    """What was run, by whom, and what went wrong; a line each."""
    return [f"Options: {_kind(plan)}", f"  {_work(plan)}", f"  {_faults(plan)}"]


def _kind(plan: RunPlan) -> str:
    told = [f"scenario {plan.scenario}", f"policy {plan.policy}", f"backend {_backend(plan.backend)}"]
    told += ["a monitor"] if plan.monitor else []
    told += ["a producer"] if plan.producer else []
    return ", ".join(told)


def _backend(backend: BackendPlan) -> str:
    once = " exactly once" if backend.exactly_once else ""
    server = f" on {backend.server}" if backend.name == "sqs" else ""
    acks = " that gathers acks" if backend.name == "model" and backend.gathers_acks else ""
    return f"{backend.name}{acks}{once}{server}"


def _work(plan: RunPlan) -> str:
    worker = plan.worker
    retries = [
        name
        for name, on in (
            ("exits", worker.retry_on_exit),
            ("exceptions", worker.retry_on_exception),
            ("time-outs", worker.retry_on_timeout),
        )
        if on
    ]
    ends = (
        "" if worker.max_num_tasks is None else f"; each ends after {_counted(worker.max_num_tasks, 'task')}"
    )
    if worker.exit_when_empty_s is not None:
        ends += f"; each ends after {worker.exit_when_empty_s:.4g} s without a task"
    kept = ", failures kept" if worker.keep_failed and not plan.backend.decides_retries else ""
    most = "" if worker.max_attempts is None else f", {worker.max_attempts} attempts at most"
    return (
        f"{_counted(plan.workload.tasks, 'task')} of about {plan.workload.duration_s:.4g} s; "
        f"{_counted(worker.workers, 'worker')} with {_counted(worker.num_simultaneous_tasks, 'slot')}, "
        f"leases of {plan.queue.lease_s:.4g} s, runs of {worker.max_runtime_s:.4g} s at most, "
        f"{worker.shutdown_grace_period_s:.4g} s of grace; "
        f"tried again: {', '.join(retries) or 'nothing'}{most}{kept}{ends}"
    )


def _faults(plan: RunPlan) -> str:
    moments = Counter(fault.kind for fault in plan.faults)
    told = [_fault(kind, plan.odds.get(kind, 0.0), moments[kind]) for kind in plan.classes]
    return f"faults for {plan.faults_s:,.4g} s: {', '.join(told) or 'none'}"


def _fault(kind: FaultClass, odds: float, times: int) -> str:
    parts = [*([f"{odds:.2g}"] if odds else []), *([f"{times} times"] if times > 1 else [])]
    return f"{kind.value} ({', '.join(parts)})" if parts else kind.value


def _counted(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
