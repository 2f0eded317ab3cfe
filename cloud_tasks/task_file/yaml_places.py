"""Finds the parts of a YAML item again, after something was found to be wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yaml.events import CollectionEndEvent, CollectionStartEvent, Event, MappingStartEvent, ScalarEvent

from cloud_tasks.errors import Place
from cloud_tasks.task_file.items import Path
from cloud_tasks.task_file.yaml_text import YamlText, end_of, start_of


class YamlPlaces:
    """Where the parts of the item that `events` make up stand."""

    def __init__(self, text: YamlText, events: Sequence[Event]) -> None:
        self._text = text
        self._events = events

    def key(self, path: Path) -> Place:
        """Place of the key that `path` ends with."""
        return self._find(path, is_key=True)

    def value(self, path: Path) -> Place:
        """Place of the value at `path`; of the item, where it comes from elsewhere in the file."""
        return self._find(path, is_key=False)

    def _find(self, path: Path, *, is_key: bool) -> Place:
        for found, found_is_key, event in _parts(self._events):
            if found == path and found_is_key is is_key:
                return self._text.place(start_of(event), end_of(event))
        return self._text.place(start_of(self._events[0]))


def _parts(events: Sequence[Event]) -> Iterator[tuple[Path, bool, Event]]:
    """Path, whether it is a key, and event, of each key and value."""
    path: list[str | int] = []
    awaits_key: list[bool | None] = []
    for event in events:
        if isinstance(event, CollectionEndEvent):
            path.pop()
            awaits_key.pop()
            continue
        if path:
            _advance(path, awaits_key, event)
        yield tuple(path), bool(awaits_key and awaits_key[-1] is False), event
        if isinstance(event, CollectionStartEvent):
            is_mapping = isinstance(event, MappingStartEvent)
            path.append("" if is_mapping else -1)
            awaits_key.append(True if is_mapping else None)


def _advance(path: list[str | int], awaits_key: list[bool | None], event: Event) -> None:
    """Move to the next place in the innermost collection: an index, a key, or the value of that key."""
    last = path[-1]
    if isinstance(last, int):
        path[-1] = last + 1
    elif awaits_key[-1]:
        path[-1] = event.value if isinstance(event, ScalarEvent) else ""
        awaits_key[-1] = False
    else:
        awaits_key[-1] = True
