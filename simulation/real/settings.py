"""What a rehearsal is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from cloud_tasks.config.resolve import resolve
from cloud_tasks.config.table import BY_NAME
from cloud_tasks.errors import ConfigurationError, Problem
from fakes.queue_options import QueueOptions
from simulation.plan import RunPlan, WorkerPlan, Workload

JOB = "rehearsal"
QUEUE, EVENTS, DEAD = JOB, f"{JOB}-events", f"{JOB}-dead"

_VARIABLE = "RMS_CLOUD_TASKS_{}"
_ALWAYS = {
    "PROVIDER": "AWS",
    "JOB_ID": JOB,
    "EVENT_LOG_TO_QUEUE": "1",
    "EVENT_LOG_TO_FILE": "1",
    "CREATE_QUEUE": "0",
}
"""What workers are told whatever else is in the environment."""
_OURS = {
    "NUM_TASKS_PER_INSTANCE": "3",
    "MAX_RUNTIME": "2",
    "MAX_MEMORY_ALLOWED_PER_TASK": "0.5",
    "VISIBILITY_TIMEOUT_SECONDS": "5",
    "SHUTDOWN_GRACE_PERIOD": "4",
    "RETRY_ON_EXIT": "1",
    "MAX_ATTEMPTS": "6",
}
"""What our own program is told besides."""
_THEIRS = {"MAX_RUNTIME": "60", "VISIBILITY_TIMEOUT_SECONDS": "70", "SHUTDOWN_GRACE_PERIOD": "5"}
"""What a user's program is told, where the environment does not say it."""
_UNKNOWN_TO_JUDGES = (
    "task_file",
    "queue_name",
    "exactly_once_queue",
    "tasks_to_skip",
    "simulate_spot_termination_after",
)
"""Settings with which a worker rightly does what the judges would hold against it, or uses another queue."""


class RealSettings(Struct, frozen=True, kw_only=True):
    """A rehearsal.

    Attributes:
        seed: Of the tasks and of everything that goes wrong.
        time_s: For how long things go wrong.
        workers: How many workers there are at a time.
        worker_file: The user's program; "": our own.
        variables: What workers find in their environment besides what they inherit.
    """

    seed: int
    time_s: float
    workers: int
    worker_file: str = ""
    variables: Mapping[str, str] = {}

    @property
    def is_ours(self) -> bool:
        """Whether the program is our own, which keeps a ledger."""
        return not self.worker_file

    @property
    def program(self) -> Path:
        """The program of the workers."""
        return Path(self.worker_file or Path(__file__).with_name("program.py"))

    def plan(self) -> RunPlan:
        """The rehearsal as the virtual world would have planned it."""
        settings = resolve([], self.variables).settings
        worker = WorkerPlan(
            workers=self.workers,
            num_simultaneous_tasks=settings.num_simultaneous_tasks,
            max_runtime_s=settings.max_runtime,
            shutdown_grace_period_s=settings.shutdown_grace_period,
            retry_on_exit=settings.retry_on_exit,
            retry_on_exception=settings.retry_on_exception,
            retry_on_timeout=settings.retry_on_timeout,
            max_attempts=settings.max_attempts,
            max_interruptions=settings.max_interruptions,
            max_num_tasks=settings.max_num_tasks,
            exit_when_empty_s=settings.exit_when_empty,
        )
        queue = QueueOptions(
            lease_s=settings.visibility_timeout, settles_after_expiry=True, counts_interruptions=False
        )
        return RunPlan(
            seed=self.seed,
            scenario="real",
            workload=Workload(tasks=0),
            worker=worker,
            queue=queue,
            faults_s=self.time_s,
        )


def worker_variables(environ: Mapping[str, str], *, ours: bool) -> dict[str, str]:
    """The variables of workers: a user's program keeps what its environment says of runs and leases."""
    found = {name: value for name, value in environ.items() if name.startswith(_VARIABLE.format(""))}
    chosen = _ALWAYS | (_OURS if ours else {})
    defaults = {} if ours else {_VARIABLE.format(name): value for name, value in _THEIRS.items()}
    return (
        defaults | ({} if ours else found) | {_VARIABLE.format(key): value for key, value in chosen.items()}
    )


def check_judged(variables: Mapping[str, str]) -> None:
    """Refuse variables that the judges cannot know of: they would accuse a worker that keeps to them.

    Args:
        variables: Those of workers.

    Raises:
        ConfigurationError: There is such a variable; or one cannot be used at all.
    """
    usual = resolve([], worker_variables({}, ours=False)).settings
    wanted = resolve([], variables).settings
    problems = [
        Problem(
            f"{BY_NAME[name].variable}: the judges of `real` know nothing of this setting, and would accuse "
            "a worker that keeps to it",
            helps=("leave it unset",),
        )
        for name in _UNKNOWN_TO_JUDGES
        if getattr(wanted, name) != getattr(usual, name)
    ]
    if wanted.max_num_tasks == 0:
        told = f"{BY_NAME['max_num_tasks'].variable}: with 0 no worker of a rehearsal would ever run a task"
        problems.append(Problem(told, helps=("leave it unset, or give it a number from 1 on",)))
    if problems:
        raise ConfigurationError(*problems)
