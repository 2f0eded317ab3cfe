"""`Soak`: what a run without end has done so far, in a file that outlives it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
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
        fresh = path.with_suffix(".new")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(msgspec.json.encode(self))
            fresh.replace(path)
        except OSError as error:
            raise ConfigurationError(Problem(f"cannot write `{path}`: {error.strerror}")) from None


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
