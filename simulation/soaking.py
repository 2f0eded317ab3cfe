"""`Soak`: what a run without end has done so far, in a file that outlives it."""

from __future__ import annotations

import fcntl
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct, field

from cloud_tasks.errors import ConfigurationError, Problem
from simulation.draws import SWARM, PlanDraw
from simulation.many import Span
from simulation.scenario_file import scenario_names
from simulation.source_hash import source_hash
from simulation.tally import Tally

STATE = "soak.json"
LOCK = "soak.lock"
ROOM_BYTES = 65_536
"""As much as a state takes, and some more."""


class Soak(Struct):
    """What was done, and with what.

    Attributes:
        code: Hash of what it is about: the code, and the scenario.
        draw: Where plans come from.
        done: Seeds that were run: spans in order, with gaps between them.
        tally: What they came to.
        elapsed_s: For how long it has run, in all.
    """

    code: str
    draw: PlanDraw
    done: list[Span] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    elapsed_s: float = 0.0

    def add(self, span: Span, tally: Tally) -> None:
        """Take in a block."""
        self.done = merged([*self.done, span])
        self.tally.add(tally)

    def left(self) -> Iterator[Span]:
        """What was not run: the gaps first, and then all that follows."""
        first = 0
        for span in self.done:
            if first < span.first:
                yield Span(first, span.first)
            first = span.last or 0
        yield Span(first)

    def save(self, directory: Path) -> None:
        """Write it, so that either the old or the new is there whatever happens.

        Raises:
            ConfigurationError: It cannot be written.
        """
        path = directory / STATE
        fresh = _fresh(directory)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(msgspec.json.encode(self))
            fresh.replace(path)
        except OSError as error:
            with suppress(OSError):
                fresh.unlink()
            raise ConfigurationError(Problem(f"cannot write `{path}`: {error.strerror}")) from None


class Keeper:
    """Saves a soak. Why it cannot be saved is told once, and ends nothing: what it finds counts for more.

    Args:
        directory: Where.
        complain: Tells problems.
    """

    def __init__(self, directory: Path, complain: Callable[[Sequence[Problem]], None]) -> None:
        self._directory = directory
        self._complain = complain
        self._told: set[str] = set()

    def save(self, soak: Soak) -> bool:
        """Whether it was saved."""
        try:
            soak.save(self._directory)
        except ConfigurationError as error:
            self._complain([problem for problem in error.problems if problem.message not in self._told])
            self._told.update(problem.message for problem in error.problems)
            return False
        return True


@contextmanager
def sole_use(directory: Path) -> Generator[None, None, None]:
    """Have a directory for a soak to oneself, with room in it; it is made where there is none.

    Args:
        directory: It.

    Raises:
        ConfigurationError: Another soak has it, or nothing can be kept there.
    """
    fresh = _fresh(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / LOCK).open("ab")
    except OSError as error:
        raise _cannot_keep(directory, error) from None
    with lock:
        _take(lock.fileno(), directory)
        try:
            fresh.write_bytes(bytes(ROOM_BYTES))
        except OSError as error:
            raise _cannot_keep(directory, error) from None
        finally:
            with suppress(OSError):
                fresh.unlink()
        yield


def _take(lock_fd: int, directory: Path) -> None:
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        told = f"another soak is at work in `{directory}`"
        raise ConfigurationError(Problem(told, helps=("another `--directory`",))) from None
    except OSError:  # a file system without locks
        return


def _cannot_keep(directory: Path, error: OSError) -> ConfigurationError:
    told = f"cannot keep a soak in `{directory}`: {error.strerror}"
    return ConfigurationError(Problem(told, helps=("another `--directory`",)))


def _fresh(directory: Path) -> Path:
    """Where a state is written before it takes the place of the old one."""
    return (directory / STATE).with_suffix(".new")


def code_of(draw: PlanDraw) -> str:
    """Hash of all that the plans of a draw follow from."""
    theirs = draw.scenario not in (SWARM, *scenario_names())
    return source_hash(*([Path(draw.scenario)] if theirs else []))


def load_soak(directory: Path) -> Soak | None:
    """What a directory holds; None if there is nothing.

    Raises:
        ConfigurationError: It cannot be read, or is something else.
    """
    path = directory / STATE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Soak, dec_hook=_counter)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(Problem(f"cannot read `{path}`: {error.strerror}")) from None
    except msgspec.DecodeError as error:
        helps = ("another `--directory`, or remove it",)
        raise ConfigurationError(Problem(f"`{path}` is no soak of ours: {error}", helps=helps)) from None


def merged(spans: list[Span]) -> list[Span]:
    """The same seeds in as few spans as can be, in order."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda span: span.first):
        last = found[-1].last if found else None
        if last is not None and last >= span.first:
            found[-1] = Span(found[-1].first, max(last, span.last or 0))
        else:
            found.append(span)
    return found


def _counter(_: type, value: dict[str, int]) -> Counter[str]:
    """Msgspec reads the counters of a tally as plain dictionaries."""
    return Counter(value)
