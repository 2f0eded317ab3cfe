"""`events.md`, from the classes of the events."""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import getdoc

from cloud_tasks.core.events import EVENT_CLASSES, Event, EventRecord
from pieces import NOTICE, code, marked, table

TYPE_WORDS = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "None": "null",
    "Json": "anything",
    "dict[str, int]": "object of integers",
}

UNSEEN_TYPES = ("msgspec.Raw",)
"""Types that say how a value is held, not how it looks."""


def events_page() -> str:
    """All event types and their fields."""
    parts = [
        NOTICE,
        "# Events",
        _introduction(),
        table(("Type", "What happened", "Goes to"), _events()),
    ]
    for event in EVENT_CLASSES:
        parts += [f"## {_tag(event)}", marked(_summary(event))]
        if event.__struct_fields__:
            parts.append(table(("Field", "Type", "Meaning"), _fields(event)))
    return "\n\n".join(parts) + "\n"


def _introduction() -> str:
    common = [(code(name), meaning) for name, meaning in _meanings(EventRecord).items() if name != "event"]
    return f"""\
An event is one JSON object: the fields that all have, then those of its type. In the event log file each
stands on a line of its own.

{table(("Field", "Meaning"), [*common, ("`event_type`", "The type.")])}

Each attempt ends in exactly one of the events that have a `task_id` and an `elapsed_time`."""


def _events() -> Iterator[tuple[str, ...]]:
    for event in EVENT_CLASSES:
        targets = "queue only" if event.queue_only else "file and queue"
        yield f"[`{_tag(event)}`](#{_tag(event)})", marked(_summary(event)), targets


def _fields(event: type[Event]) -> Iterator[tuple[str, ...]]:
    bases = [base for base in reversed(event.__mro__) if issubclass(base, Event)]
    meanings = {name: text for base in bases for name, text in _meanings(base).items()}
    types = {name: text for base in bases for name, text in vars(base).get("__annotations__", {}).items()}
    for name in event.__struct_fields__:
        yield code(name), _type_words(types[name]), marked(meanings[name])


def _type_words(annotation: str) -> str:
    """A field's type as JSON has it."""
    return " or ".join(TYPE_WORDS[part] for part in annotation.split(" | ") if part not in UNSEEN_TYPES)


def _tag(event: type[Event]) -> str:
    return str(event.__struct_config__.tag)


def _summary(cls: type) -> str:
    return (getdoc(cls) or "").partition("\n\n")[0].replace("\n", " ")


def _meanings(cls: type) -> dict[str, str]:
    """The lines under "Attributes:" of a docstring."""
    text = (getdoc(cls) or "").partition("Attributes:\n")[2]  # without indentation in every version of Python
    found = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", text, re.MULTILINE)
    return {name: re.sub(r"\s+", " ", meaning) for name, meaning in found}
