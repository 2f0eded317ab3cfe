"""`TaskFile`: the tasks of a file, checked before the first is handed out, or streamed up to a fault."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from msgspec import Struct

from cloud_tasks.core.task import Task
from cloud_tasks.errors import Problem, TaskFileError
from cloud_tasks.task_file.formats import reader_for
from cloud_tasks.task_file.ids import StreamedIds
from cloud_tasks.task_file.items import Fault, ItemReader
from cloud_tasks.task_file.limits import Limits
from cloud_tasks.task_file.local_source import OpenedFile, PositionedReader
from cloud_tasks.task_file.scan import (
    FIRSTS_KEPT_MAX,
    PROBLEMS_KEPT_MAX,
    Findings,
    Scan,
    duplicate,
    duplicates,
    scan,
)


class CheckProgress(Struct, frozen=True):
    """How far the check of a file is.

    Attributes:
        done_bytes: How much of the file was read.
        total_bytes: Its size.
        task_count: How many tasks were found so far.
    """

    done_bytes: int
    total_bytes: int
    task_count: int


class TaskFile:
    """The tasks of one file. Iterating reads them one by one, in memory that does not grow with the file.

    Each iteration begins at the first task. The file is held open, so that a new file under the same name
    changes nothing; a file whose content changes is noticed and refused.

    Attributes:
        count: How many tasks iterating gives; None for a file that was not checked.
    """

    def __init__(
        self,
        opened: OpenedFile,
        limits: Limits,
        *,
        leaves_out: bool,
        skips_duplicates: bool,
        skipped: int = 0,
    ) -> None:
        self.count: int | None = None
        self._opened = opened
        self._limits = limits
        self._leaves_out = leaves_out
        self._skips_duplicates = skips_duplicates
        self._skipped = skipped
        self._left_out = Findings()
        self._candidates: frozenset[int] | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was left out, where that was allowed; for a file that was not checked, what was so far."""
        return self._left_out.problems

    def close(self) -> None:
        """Let go of the file."""
        self._opened.close()

    def check(self, progress: Callable[[CheckProgress], None] | None = None) -> None:
        """Read the whole file, and set `count` and `problems`.

        Raises:
            TaskFileError: The file holds something that is not to be left out.
        """
        report = _Report(self._opened.size_bytes, progress)
        found = scan(self._reader(report.on_read), report.on_task_count)
        report.on_read(self._opened.size_bytes)
        fault_count = found.findings.count
        duplicate_count = self._look_again(found) if found.candidates else 0
        count = found.task_count - duplicate_count
        leaves_out = self._leaves_out and count > 0
        if (fault_count and not leaves_out) or (duplicate_count and not self._skips_duplicates):
            way_out = _SKIPPING if not fault_count else _LEAVING_OUT if count else ()
            raise TaskFileError(*_verdict(found.findings.problems, count, way_out))
        self.count, self._left_out, self._candidates = count, found.findings, found.candidates

    def __iter__(self) -> Iterator[Task]:
        """The tasks, in the file's order.

        Raises:
            TaskFileError: The file was changed, or (if it was not checked) the next item is no task. All
                before it were handed out; the error says how many, and how to go on from there.
        """
        return self._streamed() if self._candidates is None else self._checked(self._candidates)

    def _reader(self, on_read: Callable[[int], None] | None = None) -> ItemReader:
        source = PositionedReader(self._opened, on_read)
        return reader_for(self._opened.suffix, source, self._opened.name, self._limits)

    def _look_again(self, found: Scan) -> int:
        """Find the tasks whose ids are there twice, with their places; how many there are."""
        if self._skips_duplicates:
            count = 0
            for problem in duplicates(self._reader(), found.candidates):
                count += 1
                found.findings.add(problem)
            return count
        enough = PROBLEMS_KEPT_MAX + 1
        shown = tuple(itertools.islice(duplicates(self._reader(), found.candidates, FIRSTS_KEPT_MAX), enough))
        count = found.duplicate_count if len(shown) == enough else len(shown)
        found.findings.add(*shown, count=count)
        return count

    def _checked(self, candidates: frozenset[int]) -> Iterator[Task]:
        """The tasks of a file that is known to be good, but for what is left out."""
        given: set[str] = set()
        for item in self._reader():
            if isinstance(item, Fault):
                continue
            if candidates and hash(item.task_id) in candidates:
                if item.task_id in given:
                    continue
                given.add(item.task_id)
            yield item

    def _streamed(self) -> Iterator[Task]:
        """The tasks of a file that nobody has looked at yet."""
        self._left_out = Findings()
        ids = StreamedIds(exact=self._skips_duplicates)
        reader, count = self._reader(), 0
        for item in reader:
            if isinstance(item, Fault):
                if not self._leaves_out:
                    raise TaskFileError(*_stopped(item.problems, count, self._skipped))
                self._left_out.add(*item.problems)
            elif not ids.add(item.task_id):
                count += 1
                yield item
            elif self._skips_duplicates:
                self._left_out.add(*self._repeated(item, reader, None))
            elif problems := self._repeated(item, reader, count):
                raise TaskFileError(*_stopped(problems, count, self._skipped))
            else:
                count += 1
                yield item

    def _repeated(self, task: Task, reader: ItemReader, before: int | None) -> tuple[Problem, ...]:
        """The problem of a task whose id is among the first `before`; () if it is not, after all."""
        place = reader.places().value(("task_id",))
        if self._left_out.is_full:
            return (Problem(f"the task id `{task.task_id}` is there twice", place=place),)
        again = self._reader()
        others = (item for item in again if isinstance(item, Task))
        for other in itertools.islice(others, before):
            if other.task_id == task.task_id:
                first = again.places().value(("task_id",))
                return (duplicate(task.task_id, (first.line, first.column), place),)
        return ()


