"""The option table: every option of the worker, once.

Flags, variables, help, `docs/options.md`, checks and the names of the settings all come from here.
"""

from __future__ import annotations

from cloud_tasks.config.option import Kind, OlderVariable, Option, Section

DURATION_S_MAX = 36_500 * 86_400
"""A hundred years: "for ever" in scripts that write 999999999, and still exact in every clock."""

COUNT_MAX = 1_000_000_000
"""Bound of every integer, far inside what JSON parsers read exactly."""

TASKS_AT_A_TIME_MAX = 10_000
"""Bound of what is a process each; also of the vCPUs, from which it may be derived."""

PROVIDERS = ("AWS", "GCP", "AZURE")

SHELLS = ("bash", "zsh", "tcsh")

SECTIONS: tuple[Section, ...] = (
    Section(
        title="where tasks come from",
        text="Tasks come from a file, from the program itself, or from a queue of a cloud provider.",
        options=(
            Option(
                name="task_file",
                flag="--task-file",
                variable="RMS_CLOUD_TASKS_TASK_FILE",
                kind=Kind.PATH,
                metavar="FILE",
                default_text="tasks come from the queue",
                help="Read tasks from this JSON, YAML or JSON-lines file: a path, or an https://, s3:// or "
                "gs:// address. Ignored when the program brings its own tasks.",
            ),
            Option(
                name="provider",
                flag="--provider",
                variable="RMS_CLOUD_TASKS_PROVIDER",
                kind=Kind.CHOICE,
                choices=PROVIDERS,
                metavar="PROVIDER",
                help="Cloud provider of the queue and of the machine: AWS, GCP or AZURE, in any case. Needed "
                "when tasks come from a queue.",
            ),
            Option(
                name="project_id",
                flag="--project-id",
                variable="RMS_CLOUD_TASKS_PROJECT_ID",
                kind=Kind.STRING,
                metavar="ID",
                help="Project that the queues belong to; GCP needs it.",
            ),
            Option(
                name="job_id",
                flag="--job-id",
                variable="RMS_CLOUD_TASKS_JOB_ID",
                kind=Kind.STRING,
                metavar="ID",
                help="Name of the job: up to 24 lower-case letters, digits and hyphens, the first a letter. "
                "Its queue has the same name.",
            ),
            Option(
                name="queue_name",
                flag="--queue-name",
                variable="RMS_CLOUD_TASKS_QUEUE_NAME",
                kind=Kind.STRING,
                metavar="NAME",
                default_text="the job id",
                help="Name of the task queue, if it differs from the job's.",
            ),
            Option(
                name="exactly_once_queue",
                flag="--exactly-once-queue",
                negatable=True,
                variable="RMS_CLOUD_TASKS_EXACTLY_ONCE_QUEUE",
                kind=Kind.SWITCH,
                default=False,
                help="The queues deliver each message exactly once, where the provider can do that.",
            ),
            Option(
                name="visibility_timeout",
                flag="--visibility-timeout",
                variable="RMS_CLOUD_TASKS_VISIBILITY_TIMEOUT_SECONDS",
                kind=Kind.DURATION,
                above=0,
                metavar="DURATION",
                default_text="max runtime + 10 s",
                help="Length of a lease: how long a task that was taken stays hidden from other workers. "
                "It is renewed while the task runs, and clipped to what the queue allows.",
            ),
            Option(
                name="tasks_to_skip",
                flag="--tasks-to-skip",
                variable="RMS_CLOUD_TASKS_TO_SKIP",
                kind=Kind.INTEGER,
                minimum=0,
                default=0,
                metavar="N",
                help="Skip this many tasks before the first is run; a queue gets them back.",
            ),
            Option(
                name="max_num_tasks",
                flag="--max-num-tasks",
                variable="RMS_CLOUD_TASKS_MAX_NUM_TASKS",
                kind=Kind.INTEGER,
                minimum=0,
                default_text="no limit",
                metavar="N",
                help="End after this many tasks.",
            ),
            Option(
                name="exit_when_empty",
                flag="--exit-when-empty",
                negatable=True,
                variable="RMS_CLOUD_TASKS_EXIT_WHEN_EMPTY",
                kind=Kind.SWITCH_OR_DURATION,
                minimum=0,
                metavar="IDLE",
                default_text="on for a task file and for tasks of the program, off for a queue",
                help="End when there has been no task for IDLE (0 where it is left out). The variable takes "
                "a boolean or a duration; 1 and 0 are booleans there.",
            ),
        ),
    ),
    Section(
        title="reading a task file",
        text="A file is checked whole before its first task starts.",
        options=(
            Option(
                name="no_check",
                flag="--no-check",
                variable="RMS_CLOUD_TASKS_NO_CHECK",
                kind=Kind.SWITCH,
                default=False,
                help="Start tasks while the file is being read, and stop cleanly at its first fault.",
            ),
            Option(
                name="allow_partial",
                flag="--allow-partial",
                negatable=True,
                variable="RMS_CLOUD_TASKS_ALLOW_PARTIAL",
                kind=Kind.SWITCH,
                default=False,
                help="Run the tasks that stand before a fault in the file instead of refusing all of it.",
            ),
            Option(
                name="on_duplicate",
                flag="--on-duplicate",
                variable="RMS_CLOUD_TASKS_ON_DUPLICATE",
                kind=Kind.CHOICE,
                choices=("skip", "error"),
                default="error",
                metavar="WHAT",
                help="What to do with a task id that comes again: skip the later task, or error.",
            ),
        ),
    ),
    Section(
        title="how tasks are run",
        text="Each running task has a process of its own, unless another runner is chosen.",
        options=(
            Option(
                name="num_simultaneous_tasks",
                flag="--num-simultaneous-tasks",
                variable="RMS_CLOUD_TASKS_NUM_TASKS_PER_INSTANCE",
                kind=Kind.INTEGER,
                minimum=1,
                maximum=TASKS_AT_A_TIME_MAX,
                default=1,
                default_text="the number of vCPUs if --num-cpus gives it, else 1",
                metavar="N",
                help="How many tasks run at a time.",
            ),
            Option(
                name="max_runtime",
                flag="--max-runtime",
                variable="RMS_CLOUD_TASKS_MAX_RUNTIME",
                kind=Kind.DURATION,
                above=0,
                default=600,
                metavar="DURATION",
                help="Stop a task that runs longer than this.",
            ),
            Option(
                name="max_memory_allowed_per_task",
                flag="--max-memory-allowed-per-task",
                variable="RMS_CLOUD_TASKS_MAX_MEMORY_ALLOWED_PER_TASK",
                kind=Kind.NUMBER,
                above=0,
                maximum=1_000_000,
                default_text="no limit",
                metavar="GB",
                help="Limit of each task's address space. A task that runs into it has failed, and is not "
                "tried again.",
            ),
            Option(
                name="shutdown_grace_period",
                flag="--shutdown-grace-period",
                variable="RMS_CLOUD_TASKS_SHUTDOWN_GRACE_PERIOD",
                kind=Kind.DURATION,
                minimum=0,
                default=30,
                metavar="DURATION",
                help="How long running tasks may go on after SIGINT or SIGTERM before they are killed.",
            ),
            Option(
                name="runner",
                flag="--runner",
                variable="RMS_CLOUD_TASKS_RUNNER",
                older_variable=OlderVariable("RMS_CLOUD_WORKER_USE_NEW_PROCESS", "process", "pool"),
                kind=Kind.CHOICE,
                choices=("process", "pool", "inline"),
                default="process",
                metavar="RUNNER",
                help="process: a new process for each task; pool: warm processes that run one task after "
                "another; inline: in the worker itself, for async functions.",
            ),
            Option(
                name="start_method",
                flag="--start-method",
                variable="RMS_CLOUD_TASKS_START_METHOD",
                kind=Kind.CHOICE,
                choices=("forkserver", "fork", "spawn"),
                default="forkserver",
                metavar="METHOD",
                help="Where task processes come from: a server that has imported the program, a fork of the "
                "program before it has threads, or a new interpreter for each.",
            ),
            Option(
                name="max_tasks_per_child",
                flag="--max-tasks-per-child",
                variable="RMS_CLOUD_TASKS_MAX_TASKS_PER_CHILD",
                kind=Kind.INTEGER,
                minimum=1,
                default_text="no limit",
                metavar="N",
                help="Replace a process of the pool after this many tasks.",
            ),
            Option(
                name="max_memory_per_child",
                flag="--max-memory-per-child",
                variable="RMS_CLOUD_TASKS_MAX_MEMORY_PER_CHILD",
                kind=Kind.NUMBER,
                above=0,
                maximum=1_000_000,
                default_text="no limit",
                metavar="GB",
                help="Replace a process of the pool that is larger than this after a task.",
            ),
        ),
    ),
    Section(
        title="trying again",
        text="A task that goes back to its queue is run again. A task file takes nothing back, so these "
        "have no effect there.",
        options=(
            Option(
                name="retry_on_exit",
                flag="--retry-on-exit",
                negatable=True,
                variable="RMS_CLOUD_TASKS_RETRY_ON_EXIT",
                kind=Kind.SWITCH,
                default=False,
                help="Try a task again whose process ended without a result.",
            ),
            Option(
                name="retry_on_exception",
                flag="--retry-on-exception",
                negatable=True,
                variable="RMS_CLOUD_TASKS_RETRY_ON_EXCEPTION",
                kind=Kind.SWITCH,
                default=False,
                help="Try a task again that raised an exception.",
            ),
            Option(
                name="retry_on_timeout",
                flag="--retry-on-timeout",
                negatable=True,
                variable="RMS_CLOUD_TASKS_RETRY_ON_TIMEOUT",
                kind=Kind.SWITCH,
                default=False,
                help="Try a task again that took longer than --max-runtime.",
            ),
            Option(
                name="max_attempts",
                flag="--max-attempts",
                variable="RMS_CLOUD_TASKS_MAX_ATTEMPTS",
                kind=Kind.INTEGER,
                minimum=1,
                default_text="no limit",
                metavar="N",
                help="Put a task aside after this many attempts.",
            ),
        ),
    ),
    Section(
        title="events",
        text="What happens is told as events, to a file or to a queue; docs/events.md lists them.",
        options=(
            Option(
                name="event_log_to_file",
                flag="--event-log-to-file",
                negatable=True,
                variable="RMS_CLOUD_TASKS_EVENT_LOG_TO_FILE",
                kind=Kind.SWITCH,
                default=False,
                default_text="on for a task file and for tasks of the program, off for a queue",
                help="Write events to the event log file.",
            ),
            Option(
                name="event_log_file",
                flag="--event-log-file",
                variable="RMS_CLOUD_TASKS_EVENT_LOG_FILE",
                kind=Kind.PATH,
                default="events.log",
                metavar="FILE",
                help="The event log file: one JSON object per line, appended.",
            ),
            Option(
                name="event_log_to_queue",
                flag="--event-log-to-queue",
                negatable=True,
                variable="RMS_CLOUD_TASKS_EVENT_LOG_TO_QUEUE",
                kind=Kind.SWITCH,
                default=False,
                default_text="on for a queue, off for a task file and for tasks of the program",
                help="Send events to the queue that is named like the task queue with -events behind it.",
            ),
            Option(
                name="keepalive_interval",
                flag="--keepalive-interval",
                variable="RMS_CLOUD_TASKS_KEEPALIVE_INTERVAL",
                kind=Kind.DURATION,
                minimum=0,
                default=60,
                metavar="DURATION",
                help="Time between keep-alive events, which go to the event queue only; 0: none.",
            ),
        ),
    ),
    Section(
        title="this machine",
        text="What tasks are told about the machine; a manager that starts machines sets the variables.",
        options=(
            Option(
                name="instance_type",
                flag="--instance-type",
                variable="RMS_CLOUD_TASKS_INSTANCE_TYPE",
                kind=Kind.STRING,
                metavar="TYPE",
                help="The provider's name for this type of machine.",
            ),
            Option(
                name="num_cpus",
                flag="--num-cpus",
                variable="RMS_CLOUD_TASKS_INSTANCE_NUM_VCPUS",
                kind=Kind.INTEGER,
                minimum=1,
                maximum=TASKS_AT_A_TIME_MAX,
                metavar="N",
                help="Number of vCPUs.",
            ),
            Option(
                name="memory_gb",
                flag="--memory",
                variable="RMS_CLOUD_TASKS_INSTANCE_MEM_GB",
                kind=Kind.NUMBER,
                above=0,
                metavar="GB",
                help="Memory.",
            ),
            Option(
                name="local_ssd_gb",
                flag="--local-ssd",
                variable="RMS_CLOUD_TASKS_INSTANCE_SSD_GB",
                kind=Kind.NUMBER,
                minimum=0,
                metavar="GB",
                help="Local SSD.",
            ),
            Option(
                name="boot_disk_gb",
                flag="--boot-disk",
                variable="RMS_CLOUD_TASKS_INSTANCE_BOOT_DISK_GB",
                kind=Kind.NUMBER,
                minimum=0,
                metavar="GB",
                help="Boot disk.",
            ),
            Option(
                name="is_spot",
                flag="--is-spot",
                negatable=True,
                variable="RMS_CLOUD_TASKS_INSTANCE_IS_SPOT",
                kind=Kind.SWITCH,
                default=False,
                help="The provider may take this machine away at short notice: watch for that notice.",
            ),
            Option(
                name="price_per_hour",
                flag="--price",
                variable="RMS_CLOUD_TASKS_INSTANCE_PRICE",
                kind=Kind.NUMBER,
                minimum=0,
                metavar="USD",
                help="Price of an hour.",
            ),
            Option(
                name="simulate_spot_termination_after",
                flag="--simulate-spot-termination-after",
                variable="RMS_CLOUD_TASKS_SIMULATE_SPOT_TERMINATION_AFTER",
                kind=Kind.DURATION,
                minimum=0,
                default_text="never",
                metavar="DURATION",
                help="Behave as if a termination notice had come this long after the start.",
            ),
            Option(
                name="simulate_spot_termination_delay",
                flag="--simulate-spot-termination-delay",
                variable="RMS_CLOUD_TASKS_SIMULATE_SPOT_TERMINATION_DELAY",
                kind=Kind.DURATION,
                minimum=0,
                default_text="never",
                metavar="DURATION",
                help="Kill all tasks this long after the simulated notice, as the end of the machine would.",
            ),
        ),
    ),
    Section(
        title="what is shown",
        text="On the console, and instead of running tasks.",
        options=(
            Option(
                name="verbose",
                flag="--verbose",
                short_flag="-v",
                variable="RMS_CLOUD_TASKS_VERBOSE",
                kind=Kind.SWITCH,
                default=False,
                help="Show debug messages as well.",
            ),
            Option(
                name="json",
                flag="--json",
                variable="RMS_CLOUD_TASKS_JSON",
                kind=Kind.SWITCH,
                default=False,
                help="Write for machines: one JSON object per line, no progress bar.",
            ),
            Option(
                name="show_config",
                flag="--show-config",
                kind=Kind.SWITCH,
                default=False,
                help="Show the value of each setting and where it came from, and exit.",
            ),
            Option(
                name="print_completion",
                flag="--print-completion",
                kind=Kind.CHOICE,
                choices=SHELLS,
                metavar="SHELL",
                help="Print a completion script for bash, zsh or tcsh, and exit.",
            ),
        ),
    ),
)

OPTIONS: tuple[Option, ...] = tuple(option for section in SECTIONS for option in section.options)

BY_NAME: dict[str, Option] = {option.name: option for option in OPTIONS}

__all__ = ["BY_NAME", "COUNT_MAX", "DURATION_S_MAX", "OPTIONS", "SECTIONS", "Kind", "Option"]
