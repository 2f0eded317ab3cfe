"""The keys of a scenario, once: what is read, what the schema says, and what becomes of each."""

from __future__ import annotations

from msgspec import Struct, structs

from cloud_tasks.config.option import Kind, Option, Value
from cloud_tasks.config.table import BY_NAME
from simulation.faults import DRIFT_PPM_MAX, FaultClass
from simulation.plan import RETRY_STRATEGIES
from simulation.sizes import STEP_S_MAX
from simulation.swarm import END_ODDS, ODDS, PER_HOUR
from simulation.swarm_job import JOB_ODDS, JOB_PER_HOUR

SEMANTICS = ("sqs", "pubsub", "strict")
POLICIES = ("random", "pct", "turn")
_COUNT_MAX = 1_000_000


class Key(Struct, frozen=True):
    """One key.

    Attributes:
        option: Its name, kind, bounds, default and meaning.
        field: What it sets in the part of a plan that its section is about.
    """

    option: Option
    field: str = ""

    @property
    def name(self) -> str:
        """The key as it is written."""
        return self.option.name


def _key(name: str, kind: Kind, text: str, field: str = "", **more: object) -> Key:
    return Key(structs.replace(Option(name=name, flag="", kind=kind, help=text), **more), field or name)


def _of_worker(name: str, field: str = "", default: Value = None) -> Key:
    """An option of the worker under its own name, with the default of the simulation."""
    option = structs.replace(BY_NAME[name], flag="", short_flag="", variable="", default=default)
    return Key(option, field or name)


def _duration(name: str, text: str, field: str = "", default: Value = None, above: float | None = 0) -> Key:
    bound = {"minimum": 0} if above is None else {"above": above}
    return _key(name, Kind.DURATION, text, field or f"{name}_s", default=default, **bound)


def _count(name: str, text: str, field: str = "", default: Value = None, minimum: int = 1) -> Key:
    kind = Kind.INTEGER
    return _key(name, kind, text, field, default=default, minimum=minimum, maximum=_COUNT_MAX)


def _switch(name: str, text: str, default: Value = None) -> Key:
    return _key(name, Kind.SWITCH, text, default=default)


WORKLOAD: tuple[Key, ...] = (
    _count("tasks", "How many tasks there are.", default=50),
    _duration("over", "They are sent within this time; 0: all are there at the beginning.", above=None),
    _duration("duration", "Median of how long a run takes.", default=2),
    _key(
        "spread",
        Kind.NUMBER,
        "How far durations are spread: the deviation of their logarithm.",
        default=0.5,
        minimum=0,
        maximum=3,
    ),
    _key("poison", Kind.NUMBER, "Share of tasks whose every run fails.", default=0, minimum=0, maximum=1),
    _count("malformed", "How many messages are no tasks.", default=0, minimum=0),
)

WORKER: tuple[Key, ...] = (
    _count("workers", "How many workers run at a time.", default=2),
    _of_worker("num_simultaneous_tasks", default=4),
    _of_worker("max_runtime", "max_runtime_s", default=30),
    _of_worker("shutdown_grace_period", "shutdown_grace_period_s", default=20),
    _of_worker("retry_on_exit", default=True),
    _of_worker("retry_on_exception", default=False),
    _of_worker("retry_on_timeout", default=False),
    _of_worker("max_attempts"),
    _of_worker("max_interruptions"),
    _duration("retry_delay", "Pause before the first retry; 0: none before any.", default=0, above=None),
    _duration("retry_delay_max", "Longest pause before a retry, unless the first is longer.", above=None),
    Key(
        Option(
            name="retry_strategy",
            flag="",
            kind=Kind.CHOICE,
            choices=RETRY_STRATEGIES,
            default="exponential",
            help="Whether pauses before retries are twice as long each time, or all alike.",
        ),
        "retry_strategy",
    ),
    _switch(
        "keep_failed", "Whether a task that failed for good is kept with the dead letters.", default=False
    ),
    _count("max_num_tasks", "After so many tasks a worker ends, and the next begins."),
    _duration("exit_when_empty", "A worker ends when it has had no task for this time.", above=None),
    _of_worker("visibility_timeout"),
)
"""Those of the worker are its options, under their own names; how failures are met, those of functions."""

QUEUE: tuple[Key, ...] = (
    Key(
        Option(
            name="semantics",
            flag="",
            kind=Kind.CHOICE,
            choices=SEMANTICS,
            default="sqs",
            help="Whose rules the queue follows: those of Amazon SQS, of Google Pub/Sub with exactly-once "
            "delivery, or the strictest of all.",
        ),
        "semantics",
    ),
    _duration("extension_max", "Longest lease that one extension gives.", "lease_s_max"),
    _duration("lease_total_max", "Longest time for which a message can be held in all.", "lease_total_s_max"),
    _count("batch_size_max", "Most messages of one receive."),
    _count("max_receive_count", "A message delivered this often is dead-lettered by the queue itself."),
    _switch("counts_interruptions", "Whether hand-backs that are not the task's fault are counted apart."),
    _switch(
        "settles_after_expiry", "Whether a receipt still settles after its lease, while nobody else has it."
    ),
    _switch("extend_renews_receipt", "Whether an extension gives a new receipt."),
)
"""What a queue does by its semantics, each of which can be changed."""

