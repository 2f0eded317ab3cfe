"""What makes an item a task: the checks that every format shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from msgspec import Struct

from cloud_tasks.core.task import Json, Task
from cloud_tasks.diagnostics import near
from cloud_tasks.errors import Place, Problem

Path = tuple[str | int, ...]
"""Keys and indexes from an item down to a value in it; () is the item itself."""


class Fault(Struct, frozen=True):
    """An item that is no task, or text that is not the format it should be.

    Attributes:
        problems: All that is wrong with it.
        final: Whether nothing after it can be read.
    """

    problems: tuple[Problem, ...]
    final: bool = False


class EndOfReadingError(Exception):
    """Nothing after this can be read; carries why. Never leaves a reader."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.message)


class ItemPlaces(Protocol):
    """Where the parts of one item stand in its file; each call may cost a walk over the item."""

    def key(self, path: Path) -> Place:
        """Place of the key that `path` ends with."""
        ...

    def value(self, path: Path) -> Place:
        """Place of the value at `path`."""
        ...


class ItemReader(Protocol):
    """Reads the items of one file, in order."""

    def __iter__(self) -> Iterator[Task | Fault]:
        """Tasks and faults, in the file's order; ends after a final fault."""
        ...

    def places(self) -> ItemPlaces:
        """Where the item that was handed out last stands; only until the next one is taken."""
        ...


def task_of(item: object) -> Task | None:
    """The task that a decoded item is; None if it is none (`problems_of` says why)."""
    if item.__class__ is not dict:
        return None
    task_id, data = item.get("task_id"), item.get("data")
    if task_id.__class__ is not str or data.__class__ is not dict:
        return None
    if not task_id or "/" in task_id or "\0" in task_id:
        return None
    return Task(task_id, data)


def problems_of(item: object, name: str, places: ItemPlaces) -> tuple[Problem, ...]:
    """Everything that keeps a decoded item from being a task.

    Args:
        item: What was decoded.
        name: What to call it: "task 3".
        places: Where its parts stand.
    """
    if not isinstance(item, dict):
        return (
            Problem(
                f"{name}: expected a mapping with `task_id` and `data`, got {described(item)}",
                place=places.value(()),
            ),
        )
    return (*_id_problems(item, name, places), *_data_problems(item, name, places))


def id_fault(task_id: object) -> str:
    """What is wrong with a task id; "" if nothing is."""
    if not isinstance(task_id, str):
        return f"expected a string, got {described(task_id)}"
    if not task_id:
        return "it is empty"
    for char, char_name in (("/", "`/`"), ("\0", "a NUL character")):
        if char in task_id:
            return f"`{shortened(task_id)}` holds {char_name}"
    return ""


def described(value: object) -> str:
    """A value in words: its type, and the value itself where that is short."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the {'number' if isinstance(value, float) else 'integer'} {shortened(repr(value))}"
    if isinstance(value, str):
        return f'the string "{shortened(value)}"'
    return _described_whole(value)


def _described_whole(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    return f"a value of type {type(value).__name__}"


def shortened(text: str, chars_max: int = 40) -> str:
    """`text`, cut to a length that can be put into a sentence."""
    return text if len(text) <= chars_max else text[: chars_max - 1] + "…"


def _id_problems(item: dict[str, Json], name: str, places: ItemPlaces) -> Iterator[Problem]:
    if "task_id" not in item:
        yield _missing("task_id", item, name, places)
        return
    fault = id_fault(item["task_id"])
    if not fault:
        return
    helps: tuple[str, ...] = ()
    if isinstance(item["task_id"], int | float) and not isinstance(item["task_id"], bool):
        helps = (f'quote it: "{shortened(repr(item["task_id"]))}"',)
    yield Problem(f"{name}: bad `task_id`: {fault}", place=places.value(("task_id",)), helps=helps)


def _data_problems(item: dict[str, Json], name: str, places: ItemPlaces) -> Iterator[Problem]:
    if "data" not in item:
        yield _missing("data", item, name, places)
    elif not isinstance(item["data"], dict):
        yield Problem(
            f"{name}: `data`: expected a mapping, got {described(item['data'])}",
            place=places.value(("data",)),
            helps=() if item["data"] is not None else ("a task without data has an empty mapping: `{}`",),
        )


_LIKELY_SLIPS = {"task_id": ("id", "task", "name"), "data": ("payload", "task_data", "args")}


def _missing(key: str, item: dict[str, Json], name: str, places: ItemPlaces) -> Problem:
    """The problem of a key that is not there, at the key that was probably meant to be it."""
    others = [other for other in item if other not in _LIKELY_SLIPS]
    slip = next((other for other in _LIKELY_SLIPS[key] if other in others), None) or near(key, others)
    message = f"{name}: no `{key}`"
    if slip is None:
        return Problem(message, place=places.value(()))
    return Problem(message, place=places.key((slip,)), hint=f"did you mean `{key}`?")
