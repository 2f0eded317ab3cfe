"""The setting `asynctask_scheduled_workers`: a list of schedules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from yaml.nodes import MappingNode, Node, SequenceNode

from cloud_tasks.config.problems import nearest
from cloud_tasks.config.values import BadValueError
from cloud_tasks.config_file.nodes import Text, entries, is_null, kind_of
from cloud_tasks.core.task import Json
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.scheduler.cron import BadFieldError, Cron
from cloud_tasks.scheduler.fields import FIELDS
from cloud_tasks.scheduler.schedule import COMMAND_WORKER, Schedule, queue_of_content, queue_of_name
from cloud_tasks.scheduler.timetable import Timetable
from cloud_tasks.scheduler.values import (
    read_command,
    read_moment,
    read_name,
    read_payload,
    read_text,
    read_zone,
)

T = TypeVar("T")

SETTING = "asynctask_scheduled_workers"
_WHEN = (*FIELDS, "start_date", "end_date", "timezone")
KEYS = ("name", "worker", "ctl", "payload", *_WHEN)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def read_schedules(pieces: Iterable[tuple[Text, Node]]) -> list[Schedule]:
    """All schedules: the lists are added up, and null takes away those before it.

    Args:
        pieces: What is said about them, in the order in which it counts.

    Raises:
        ConfigurationError: Something cannot be used; with every problem and its place.
    """
    found: list[Schedule] = []
    problems: list[Problem] = []
    for text, node in pieces:
        if is_null(node):
            found.clear()
        elif isinstance(node, SequenceNode):
            for number, item in enumerate(node.value, 1):
                schedule = _Item(text, f"`{SETTING}`, number {number}", problems).read(item)
                if schedule is not None and _is_new(schedule, found, problems):
                    found.append(schedule)
        else:
            message = f"`{SETTING}`: expected a list of schedules, got {kind_of(node)}"
            problems.append(Problem(message, place=text.place(node)))
    if problems:
        raise ConfigurationError(*problems)
    return found


def _is_new(schedule: Schedule, found: Iterable[Schedule], problems: list[Problem]) -> bool:
    """Whether no other schedule would send to the same queue."""
    twin = next((one for one in found if one.queue == schedule.queue), None)
    if twin is not None:
        problems.append(
            Problem(
                f"`{SETTING}`: two schedules are the same, or have the same name",
                place=schedule.place,
                hint=f"the other is at {twin.place.source}:{twin.place.line}",
                helps=("give each a `name` of its own",),
            )
        )
    return twin is None


class _Item:
    """One schedule."""

    def __init__(self, text: Text, where: str, problems: list[Problem]) -> None:
        self._text = text
        self._where = where
        self._problems = problems

    def read(self, node: Node) -> Schedule | None:
        """The schedule; None where something is wrong with it."""
        before = len(self._problems)
        if not isinstance(node, MappingNode):
            self._wrong(f"expected a mapping, got {kind_of(node)}", node)
            return None
        nodes = self._nodes(node)
        name = self._value(nodes, "name", read_name)
        worker, command = self._work(nodes, node)
        payload = self._value(nodes, "payload", read_payload) or {}
        timetable = self._timetable(nodes, node)
        if timetable is None or len(self._problems) > before:
            return None
        if name is None:
            when: dict[str, Json] = {key: read_text(nodes[key]).lower() for key in _WHEN if key in nodes}
            what: dict[str, Json] = {"worker": worker, "ctl": command, "payload": payload}
            queue = queue_of_content(worker, {**when, **what})
        else:
            queue = queue_of_name(name)
        return Schedule(
            queue=queue,
            worker=worker,
            payload=payload,
            command=command,
            timetable=timetable,
            place=self._text.place(node),
        )

    def _nodes(self, node: MappingNode) -> dict[str, Node]:
        """What is said, by key; a null says nothing."""
        nodes: dict[str, Node] = {}
        for entry in entries(self._text, node, self._problems):
            if entry.name not in KEYS:
                near = nearest(entry.name, KEYS)
                hint = f"did you mean `{near}`?" if near else ""
                self._wrong(f"unknown key `{entry.name}`", entry.key, hint)
            elif not is_null(entry.value):
                nodes[entry.name] = entry.value
        return nodes

    def _work(self, nodes: Mapping[str, Node], node: Node) -> tuple[str, str]:
        """The worker, and the command line that it runs."""
        if ("worker" in nodes) == ("ctl" in nodes):
            said = "both `worker` and `ctl`" if "worker" in nodes else "neither `worker` nor `ctl`"
            self._wrong(f"it says {said}, and one is needed", node)
        if "ctl" in nodes:
            if "payload" in nodes:
                self._wrong("`payload` is for a `worker`, and not for `ctl`", nodes["payload"])
            return COMMAND_WORKER, self._value(nodes, "ctl", read_command) or ""
        return self._value(nodes, "worker", read_text) or "", ""

    def _timetable(self, nodes: Mapping[str, Node], node: Node) -> Timetable | None:
        zone = self._value(nodes, "timezone", read_zone) or UTC
        start = self._value(nodes, "start_date", lambda one: read_moment(one, zone, is_end=False))
        end = self._value(nodes, "end_date", lambda one: read_moment(one, zone, is_end=True))
        cron = self._cron(nodes, node)
        if start is not None and end is not None and end < start:
            self._wrong("`end_date` is before `start_date`", nodes["end_date"])
            return None
        if cron is None:
            return None
        timetable = Timetable(cron, zone, start, end)
        if timetable.next_after(_BEGINNING) is None:
            self._wrong("there is no moment at which it would fire", node)
        return timetable

    def _cron(self, nodes: Mapping[str, Node], node: Node) -> Cron | None:
        texts = {name: self._value(nodes, name, read_text) for name in FIELDS if name in nodes}
        given = {name: text for name, text in texts.items() if text is not None}
        if not texts:
            self._wrong("it does not say when", node, helps=(f"with one or more of {', '.join(FIELDS)}",))
        wrong = [name for name in given if self._bad_field(name, given[name], nodes[name])]
        return None if wrong or not given else Cron(given)

    def _bad_field(self, name: str, text: str, node: Node) -> bool:
        try:
            Cron({name: text})
        except BadFieldError as error:
            self._unexpected(name, error.cause, node)
            return True
        return False

    def _value(self, nodes: Mapping[str, Node], name: str, read: Callable[[Node], T]) -> T | None:
        """The value of a key; None where there is none, or it is wrong."""
        if name not in nodes:
            return None
        try:
            return read(nodes[name])
        except BadValueError as error:
            self._unexpected(name, error, nodes[name])
            return None

    def _unexpected(self, name: str, error: BadValueError, node: Node) -> None:
        self._wrong(f"`{name}`: expected {error.expected}, got {kind_of(node)}", node, helps=error.helps)

    def _wrong(self, what: str, node: Node, hint: str = "", helps: tuple[str, ...] = ()) -> None:
        place = self._text.place(node)
        self._problems.append(Problem(f"{self._where}: {what}", place=place, hint=hint, helps=helps))