MONITOR: tuple[Key, ...] = (
    _duration("lease", "How long an event is hidden from others once it was taken.", default=60),
    _count("batch_max", "Most events of one look into the queue.", default=10),
    _duration("wait", "How long one look into the queue waits.", default=5),
    _switch("auto_complete", "Whether the monitor ends when every task is finished.", default=True),
    _switch("output_file", "Whether it writes the events into a file, too.", default=True),
)

PRODUCER: tuple[Key, ...] = (
    _count("batch_size", "Tasks in one call.", default=10),
    _count("concurrent_calls", "Calls that may be under way at a time.", default=4),
    _count("page_size", "Tasks that are taken from the database at a time.", default=20),
)

LATENCY: tuple[Key, ...] = (
    _duration("median", "Half of the calls take less.", default=0.015),
    _duration("p99", "One call in a hundred takes longer.", default=0.3),
)

ALL_ODDS = (*ODDS, *END_ODDS, *JOB_ODDS)
"""The classes that strike on occasions."""
AT_MOMENTS = (*PER_HOUR, *JOB_PER_HOUR, FaultClass.PRODUCER_CRASH)
"""The classes that strike at moments."""

KIND = Key(
    Option(
        name="kind",
        flag="",
        kind=Kind.CHOICE,
        choices=tuple(kind.value for kind in (*ALL_ODDS, *AT_MOMENTS)),
        help="What goes wrong.",
    )
)
WHOM = Key(
    Option(
        name="whom",
        flag="",
        kind=Kind.STRING,
        help="What it strikes, for a class that strikes on occasions: `ack of task-7`, `task-7`, `worker-1`.",
    )
)
FAULT: tuple[Key, ...] = (
    _duration("at", "When, for a class that strikes at moments.", "at", above=None),
    _key(
        "per_hour",
        Kind.NUMBER,
        "How many there are in an hour, at any moments; instead of `at`.",
        above=0,
        maximum=100_000,
    ),
    _count(
        "which",
        "The number of the occasion (1 if it is not given), or of the worker among those that run (any).",
    ),
    _duration(
        "for",
        "How long it lasts, or by how much something is late; for a notice, how long the machine still has; "
        "for what has a place instead (`reordered`, `child_ends_at_deadline`), that, from 0 to 1.",
        "for",
        above=None,
    ),
    _key(
        "by",
        Kind.NUMBER,
        "By how many seconds the time of day steps, for `wall_step`; may be negative.",
        minimum=-STEP_S_MAX,
        maximum=STEP_S_MAX,
    ),
    _key(
        "drift_ppm",
        Kind.NUMBER,
        "By how many millionths a clock runs fast, for `clock_drift`; slow, where it is negative.",
        minimum=-DRIFT_PPM_MAX,
        maximum=DRIFT_PPM_MAX,
    ),
    _count("times", "How many of these there are, each drawn by itself and striking the next worker."),
)
"""The dials of one fault, beside `KIND` and `WHOM`, which are never drawn."""

FAULTS_FOR = _duration(
    "faults_for", "For how long there are faults; after that, all must come right.", default=300
)
POLICY = Key(
    Option(
        name="policy",
        flag="",
        kind=Kind.CHOICE,
        choices=POLICIES,
        help="How the schedule is drawn; half of the seeds each of random and pct, if it is not given.",
    ),
    "policy",
)


def _odds_key(kind: FaultClass) -> Key:
    text = "Probability on each occasion."
    return _key(kind.value, Kind.NUMBER, text, minimum=0, maximum=1)


SECTIONS: dict[str, tuple[Key, ...]] = {
    "workload": WORKLOAD,
    "worker": WORKER,
    "queue": QUEUE,
    "latency": LATENCY,
    "monitor": MONITOR,
    "producer": PRODUCER,
    "odds": tuple(_odds_key(kind) for kind in ALL_ODDS),
}
"""The parts of a scenario that hold keys with values."""

OPTIONAL = ("monitor", "producer")
"""The parts that are there only where the scenario names them, be it without a value."""

MEANINGS: dict[str, str] = {
    "workload": "The tasks.",
    "worker": "The workers, under the names of their options.",
    "queue": "The queue.",
    "latency": "How long calls to the queue take.",
    "monitor": "An event queue, and a monitor with a task database; nobody reads events without it.",
    "producer": "Who loads the tasks into the queue; they come by themselves without it.",
    "odds": "Faults that strike on occasions: a call, a run, the storing of an event.",
}

TOP_LEVEL = ("description", "reaches", *SECTIONS, "faults", "faults_for", "policy")
