"""Going through a whole file: counting tasks, gathering problems, finding ids that are there twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from cloud_tasks.core.task import Task
from cloud_tasks.errors import Place, Problem
from cloud_tasks.task_file.ids import CheckedIds
from cloud_tasks.task_file.items import Fault, ItemReader, shortened

PROBLEMS_KEPT_MAX = 20
"""More problems of one file are counted, not kept."""

_TASKS_AT_A_TIME = 5_000

FIRSTS_KEPT_MAX = 10_000
"""So many ids are enough to find duplicates to show among them."""


class Findings:
    """The problems of a file: the first few whole, the rest counted."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[Problem] = []

    def add(self, *problems: Problem, count: int | None = None) -> None:
        """Take note of problems; `count` where they stand for more than themselves."""
        self._kept += problems[: max(PROBLEMS_KEPT_MAX - len(self._kept), 0)]
        self.count += len(problems) if count is None else count

    @property
    def is_full(self) -> bool:
        """Whether more problems are only counted."""
        return len(self._kept) >= PROBLEMS_KEPT_MAX

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found; the last says how many more there are."""
        more = self.count - len(self._kept)
        if more <= 0:
            return tuple(self._kept)
        return (*self._kept, Problem(f"{more:,} more problem{'s' if more > 1 else ''} in the same file"))


class Scan(Struct, frozen=True):
    """What a whole file holds.

    Attributes:
        task_count: Its tasks, those with an id that was there before included.
        findings: What is wrong with its items.
        candidates: Hashes of ids that seem to be there more than once.
        duplicate_count: How many tasks have an id that was there before.
    """

    task_count: int
    findings: Findings
    candidates: frozenset[int]
    duplicate_count: int


def scan(reader: ItemReader, on_task_count: Callable[[int], None]) -> Scan:
    """Read all of a file; `on_task_count` is told how many tasks there were, again and again."""
    ids = CheckedIds()
    findings = Findings()
    task_count = 0
    task_ids: list[str] = []
    for item in reader:
        if isinstance(item, Fault):
            findings.add(*item.problems)
            continue
        task_ids.append(item.task_id)
        if len(task_ids) == _TASKS_AT_A_TIME:
            task_count += _TASKS_AT_A_TIME
            on_task_count(task_count)
            ids.add(task_ids)
            task_ids.clear()
    task_count += len(task_ids)
    on_task_count(task_count)
    ids.add(task_ids)
    candidates, duplicate_count = ids.candidates()
    return Scan(task_count, findings, candidates, duplicate_count)


def duplicates(
    reader: ItemReader, candidates: frozenset[int], firsts_max: int | None = None
) -> Iterator[Problem]:
    """The tasks whose id was there before, each with both places, in the file's order.

    Args:
        reader: Reads the file from its start.
        candidates: Hashes of the ids to look at.
        firsts_max: How many ids to remember at most, for a caller that needs only some; None: all.
    """
    firsts: dict[str, tuple[int, int]] = {}
    for item in reader:
        if not isinstance(item, Task) or hash(item.task_id) not in candidates:
            continue
        first = firsts.get(item.task_id)
        if first is not None:
            yield duplicate(item.task_id, first, reader.places().value(("task_id",)))
        elif firsts_max is None or len(firsts) < firsts_max:
            place = reader.places().value(("task_id",))
            firsts[item.task_id] = (place.line, place.column)


def duplicate(task_id: str, first: tuple[int, int], place: Place) -> Problem:
    """The problem of an id that is there twice; `first` is line and column of the first."""
    return Problem(
        f"the task id `{shortened(task_id)}` is there twice",
        place=place,
        hint=f"first at {first[0]}:{first[1]}",
        notes=(f"the first is at {place.source}:{first[0]}:{first[1]}",),
    )
