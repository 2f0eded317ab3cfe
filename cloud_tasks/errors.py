"""The errors of the project: one small family, named by condition.

`CloudTasksError` is the root. Everything that a *user* can mend (an option, a task file, a program that
cannot be run) is a `Problem`: a value with a place and a help line, gathered so that all problems of one
input are told at once, and rendered in one way (see `render`).

This module imports next to nothing, because task processes load it too.
"""

from __future__ import annotations


class Place:
    """Where in an input a problem is.

    Attributes:
        source: The file as the user named it.
        line: Line number, from 1.
        column: Column, from 1, in characters.
        text: The line itself, without its end; None where it cannot be shown.
        width: How many characters to underline.
        text_column: Column of the first character of `text`; above 1 where only part of a long line is kept.
    """

    __slots__ = ("column", "line", "source", "text", "text_column", "width")

    def __init__(
        self,
        source: str,
        line: int,
        column: int,
        text: str | None = None,
        width: int = 1,
        *,
        text_column: int = 1,
    ) -> None:
        self.source = source
        self.line = line
        self.column = column
        self.text = text
        self.width = width
        self.text_column = text_column

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"


class Problem:
    """One thing that is wrong with an input, and how to mend it.

    Attributes:
        message: What is wrong, naming the thing; one sentence without a full stop.
        place: Where, if it is in a file.
        hint: Text for under the caret ("did you mean ...?").
        helps: Ways to mend it, a line each.
        notes: What was touched and what was not, a line each.
    """

    __slots__ = ("helps", "hint", "message", "notes", "place")

    def __init__(
        self,
        message: str,
        *,
        place: Place | None = None,
        hint: str = "",
        helps: tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> None:
        self.message = message
        self.place = place
        self.hint = hint
        self.helps = helps
        self.notes = notes

    def __repr__(self) -> str:
        return f"Problem({self.message!r})"


class CloudTasksError(Exception):
    """The root of every error that this package raises on purpose."""


class ProblemsError(CloudTasksError):
    """An input of the user's cannot be used; carries every problem that was found in it."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("; ".join(problem.message for problem in problems))


class ConfigurationError(ProblemsError):
    """An option, a variable or a configuration file has a bad value."""


class TaskFileError(ProblemsError):
    """A task file cannot be read, or holds something that is not a list of tasks."""


class ProgramError(ProblemsError):
    """The user's program cannot be run in task processes (no main guard, function not found)."""


class QueueError(CloudTasksError):
    """Something is wrong between the worker and a queue."""


class QueueUnavailableError(QueueError):
    """The queue did not do what was asked, and may do so later: time-out, throttling, outage."""


class ServerAwayError(QueueUnavailableError):
    """Nobody is there when a program begins; may work later.

    Attributes:
        problem: Where was looked, and what says so.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.message)


class NotYetError(QueueUnavailableError):
    """The service will do what was asked, but not so soon.

    Attributes:
        wait_s: When to ask again, in seconds.
    """

    def __init__(self, reason: str, wait_s: float) -> None:
        self.wait_s = wait_s
        super().__init__(reason)


class SendFailedError(QueueUnavailableError):
    """Some of many tasks were not sent, and it is known which; may work later.

    Attributes:
        unsent: Ids of tasks that are known not to be in the queue.
        in_doubt: Ids of tasks of which nobody knows (the reply was lost).
    """

    def __init__(self, reason: str, unsent: tuple[str, ...], in_doubt: tuple[str, ...] = ()) -> None:
        self.unsent = unsent
        self.in_doubt = in_doubt
        super().__init__(reason)


class LeaseLostError(QueueError):
    """The lease is no longer ours (expired, or its receipt is out of date): somebody else has the task."""


class EndOfTasks(QueueError):  # noqa: N818 - a signal like StopIteration, not a fault
    """A finite source has handed out everything that it will ever have."""


class SourceFailedError(QueueError):
    """A source broke off in the middle; every task that it gave before has been handed out.

    The worker that reads it finishes those, and ends. See `QueueUnusableError` for sources without an end.

    The exception that the source raised is the cause (`__cause__`).

    Attributes:
        tasks_read: How many tasks it gave before.
        problems: What is wrong with the user's input, where the source knows; () otherwise.
    """

    def __init__(self, cause: BaseException, tasks_read: int) -> None:
        self.tasks_read = tasks_read
        self.problems = cause.problems if isinstance(cause, ProblemsError) else ()
        what = str(cause) if self.problems else f"{type(cause).__name__}: {cause}"
        tasks = "1 task" if tasks_read == 1 else f"{tasks_read} tasks"
        super().__init__(f"the task source failed after {tasks}: {what}")
        self.__cause__ = cause


class QueueUnusableError(SourceFailedError):
    """A queue that worked cannot be used any more, until a person mends it: trying again does not help."""

    def __init__(self, cause: ConfigurationError) -> None:
        super().__init__(cause, 0)
        helps = "".join(f" ({problem.helps[0]})" for problem in cause.problems[:1] if problem.helps)
        self.args = (f"the queue cannot be used any more: {cause}{helps}",)


class MessageRefusedError(QueueError):
    """A task cannot be sent as it is (too large, or not JSON); trying again does not help.

    Attributes:
        task_id: The task that was refused.
    """

    def __init__(self, task_id: str, reason: str) -> None:
        self.task_id = task_id
        super().__init__(f"task {task_id!r} cannot be sent: {reason}")


class SinkUnavailableError(CloudTasksError):
    """An event could not be stored; it may be possible later."""


class RunnerError(CloudTasksError):
    """A run could not be started."""