_SKIPPING = ("`--on-duplicate skip` runs the first of each alone",)
_LEAVING_OUT = ("`--allow-partial` runs the valid tasks alone",)


class _Report:
    """Tells how far a check is, each time that more of the file was read."""

    def __init__(self, total_bytes: int, progress: Callable[[CheckProgress], None] | None) -> None:
        self._total_bytes = total_bytes
        self._progress = progress
        self._task_count = 0

    def on_task_count(self, task_count: int) -> None:
        self._task_count = task_count

    def on_read(self, done_bytes: int) -> None:
        if self._progress is not None:
            self._progress(CheckProgress(done_bytes, self._total_bytes, self._task_count))


def _verdict(problems: tuple[Problem, ...], valid_count: int, helps: tuple[str, ...]) -> tuple[Problem, ...]:
    """The problems of a file that is refused; the last says what follows from them."""
    notes = (f"{_counted(valid_count)} valid, none queued; nothing started",)
    return _with_last(problems, helps, notes)


def _stopped(problems: tuple[Problem, ...], count: int, skipped: int) -> tuple[Problem, ...]:
    """The problems of a file that was streamed until here; the first `skipped` tasks are not to be run."""
    to_skip = max(count, skipped)
    helps = (f"mend it, then go on with `--tasks-to-skip {to_skip}`",) if to_skip else ()
    handed_out = _counted(max(count - skipped, 0))
    return _with_last(problems, helps, (f"{handed_out} handed out before it, and none after",))


def _counted(count: int) -> str:
    return f"{count:,} task{' was' if count == 1 else 's were'}"


def _with_last(
    problems: tuple[Problem, ...], helps: tuple[str, ...], notes: tuple[str, ...]
) -> tuple[Problem, ...]:
    *others, last = problems
    return (
        *others,
        Problem(
            last.message,
            place=last.place,
            hint=last.hint,
            helps=last.helps + helps,
            notes=last.notes + notes,
        ),
    )
