"""`Settings`: every setting of a worker, settled."""

from __future__ import annotations

from msgspec import Struct

WORKER_DATA_SETTINGS = (
    "provider",
    "project_id",
    "job_id",
    "queue_name",
    "exactly_once_queue",
    "event_log_to_queue",
    "event_log_queue_name",
    "event_log_to_file",
    "event_log_file",
    "keepalive_interval",
    "instance_type",
    "num_cpus",
    "memory_gb",
    "local_ssd_gb",
    "boot_disk_gb",
    "is_spot",
    "price_per_hour",
    "num_simultaneous_tasks",
    "max_runtime",
    "max_memory_allowed_per_task",
    "shutdown_grace_period",
    "retry_on_exit",
    "retry_on_exception",
    "retry_on_timeout",
    "simulate_spot_termination_after",
    "simulate_spot_termination_delay",
)
"""The settings that tasks see, under the same names, as attributes of `WorkerData`."""


class Settings(Struct, frozen=True, kw_only=True):
    """What the command line, the environment and the defaults come to; what nobody set is None.

    Durations are seconds (an int where they are whole), sizes are GB.

    Attributes:
        task_file: Path or address of the task file; None where tasks come from the program or a queue.
        provider: "AWS", "GCP", "AZURE" or None.
        project_id: Project (GCP).
        region: Region of the queues; None: as the provider's own configuration says.
        job_id: Job.
        queue_name: Task queue; the job id where no other name was given.
        exactly_once_queue: Whether the queues are to deliver exactly once.
        create_queue: Whether queues that do not exist are created.
        visibility_timeout: Length of a lease that is asked for; the queue may allow less.
        tasks_to_skip: Number of tasks to hand back before the first is run.
        max_num_tasks: Number of tasks after which to end; None: no limit.
        exit_when_empty: Idle seconds after which to end; None: never.
        no_check: Whether tasks start before their file was checked.
        allow_partial: Whether the valid tasks of a file with faults are run.
        on_duplicate: "skip" or "error".
        num_simultaneous_tasks: How many tasks run at a time, from 1.
        max_runtime: Seconds after which a task is stopped.
        max_memory_allowed_per_task: Address space of a task; None: no limit.
        shutdown_grace_period: Seconds from a shutdown request until tasks are killed.
        runner: "process", "pool" or "inline".
        start_method: "forkserver", "fork" or "spawn".
        max_tasks_per_child: Tasks after which a process of the pool is replaced; None: no limit.
        max_memory_per_child: Size at which a process of the pool is replaced; None: no limit.
        retry_on_exit: Whether a task whose process exits is tried again.
        retry_on_exception: Whether a task that raises is tried again.
        retry_on_timeout: Whether a task that takes too long is tried again.
        max_attempts: Attempts after which a task is put aside; None: no limit.
        max_interruptions: Interruptions after which it is; None: no limit.
        event_log_to_file: Whether events go to a file.
        event_log_file: Its name.
        event_log_to_queue: Whether events go to a queue.
        event_log_queue_name: Its name; None where none is used.
        keepalive_interval: Seconds between keep-alive events; 0: none.
        instance_type: The provider's name for this type of machine.
        num_cpus: Number of vCPUs.
        memory_gb: Memory.
        local_ssd_gb: Local SSD.
        boot_disk_gb: Boot disk.
        is_spot: Whether the machine may be taken away at any time.
        price_per_hour: USD an hour.
        simulate_spot_termination_after: Seconds until a simulated termination notice; None: never.
        simulate_spot_termination_delay: Seconds from that notice until tasks are killed; None: never.
        verbose: Whether debug messages are shown.
        json: Whether the console is written for machines.
        show_config: Whether to show the settings and exit.
    """

    task_file: str | None
    provider: str | None
    project_id: str | None
    region: str | None
    job_id: str | None
    queue_name: str | None
    exactly_once_queue: bool
    create_queue: bool
    visibility_timeout: int | float
    tasks_to_skip: int
    max_num_tasks: int | None
    exit_when_empty: int | float | None
    no_check: bool
    allow_partial: bool
    on_duplicate: str
    num_simultaneous_tasks: int
    max_runtime: int | float
    max_memory_allowed_per_task: float | None
    shutdown_grace_period: int | float
    runner: str
    start_method: str
    max_tasks_per_child: int | None
    max_memory_per_child: float | None
    retry_on_exit: bool
    retry_on_exception: bool
    retry_on_timeout: bool
    max_attempts: int | None
    max_interruptions: int | None
    event_log_to_file: bool
    event_log_file: str
    event_log_to_queue: bool
    event_log_queue_name: str | None
    keepalive_interval: int | float
    instance_type: str | None
    num_cpus: int | None
    memory_gb: float | None
    local_ssd_gb: float | None
    boot_disk_gb: float | None
    is_spot: bool
    price_per_hour: float | None
    simulate_spot_termination_after: int | float | None
    simulate_spot_termination_delay: int | float | None
    verbose: bool
    json: bool
    show_config: bool


def settings_for_worker_data(settings: Settings) -> dict[str, object]:
    """The attributes of `WorkerData` that are settings, by name."""
    return {name: getattr(settings, name) for name in WORKER_DATA_SETTINGS}
