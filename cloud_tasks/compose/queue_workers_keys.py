"""The settings of `cloud_tasks workers`: every one of them, and how its value is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias, get_args

from msgspec import Struct
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cloud_tasks.config.durations import parse_duration
from cloud_tasks.config.numbers import parse_integer, parse_number
from cloud_tasks.config.table import COUNT_MAX, DURATION_S_MAX, PROVIDERS
from cloud_tasks.config.values import BadValueError, read_switch
from cloud_tasks.config_file.nodes import has_foreign_tag, is_null
from cloud_tasks.scheduler.missed import Missed

Scalar: TypeAlias = str | int | float | bool | tuple[str, ...] | None
Read: TypeAlias = Callable[[Node], Scalar]

WORKERS = "asynctask_workers"
SCHEDULED = "asynctask_scheduled_workers"
_MS_MAX = DURATION_S_MAX * 1000
_MEMORY_GB_MAX = 1_000_000.0


class Setting(Struct, frozen=True):
    """One setting that holds a single value.

    Attributes:
        name: What it is called.
        default: Its value where nobody sets it.
        read: Makes a value of what stands in a file.
        help: What it means.
    """

    name: str
    default: Scalar
    read: Read
    help: str


def scalar_text(node: Node, expected: str) -> str:
    """The text of a scalar.

    Raises:
        BadValueError: It is none.
    """
    if has_foreign_tag(node):
        raise BadValueError("data without YAML tags")
    if not isinstance(node, ScalarNode) or not str(node.value).strip():
        raise BadValueError(expected)
    return str(node.value)


def read_text(node: Node) -> str:
    """A text."""
    return scalar_text(node, "a text")


def read_on_off(node: Node) -> bool:
    """A boolean."""
    return read_switch(scalar_text(node, "a boolean"))


def read_provider(node: Node) -> str:
    """The name of a provider."""
    text = scalar_text(node, "a provider").strip().upper()
    if text not in PROVIDERS:
        raise BadValueError(" or ".join(PROVIDERS))
    return text


def read_missed(node: Node) -> str:
    """What becomes of instants that were missed."""
    text = scalar_text(node, "latest, skip or all").strip().lower()
    if text not in get_args(Missed):
        raise BadValueError("latest, skip or all")
    return text


def read_count(node: Node) -> int:
    """A number of things, from 1."""
    text = scalar_text(node, "an integer >= 1")
    try:
        count = parse_integer(text)
    except ValueError:
        count = 0
    if not 1 <= count <= COUNT_MAX:
        raise BadValueError(f"an integer from 1 to {COUNT_MAX}")
    return count


def read_gigabytes(node: Node) -> float:
    """A size."""
    expected = "a number of GB above 0"
    try:
        number = parse_number(scalar_text(node, expected))
    except ValueError:
        raise BadValueError(expected) from None
    if not 0 < number <= _MEMORY_GB_MAX:
        raise BadValueError(expected)
    return number


def read_milliseconds(node: Node) -> float:
    """A duration above 0: a number of milliseconds, or a number with s, m, h or d."""
    expected = "a duration in milliseconds above 0"
    text = scalar_text(node, expected).strip()
    try:
        milliseconds = parse_duration(text) * (1000 if text[-1] in "smhd" else 1)
    except ValueError:
        milliseconds = 0
    if not 0 < milliseconds <= _MS_MAX:
        raise BadValueError(expected, "write 500, or a number with a unit: 0.5s, 10m, 2h")
    return milliseconds


def read_names(node: Node) -> tuple[str, ...]:
    """One name, or a list of them."""
    expected = "the name of a package, or a list of such names"
    items = node.value if isinstance(node, SequenceNode) else [node]
    if isinstance(node, MappingNode) or not items:
        raise BadValueError(expected)
    names = tuple(scalar_text(item, expected).strip() for item in items if not is_null(item))
    if len(names) < len(items) or not all(_is_module(name) for name in names):
        raise BadValueError(expected)
    return names


def _is_module(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _setting(name: str, read: Read, text: str, default: Scalar = None) -> Setting:
    return Setting(name, default, read, text)


_ms, _switch = read_milliseconds, read_on_off

SETTINGS: tuple[Setting, ...] = (
    _setting("asynctask_transport", read_text, "Address of the queues; see the page about transports."),
    _setting(
        "asynctask_workers_require",
        read_names,
        "Packages or modules with workers, which are imported; those of several files are added up.",
        (),
    ),
    _setting(
        "asynctask_workers_poll_interval",
        _ms,
        "How long a queue may stay unobserved where the transport has to look: SQLite and MySQL. The others "
        "tell.",
        500,
    ),
    _setting(
        "asynctask_workers_check_child_interval",
        _ms,
        "The pause before a worker that died twice in a row without finishing a payload is started again. It "
        "doubles with each further time, up to a minute. Deaths themselves are noticed at once.",
        1000,
    ),
    _setting(
        "asynctask_workers_max_attempts",
        read_count,
        "How often a payload is tried in all, if its worker dies under it, until it is put among the dead "
        "letters.",
        3,
    ),
    _setting(
        "asynctask_workers_retry_on_exception",
        _switch,
        "Whether a payload whose `process` raised is tried again as well.",
        default=False,
    ),
    _setting(
        "asynctask_workers_retry_on_timeout",
        _switch,
        "Whether a payload that took too long is tried again as well.",
        default=False,
    ),
    _setting(
        "asynctask_workers_max_runtime",
        _ms,
        "How long `process` may take; its worker is then ended and started again. Not set: any time.",
    ),
    _setting(
        "asynctask_workers_max_memory",
        read_gigabytes,
        "Address space that a worker may use while it works on a payload, in GB. Not set: any amount.",
    ),
    _setting(
        "asynctask_workers_lease",
        _ms,
        "How long a payload stays hidden after the supervising process was last heard of. Renewed meanwhile.",
        300_000,
    ),
    _setting(
        "asynctask_workers_grace_period",
        _ms,
        "How long payloads may go on after SIGTERM or SIGINT; what is not done by then is handed back.",
        30_000,
    ),
    _setting(
        "asynctask_workers_provider",
        read_provider,
        "Cloud provider of the machine, to hear of its end: AWS, GCP or AZURE.",
    ),
    _setting(
        "asynctask_scheduler_store",
        read_text,
        "Address of what keeps the book of schedules that have fired, where the transport cannot: SQLite, "
        "PostgreSQL, MySQL or Redis.",
    ),
    _setting(
        "asynctask_scheduler_missed",
        read_missed,
        "What fires of what was missed while nobody could fire it: the latest, skip (nothing) or all.",
        "latest",
    ),
    _setting(
        "asynctask_scheduler_missed_grace_period",
        _ms,
        "What is later than this does not fire.",
        3_600_000,
    ),
    _setting(
        "asynctask_scheduler_missed_max",
        read_count,
        "Of more than so many that were missed, the newest fire.",
        100,
    ),
)
BY_NAME: Mapping[str, Setting] = {setting.name: setting for setting in SETTINGS}
NAMES = (*BY_NAME, WORKERS, SCHEDULED)
