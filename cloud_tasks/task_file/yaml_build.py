"""Builds the value of one item from YAML events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct
from yaml.events import AliasEvent, Event, MappingStartEvent, ScalarEvent, SequenceStartEvent

from cloud_tasks.core.task import Json
from cloud_tasks.task_file.items import described, shortened
from cloud_tasks.task_file.limits import Limits
from cloud_tasks.task_file.yaml_values import (
    DATA_ONLY,
    MERGE,
    PREFIX,
    ValueFaultError,
    plain,
    short_tag,
    tagged,
)

_COLLECTION_TAGS = frozenset({"!", PREFIX + "map", PREFIX + "seq"})


_Start: TypeAlias = MappingStartEvent | SequenceStartEvent
_ANCHOR_COST = 100
_IGNORED = object()


class EventFault(Struct, frozen=True):
    """Something that an item must not hold.

    Attributes:
        message: What it is.
        event: Where.
        help_line: How to mend it, or "".
        first: Where the same thing stood before; None if that is not the matter.
    """

    message: str
    event: Event
    help_line: str = ""
    first: Event | None = None


class GivenUpError(Exception):
    """The item is not worth building any further; carries why, and whether no other item is either."""

    def __init__(self, fault: EventFault, *, final: bool = False) -> None:
        self.fault = fault
        self.final = final
        super().__init__(fault.message)


class _Anchored(Struct, frozen=True):
    """What an anchor names, with its size and depth when it is written out."""

    value: Json
    size: int
    depth: int


class _Frame:
    """A list or mapping that is being built."""

    __slots__ = ("depth", "items", "key", "keys", "merged", "size", "start")

    def __init__(self, start: _Start) -> None:
        self.start = start
        self.items: list[Json] | dict[str, Json] = {} if isinstance(start, MappingStartEvent) else []
        self.keys: dict[str, Event] = {}
        self.key: str | object | None = None
        self.merged: list[dict[str, Json]] = []
        self.size = 2
        self.depth = 1

    def finished(self) -> list[Json] | dict[str, Json]:
        """The whole value: what is merged in never replaces what is there."""
        if isinstance(self.items, dict):
            for mapping in self.merged:
                for key, value in mapping.items():
                    self.items.setdefault(key, value)
        return self.items


class Builder:
    """Builds items one after another; anchors live on from one to the next.

    Attributes:
        faults: What was wrong with the item that was built last.
    """

    def __init__(self, limits: Limits) -> None:
        self.faults: list[EventFault] = []
        self._limits = limits
        self._anchors: dict[str, _Anchored | None] = {}
        self._anchors_size = 0
        self._item_size = 0
        self._stack: list[_Frame] = []

    def begin(self, event: SequenceStartEvent) -> EventFault | None:
        """Take note of the list that all items stand in; what is wrong with its beginning, or None."""
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if event.tag is None or event.tag in _COLLECTION_TAGS:
            return None
        return EventFault(f"the YAML tag `{short_tag(event.tag)}` is refused", event, DATA_ONLY)

    def build(self, events: Sequence[Event]) -> Json:
        """The value of one item; what is in `faults` stands for null in it.

        Raises:
            GivenUpError: It is too deep, or its aliases make it too large.
        """
        self.faults, self._stack, self._item_size = [], [], 0
        stack = self._stack
        value: Json = None
        for event in events:
            origin, anchor = event, None
            if isinstance(event, ScalarEvent):
                value, size, depth = self._scalar(event), len(event.value) + 3, 0
                anchor = event.anchor
            elif isinstance(event, MappingStartEvent | SequenceStartEvent):
                self._open(event)
                continue
            elif isinstance(event, AliasEvent):
                value, size, depth = self._alias(event)
            else:
                frame = stack.pop()
                value, size, depth, origin = frame.finished(), frame.size, frame.depth, frame.start
                anchor = frame.start.anchor
            if anchor is not None:
                self._remember(anchor, _Anchored(value, size, depth), origin)
            if stack:
                self._put(stack[-1], value, origin)
                stack[-1].size += size
                stack[-1].depth = max(stack[-1].depth, depth + 1)
        return _as_value(value)

    def _scalar(self, event: ScalarEvent) -> Json:
        try:
            if event.tag is not None:
                return tagged(event.tag, event.value)
            return plain(event.value) if event.implicit[0] else event.value
        except ValueFaultError as error:
            self.faults.append(EventFault(error.message, event, error.help_line))
            return None

    def _open(self, event: _Start) -> None:
        if event.tag is not None and event.tag not in _COLLECTION_TAGS:
            self.faults.append(
                EventFault(f"the YAML tag `{short_tag(event.tag)}` is refused", event, DATA_ONLY)
            )
        self._stack.append(_Frame(event))
        self._refuse_depth(len(self._stack), event)
        if event.anchor is not None:
            self._anchors[event.anchor] = None

    def _alias(self, event: AliasEvent) -> tuple[Json, int, int]:
        """A copy of what the alias stands for, with its size and depth."""
        name = str(event.anchor)
        anchored = self._anchors.get(name)
        if anchored is None:
            inside = name in self._anchors
            message = f"the alias `*{name}` stands " + (
                "inside what it names" if inside else f"for nothing: no `&{name}` comes before it"
            )
            self.faults.append(EventFault(message, event))
            return None, 0, 0
        self._item_size += anchored.size
        if self._item_size > self._limits.task_size_bytes_max:
            limit = f"{self._limits.task_size_bytes_max:,}"
            message = f"its aliases make it too large: written out, it has more than {limit} bytes"
            help_line = "store its data where the task can fetch it, and pass a URL"
            raise GivenUpError(EventFault(message, event, help_line))
        self._refuse_depth(len(self._stack) + anchored.depth, event)
        return _copied(anchored.value), anchored.size, anchored.depth

    def _refuse_depth(self, depth: int, event: Event) -> None:
        if depth > self._limits.depth_max:
            raise GivenUpError(
                EventFault(
                    f"it is nested too deep: the limit is {self._limits.depth_max} levels",
                    event,
                    "flatten its data, or store it where the task can fetch it, and pass a URL",
                )
            )

    def _remember(self, name: str, anchored: _Anchored, event: Event) -> None:
        before = self._anchors.get(name)
        self._anchors_size += anchored.size - (before.size if before else -_ANCHOR_COST)
        if self._anchors_size > self._limits.anchors_size_bytes_max:
            limit = f"{self._limits.anchors_size_bytes_max:,}"
            message = f"the anchors of the file name more than {limit} bytes"
            help_line = "write the values out instead of naming them"
            raise GivenUpError(EventFault(message, event, help_line), final=True)
        self._anchors[name] = anchored

    def _put(self, frame: _Frame, value: Json, event: Event) -> None:
        """Add a value to a list, or a key or a value to a mapping."""
        if isinstance(frame.items, list):
            frame.items.append(_as_value(value))
        elif frame.key is None:
            frame.key = self._key(frame, value, event)
        else:
            key, frame.key = frame.key, None
            if isinstance(key, str):
                frame.items[key] = _as_value(value)
            elif key is MERGE:
                self._merge(frame, value, event)

    def _key(self, frame: _Frame, key: Json, event: Event) -> str | object:
        if key is MERGE:
            return MERGE
        if not isinstance(key, str):
            written = event.value if isinstance(event, ScalarEvent) else ""
            help_line = f'quote it: "{shortened(written)}"' if written else ""
            self.faults.append(EventFault(f"keys are strings, got {described(key)}", event, help_line))
            return _IGNORED
        first = frame.keys.setdefault(key, event)
        if first is not event:
            self.faults.append(EventFault(f"the key `{shortened(key)}` is there twice", event, first=first))
        return key

    def _merge(self, frame: _Frame, value: Json, event: Event) -> None:
        """`<<: *other` and `<<: [*one, *two]`: the earlier wins."""
        mappings = value if isinstance(value, list) else [value]
        good = [mapping for mapping in mappings if isinstance(mapping, dict)]
        if len(good) != len(mappings):
            message = f"`<<` merges mappings, got {described(value)}"
            self.faults.append(EventFault(message, event))
        frame.merged += good


def _as_value(value: Json) -> Json:
    return "<<" if value is MERGE else value


def _copied(value: Json) -> Json:
    """A copy, so that what a task does to its data never reaches another task."""
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_copied(inner) for inner in value]
    return value
