"""Reads a YAML list of tasks from parser events, one task at a time, in every style that YAML has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, cast

import yaml
from yaml.events import (
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from cloud_tasks.core.task import Task
from cloud_tasks.errors import Place, Problem
from cloud_tasks.task_file.items import EndOfReadingError, Fault, problems_of, shortened, task_of
from cloud_tasks.task_file.json_item import too_large
from cloud_tasks.task_file.limits import Limits
from cloud_tasks.task_file.window import ByteSource
from cloud_tasks.task_file.yaml_build import Builder, EventFault, GivenUpError
from cloud_tasks.task_file.yaml_places import YamlPlaces
from cloud_tasks.task_file.yaml_text import YamlText, end_of, start_of

_EXAMPLE = "a YAML task file looks like this: `- task_id: first`, and under it `  data: {}`"


class EventSource(Protocol):
    """What the parsers have in common."""

    def get_event(self) -> Event:
        """The next event."""
        ...


def fastest_parser(text: YamlText) -> EventSource:
    """The parser of libyaml, or the one in Python where PyYAML was built without it."""
    if yaml.__with_libyaml__:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]

        return cast("EventSource", CParser(text))
    return python_parser(text)


def python_parser(text: YamlText) -> EventSource:
    """The parser that is written in Python."""
    return cast("EventSource", yaml.SafeLoader(text))


class YamlReader:
    """The tasks of a YAML list."""

    def __init__(
        self,
        source: ByteSource,
        name: str,
        limits: Limits,
        parser: Callable[[YamlText], EventSource] = fastest_parser,
    ) -> None:
        self._text = YamlText(source, name)
        self._name = name
        self._limits = limits
        self._make_parser = parser
        self._get_event: Callable[[], Event] | None = None
        self._builder = Builder(limits)
        self._events: list[Event] = []
        self._number = 0

    def places(self) -> YamlPlaces:
        """Where the item that was handed out last stands."""
        return YamlPlaces(self._text, self._events)

    def __iter__(self) -> Iterator[Task | Fault]:
        """Tasks and faults, in order; a fault of syntax is final."""
        try:
            self._open_list()
            while (event := self._next()).__class__ is not SequenceEndEvent:
                self._number += 1
                item = self._item(event)
                yield item
                if isinstance(item, Fault) and item.final:
                    return
            self._close_list()
        except EndOfReadingError as end:
            yield Fault((end.problem,), final=True)

    def _next(self) -> Event:
        try:
            if self._get_event is None:
                self._get_event = self._make_parser(self._text).get_event
            return self._get_event()
        except yaml.YAMLError as error:
            raise EndOfReadingError(self._text.fault or self._syntax(error)) from None

    def _open_list(self) -> None:
        """Go to the first item."""
        self._next()
        start = self._next()
        if isinstance(start, DocumentStartEvent):
            start = self._next()
        if isinstance(start, StreamEndEvent) or (isinstance(start, ScalarEvent) and not start.value):
            raise EndOfReadingError(self._text.fault or self._empty())
        if not isinstance(start, SequenceStartEvent):
            raise EndOfReadingError(self._text.fault or self._not_a_list(start))
        fault = self._builder.begin(start)
        if fault is not None:
            raise EndOfReadingError(self._problem(fault, "the list of tasks"))

    def _close_list(self) -> None:
        """Nothing may come after the list."""
        self._next()
        after = self._next()
        if self._text.fault is not None:
            raise EndOfReadingError(self._text.fault)
        if isinstance(after, DocumentStartEvent):
            raise EndOfReadingError(
                Problem(
                    "a second document begins here: a task file holds one list",
                    place=self._text.place(start_of(after), end_of(after)),
                    helps=("take the `---` away, so that one list goes on",),
                )
            )

    def _item(self, first: Event) -> Task | Fault:
        name = f"task {self._number}"
        size = self._collect(first)
        if size > self._limits.task_size_bytes_max:
            return Fault((too_large(name, size, self._limits, self._text.place(start_of(first))),))
        try:
            item = self._builder.build(self._events)
        except GivenUpError as error:
            return Fault((self._problem(error.fault, name),), final=error.final)
        if self._builder.faults:
            return Fault(tuple(self._problem(fault, name) for fault in self._builder.faults))
        return task_of(item) or Fault(problems_of(item, name, self.places()))

    def _collect(self, first: Event) -> int:
        """Gather the events of the item that begins with `first`; its size in characters, about."""
        self._text.forget_before(start_of(first))
        self._events = events = [first]
        depth, size, size_max = 0, 0, self._limits.task_size_bytes_max
        event, content = first, first
        while True:
            if isinstance(event, CollectionStartEvent):
                depth += 1
            elif isinstance(event, CollectionEndEvent):
                depth -= 1
            else:
                content = event
                size += len(event.value) + 3 if isinstance(event, ScalarEvent) else 1
            if not depth:
                break
            event = self._next()
            if size <= size_max:
                events.append(event)
        end = end_of(content)
        # Where the text could not be read on, the parser saw a stand-in: what holds it is no whole item.
        if self._text.fault is not None and (end.line, end.column) > self._text.fault_at:
            raise EndOfReadingError(self._text.fault)
        return size

    def _problem(self, fault: EventFault, name: str) -> Problem:
        place = self._text.place(start_of(fault.event), end_of(fault.event))
        helps = (fault.help_line,) if fault.help_line else ()
        if fault.first is None:
            return Problem(f"{name}: {fault.message}", place=place, helps=helps)
        mark = start_of(fault.first)
        where = f"{mark.line + 1}:{mark.column + 1}"
        notes = (f"the first is at {self._name}:{where}",)
        return Problem(f"{name}: {fault.message}", place=place, hint=f"first at {where}", notes=notes)

    def _syntax(self, error: yaml.YAMLError) -> Problem:
        if not isinstance(error, yaml.MarkedYAMLError):
            return Problem(f"not valid YAML: {error}")
        mark = error.problem_mark or error.context_mark
        hint = ""
        if error.context and error.context_mark is not None:
            hint = f"{error.context} from {error.context_mark.line + 1}:{error.context_mark.column + 1}"
        return Problem(
            f"after task {self._number}: not valid YAML: {error.problem}",
            place=None if mark is None else self._text.place(mark),
            hint=hint,
        )

    def _empty(self) -> Problem:
        return Problem(
            "expected a list of tasks, but the file is empty",
            place=Place(self._name, 1, 1),
            helps=("a file without tasks holds an empty list: []", _EXAMPLE),
        )

    def _not_a_list(self, start: Event) -> Problem:
        found, event = "`…`", start
        if isinstance(start, MappingStartEvent):
            event = self._next()
            found = f"the key `{_written(event)}` of a mapping"
            if isinstance(event, CollectionEndEvent):
                found, event = "an empty mapping", start
        elif isinstance(start, ScalarEvent):
            found = f"`{_written(start)}`"
        return Problem(
            f"expected a list of tasks, found {found}",
            place=self._text.place(start_of(event), end_of(event)),
            helps=(_EXAMPLE,),
        )


def _written(event: Event) -> str:
    return shortened(event.value) if isinstance(event, ScalarEvent) else "…"
