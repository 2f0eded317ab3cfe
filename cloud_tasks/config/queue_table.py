"""The option table of the commands that know queues by their driver: `worker`, `migrate`, `dead`, ...

Flags and defaults are those of the system whose workers run here as well; its variables are one per option.
"""

from __future__ import annotations

from typing import Any

from cloud_tasks.config.option import Kind, Option, Section, Value
from cloud_tasks.config.table import COUNT_MAX, PROVIDERS

VARIABLE_PREFIX = "ASYNCTASQ_"
DRIVERS = ("sqlite", "redis", "postgres", "mysql", "rabbitmq", "sqs")
_CONCURRENCY_MAX = 10_000
_POOL_MAX = 1_000


def _option(
    name: str, kind: Kind, text: str, default: Value = None, *, variable: str | None = None, **more: Any
) -> Option:
    return Option(
        name=name,
        flag="--" + name.replace("_", "-"),
        variable=VARIABLE_PREFIX + name.upper() if variable is None else variable,
        kind=kind,
        default=default,
        help=text,
        metavar=more.pop("metavar", "" if kind is Kind.SWITCH else _METAVARS[kind]),
        **more,
    )


_METAVARS = {
    Kind.STRING: "TEXT",
    Kind.PATH: "FILE",
    Kind.INTEGER: "N",
    Kind.NUMBER: "NUMBER",
    Kind.DURATION: "DURATION",
    Kind.CHOICE: "WHAT",
}


def _count(name: str, text: str, default: Value = None, **more: Any) -> Option:
    return _option(name, Kind.INTEGER, text, default, **{"minimum": 1, "maximum": COUNT_MAX, **more})


def _text(name: str, text: str, default: Value = None, **more: Any) -> Option:
    return _option(name, Kind.STRING, text, default, **more)


def _duration(name: str, text: str, default: Value = None, **more: Any) -> Option:
    return _option(name, Kind.DURATION, text, default, **{"minimum": 0, **more})


def _database(driver: str, name: str, dsn: str) -> tuple[Option, ...]:
    return (
        _text(f"{driver}_dsn", f"Address of the {name} database.", dsn, metavar="DSN"),
        _text(f"{driver}_queue_table", "Table of the queues.", "task_queue", metavar="NAME"),
        _text(
            f"{driver}_dead_letter_table", "Table of the dead letters.", "dead_letter_queue", metavar="NAME"
        ),
        _count(
            f"{driver}_max_attempts",
            "Attempts before a task is put among the dead letters, for functions that say nothing "
            "themselves; --task-defaults-max-attempts beats it.",
            default_text="3",
        ),
        _count(f"{driver}_min_pool_size", "Connections that are kept open.", 10, maximum=_POOL_MAX),
        _count(f"{driver}_max_pool_size", "Connections at a time.", 10, maximum=_POOL_MAX),
    )


DRIVER = Section(
    title="where the queues are",
    text="",
    options=(
        _option(
            "driver",
            Kind.CHOICE,
            "sqlite (a file, no server), redis, postgres, mysql, rabbitmq or sqs.",
            "sqlite",
            choices=DRIVERS,
            metavar="DRIVER",
        ),
    ),
)
SQLITE = Section(
    title="SQLite",
    text="",
    options=(_option("sqlite_path", Kind.PATH, "The database; made if it is not there.", "cloud_tasks.db"),),
)
REDIS = Section(
    title="Redis",
    text="",
    options=(
        _text("redis_url", "Address of the server.", "redis://localhost:6379", metavar="URL"),
        _text("redis_password", "Password, if it is not in the address.", metavar="PASSWORD"),
        _option(
            "redis_db", Kind.INTEGER, "Number of the database.", 0, minimum=0, maximum=COUNT_MAX, metavar="N"
        ),
        _count("redis_max_connections", "Connections at a time.", 100, maximum=_CONCURRENCY_MAX),
    ),
)
POSTGRES = Section(
    title="PostgreSQL",
    text="",
    options=_database("postgres", "PostgreSQL", "postgresql://test:test@localhost:5432/test_db"),
)
MYSQL = Section(
    title="MySQL and MariaDB",
    text="",
    options=_database("mysql", "MySQL or MariaDB", "mysql://test:test@localhost:3306/test_db"),
)
RABBITMQ = Section(
    title="RabbitMQ",
    text="",
    options=(
        _text("rabbitmq_url", "Address of the broker.", "amqp://guest:guest@localhost:5672/", metavar="URL"),
        _text("rabbitmq_exchange_name", "Exchange that tasks are published to.", "asynctasq", metavar="NAME"),
        _count(
            "rabbitmq_prefetch_count",
            "Messages that the broker hands out ahead of their turn.",
            1,
            maximum=_CONCURRENCY_MAX,
        ),
        _duration(
            "rabbitmq_consumer_timeout",
            "How long the broker lets a worker hold a task, as it is configured there; no task may run for "
            "longer than that, less a minute.",
            1800.0,
            minimum=1,
        ),
    ),
)
SQS = Section(
    title="Amazon SQS",
    text="Credentials that are not given are looked for where the provider's own tools look.",
    options=(
        _text("sqs_region", "Region of the queues.", "us-east-1", metavar="REGION"),
        _text(
            "sqs_queue_url_prefix",
            "What the address of a queue begins with; the queue's name follows.",
            default_text="the queue is looked up by its name",
            metavar="URL",
        ),
        _text(
            "sqs_endpoint_url",
            "Another address of the service, of a stand-in for instance.",
            default_text="that of the region",
            metavar="URL",
        ),
        _text("aws_access_key_id", "Access key.", variable="AWS_ACCESS_KEY_ID", metavar="KEY"),
        _text("aws_secret_access_key", "Secret key.", variable="AWS_SECRET_ACCESS_KEY", metavar="KEY"),
    ),
)
DRIVERS_OWN = (SQLITE, REDIS, POSTGRES, MYSQL, RABBITMQ, SQS)

