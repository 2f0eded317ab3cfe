"""The state of one worker, shared by the parts of the machine, and what the worker was told."""

from __future__ import annotations

from msgspec import Struct

from cloud_tasks.core import commands as do
from cloud_tasks.core.book import Attempt, Ledger, Runs
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.events import NonFatalException
from cloud_tasks.core.policy import Backoff, RetryPolicy
from cloud_tasks.core.timers import Timers


class MachineSettings(Struct, frozen=True, kw_only=True):
    """What the machine is told about the worker.

    Attributes:
        slots: How many runs at a time.
        max_runtime_s: How long one may run.
        grace_s: From the request to end until the worker is gone.
        stop_s: From SIGTERM to SIGKILL.
        retry: What is tried again.
        tasks_to_skip: How many tasks are handed back untouched before the first is run.
        max_num_tasks: How many are started in all; None: no limit.
        idle_exit_s: The worker ends when the queue has been empty, and nothing under way, for so long; None:
            never.
        poll_wait_s: How long a receive waits for a task.
        unsettled_max: How many attempts may wait for their event and settlement at a time; no further task is
            taken while there are more, so that an outage of the sink cannot pile up work.
        starts_max: How often a run that cannot be started is tried here before the task is handed back.
        start_s_max: How long a run may take to start, waiting for a process to run in included.
        receive_backoff: Pauses while the queue cannot be read.
        worker_id: Identity of the worker, for the history of a task.
        settle_backoff: Pauses while a settlement or an extension is refused.
        start_backoff: Pauses while a run cannot be started.
    """

    slots: int
    max_runtime_s: float
    grace_s: float = 30.0
    stop_s: float = 2.0
    retry: RetryPolicy = RetryPolicy()
    tasks_to_skip: int = 0
    max_num_tasks: int | None = None
    idle_exit_s: float | None = None
    poll_wait_s: float = 20.0
    unsettled_max: int = 64
    starts_max: int = 5
    start_s_max: float = 300.0
    worker_id: str = ""
    receive_backoff: Backoff = Backoff(base_s=1.0, cap_s=30.0)
    settle_backoff: Backoff = Backoff(base_s=0.5, cap_s=15.0)
    start_backoff: Backoff = Backoff(base_s=0.1, cap_s=5.0)


class WorkerState:
    """What the parts of the machine share.

    Attributes:
        now: Time of the input that is being handled.
        attempts: Every attempt under way, by its number.
        runs: Which tasks have a run here.
        occupied: How many slots are taken.
        receiving: Whether a receive is under way.
        finished: Whether the last command was given.
        out: Commands gathered for the input that is being handled.
        drain_reason: Why no more tasks are taken; "" while they are.
        interruption: What runs are interrupted by, if they are.
        quiet_from: When the last attempt was closed, or when what was handed back for a retry is visible
            again, whichever is later.
    """

    __slots__ = (
        "attempts", "capabilities", "drain_reason", "finished", "interruption", "ledger", "now", "occupied",
        "out", "quiet_from", "receiving", "runs", "settings", "timers",
    )  # fmt: skip

    def __init__(self, settings: MachineSettings, capabilities: QueueCapabilities) -> None:
        """A worker that has not begun."""
        self.settings = settings
        self.capabilities = capabilities
        self.ledger = Ledger()
        self.timers = Timers()
        self.runs = Runs()
        self.attempts: dict[int, Attempt] = {}
        self.occupied = 0
        self.receiving = False
        self.finished = False
        self.out: list[do.Command] = []
        self.now = 0.0
        self.drain_reason = ""
        self.interruption = "shutdown"
        self.quiet_from = 0.0

    def tell(self, message: str, stack_trace: str = "") -> None:
        """Report an error that the worker gets over."""
        self.out.append(do.Record(NonFatalException(exception=message, stack_trace=stack_trace)))
