"""The setting `asynctask_workers`: who works on which queue."""

from __future__ import annotations

from msgspec import Struct
from yaml.nodes import MappingNode, Node

from cloud_tasks.compose.queue_workers_keys import WORKERS, read_count, scalar_text
from cloud_tasks.config.numbers import parse_number
from cloud_tasks.config.problems import nearest
from cloud_tasks.config.values import BadValueError
from cloud_tasks.config_file.nodes import Text, entries, is_null, kind_of
from cloud_tasks.errors import Place, Problem
from cloud_tasks.queue_workers.names import HOW_TO_NAME, QUEUE_NAME

_KEYS = ("worker", "rate_max_calls", "rate_period")
_PERIOD_S_MAX = 365 * 86_400.0
PERIOD_S = 1.0
"""Period of a rate limit that names none, in seconds."""


class Assignment(Struct, frozen=True):
    """A worker for a queue.

    Attributes:
        worker: The worker's name.
        place: Where that stands.
        limit: Calls and period in seconds of its rate limit; None: none.
        command: The command line that it runs, where it is one that does; "" otherwise.
    """

    worker: str
    place: Place
    limit: tuple[int, float] | None = None
    command: str = ""


def read_assignments(text: Text, node: Node, found: dict[str, Assignment], problems: list[Problem]) -> None:
    """Put what stands in a mapping over what was found before; null takes away a queue, or all."""
    if is_null(node):
        found.clear()
        return
    if not isinstance(node, MappingNode):
        message = f"`{WORKERS}`: expected a mapping of queues to workers, got {kind_of(node)}"
        problems.append(Problem(message, place=text.place(node)))
        return
    for entry in entries(text, node, problems):
        if QUEUE_NAME.fullmatch(entry.name) is None:
            message = f"`{WORKERS}`: `{entry.name}` is no name of a queue"
            problems.append(Problem(message, place=text.place(entry.key), helps=(HOW_TO_NAME,)))
        elif is_null(entry.value):
            found.pop(entry.name, None)
        else:
            assignment = _Row(text, entry.name, problems).read(entry.value)
            if assignment is not None:
                found[entry.name] = assignment


class _Row:
    """What stands behind one queue."""

    def __init__(self, text: Text, queue: str, problems: list[Problem]) -> None:
        self._text = text
        self._where = f"`{WORKERS}`, `{queue}`"
        self._problems = problems

    def read(self, node: Node) -> Assignment | None:
        before = len(self._problems)
        if not isinstance(node, MappingNode):
            worker = self._worker(node)
            return None if worker is None else Assignment(worker, self._text.place(node))
        values = {entry.name: entry for entry in entries(self._text, node, self._problems)}
        for name, entry in values.items():
            if name not in _KEYS:
                near = nearest(name, _KEYS)
                hint = f"did you mean `{near}`?" if near else ""
                self._wrong(f"unknown key `{name}`", entry.key, hint)
        if "worker" not in values:
            self._wrong("it names no `worker`", node)
            return None
        worker = self._worker(values["worker"].value)
        limit = self._limit({name: entry.value for name, entry in values.items()}, node)
        place = self._text.place(values["worker"].value)
        if worker is None or len(self._problems) > before:
            return None
        return Assignment(worker, place, limit)

    def _worker(self, node: Node) -> str | None:
        try:
            return scalar_text(node, "the name of a worker")
        except BadValueError as error:
            self._wrong(f"expected {error.expected}, got {kind_of(node)}", node)
            return None

    def _limit(self, values: dict[str, Node], node: Node) -> tuple[int, float] | None:
        calls, period = values.get("rate_max_calls"), values.get("rate_period")
        if calls is None or is_null(calls):
            if period is not None and not is_null(period):
                self._wrong("`rate_period` is there without `rate_max_calls`", period)
            return None
        calls_max, period_s = 0, PERIOD_S
        try:
            calls_max = read_count(calls)
        except BadValueError as error:
            self._wrong(f"`rate_max_calls`: expected {error.expected}, got {kind_of(calls)}", calls)
        if period is not None and not is_null(period):
            period_s = self._period_s(period)
        return calls_max, period_s

    def _period_s(self, node: Node) -> float:
        expected = "a number of seconds above 0"
        try:
            period_s = parse_number(scalar_text(node, expected))
        except ValueError:
            period_s = 0.0
        if not 0 < period_s <= _PERIOD_S_MAX:
            self._wrong(f"`rate_period`: expected {expected}, got {kind_of(node)}", node)
        return period_s

    def _wrong(self, what: str, node: Node, hint: str = "") -> None:
        self._problems.append(Problem(f"{self._where}: {what}", place=self._text.place(node), hint=hint))