QUEUES = _text(
    "queues",
    "Names of queues with commas between them, the most urgent first.",
    "default",
    metavar="NAME,...",
)
KEEP_COMPLETED = _option(
    "repository_keep_completed_tasks",
    Kind.SWITCH,
    "Keep a record of each completed task, where the driver can: SQLite, PostgreSQL, MySQL and Redis.",
    default=False,
    negatable=True,
)
TASK_DEFAULTS = Section(
    title="for functions that say nothing themselves",
    text="What stands in @task(...) beats these.",
    options=(
        _text("task_defaults_queue", "Queue that tasks are put into.", "default", metavar="NAME"),
        _count(
            "task_defaults_max_attempts",
            "Attempts in all; then a task is put among the dead letters.",
            3,
        ),
        _count(
            "task_defaults_max_interruptions",
            "Interruptions by shutdowns and termination notices, counted apart from attempts; then likewise.",
            default_text="no limit",
        ),
        _option(
            "task_defaults_retry_strategy",
            Kind.CHOICE,
            "fixed, or exponential: each pause is twice the one before.",
            "exponential",
            choices=("fixed", "exponential"),
            metavar="STRATEGY",
        ),
        _duration("task_defaults_retry_delay", "Pause before the first retry.", 60),
        _duration("task_defaults_retry_delay_max", "Longest pause before a retry.", 3600),
        _duration(
            "task_defaults_timeout",
            "How long a task may run.",
            default_text="as long as it likes",
            minimum=None,
            above=0,
        ),
        _duration(
            "task_defaults_visibility_timeout",
            "How long a task stays hidden after its worker was last heard of; renewed while the task runs.",
            300,
            minimum=None,
            above=0,
        ),
    ),
)
EVENTS = Section(
    title="events",
    text="",
    options=(
        _option(
            "events_enable_event_emitter_redis",
            Kind.SWITCH,
            "Publish events on a channel of Redis, for `cloud_tasks monitor` and others.",
            default=False,
            negatable=True,
        ),
        _text(
            "events_redis_url",
            "Server for the events.",
            default_text="that of the driver",
            metavar="URL",
        ),
        _text("events_channel", "The channel.", "asynctasq:events", metavar="NAME"),
        _option(
            "events_format",
            Kind.CHOICE,
            "How they are written: json, or msgpack, which monitors of AsyncTasQ read.",
            "json",
            choices=("json", "msgpack"),
            metavar="FORMAT",
        ),
    ),
)
APP = _text(
    "app",
    "Module with the task functions, or several with commas between them.",
    default_text="tasks.py in the current directory",
    metavar="MODULE",
)
WORKER = Section(
    title="the worker",
    text="",
    options=(
        APP,
        QUEUES,
        _count("concurrency", "Tasks at a time.", 10, maximum=_CONCURRENCY_MAX),
        _count(
            "max_tasks",
            "End after so many tasks, exactly.",
            default_text="run until told to end",
        ),
        _duration(
            "exit_when_empty",
            "End when the queues have been empty for so long.",
            default_text="wait for more",
        ),
        _duration(
            "starvation_guard",
            "A queue that has not been asked for so long is asked before the others; 0: the order is "
            "strict, and a queue gets its turn when those before it are empty.",
            0,
        ),
        _text(
            "worker_id", "Name of the worker.", default_text="host, process and a random part", metavar="NAME"
        ),
        _duration("heartbeat_interval", "Time between heartbeats; 0: none.", 60),
        _duration(
            "shutdown_grace_period",
            "How long tasks may go on after SIGTERM or SIGINT; what is not done by then is handed back.",
            30,
        ),
        _count(
            "process_pool_size",
            'Processes for functions with mode="pool".',
            default_text="one for each processor",
            maximum=_POOL_MAX,
        ),
        _count(
            "process_pool_max_tasks_per_child",
            "Replace a process of the pool after so many tasks.",
            default_text="never",
        ),
        _option(
            "event_loop",
            Kind.CHOICE,
            "What coroutines run on: asyncio, or uvloop, often the faster one, of the extra `uvloop`.",
            "asyncio",
            choices=("asyncio", "uvloop"),
            metavar="NAME",
        ),
        KEEP_COMPLETED,
        _option(
            "provider",
            Kind.CHOICE,
            "Cloud provider of the machine, to hear of its end: AWS, GCP or AZURE.",
            choices=PROVIDERS,
            metavar="PROVIDER",
        ),
    ),
)
SHOWN = Section(
    title="what is shown",
    text="",
    options=(
        _option("event_log_file", Kind.PATH, "Append events to this file.", default_text="none"),
        _option("verbose", Kind.SWITCH, "Show debug messages.", default=False, short_flag="-v"),
        _option("json", Kind.SWITCH, "No progress bar; the summary as a JSON object.", default=False),
        _option(
            "show_config",
            Kind.SWITCH,
            "Print each setting and where it came from, and exit.",
            default=False,
            variable="",
        ),
    ),
)

OPTIONS: tuple[Option, ...] = tuple(
    option
    for section in (WORKER, DRIVER, TASK_DEFAULTS, *DRIVERS_OWN, EVENTS, SHOWN)
    for option in section.options
)
"""Every option of theirs that has a variable."""
