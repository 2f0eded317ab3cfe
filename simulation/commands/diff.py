"""`diff`: where two runs part."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import zip_longest

import msgspec
from msgspec import Struct

from simulation.cases import Case
from simulation.commands.plans import add_variants, as_found, case_of_text, varied
from simulation.commands.telling import Commands, say
from simulation.commands.traces import BEGIN_S, ONE_S, output_under
from simulation.happenings import Happening
from simulation.run import run
from simulation.statuses import Status
from simulation.tracing import full_text
from simulation.wording import line_of

BEFORE = 5
AFTER = 10
_HASH_SEEDS = 2**32
_LINES = (
    "import msgspec, sys; from simulation.cases import Case; from simulation.commands.diff import lines_of;"
    "print(msgspec.json.encode(lines_of(msgspec.json.decode(sys.stdin.read(), type=Case))).decode())"
)


class Line(Struct, frozen=True):
    """Something that can be seen.

    Attributes:
        text: As `replay` tells it, which leaves much out.
        whole: All of it, without stack traces.
    """

    text: str
    whole: str


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Tell its options."""
    parser = commands.add_parser("diff", help=__doc__, description=__doc__)
    parser.add_argument("one", type=case_of_text, metavar="A", help="a seed")
    parser.add_argument("other", type=case_of_text, metavar="B", help="another, or the same once more")
    parser.add_argument(
        "--hash-seeds",
        type=_pair,
        metavar="X,Y",
        help="run A in a process under PYTHONHASHSEED=X, and B in one under Y (default: both in this one)",
    )
    add_variants(parser)
    parser.set_defaults(command=diff)
    return parser


def diff(arguments: argparse.Namespace) -> Status:
    """Show the last lines that both have, and the first in which they differ."""
    cases = [varied(case, arguments.backend, arguments.policy) for case in (arguments.one, arguments.other)]
    if arguments.hash_seeds is None:
        one, other = map(lines_of, cases)
    else:
        one, other = map(_lines_under, arguments.hash_seeds, cases)
    for number, (left, right) in enumerate(zip_longest(one, other)):
        if left != right:
            say(*(f"  {line.text}" for line in one[max(0, number - BEFORE) : number]))
            say(*_told("-", one[number : number + AFTER], other[number : number + AFTER]))
            say(*_told("+", other[number : number + AFTER], one[number : number + AFTER]))
            same = cases[0] == cases[1]
            return Status.NOT_DETERMINISTIC if same else Status.CLEAN
    say(f"the same {len(one):,} happenings")
    return Status.CLEAN


def _told(sign: str, mine: list[Line], theirs: list[Line]) -> Iterator[str]:
    """Lines; and what they leave out, where it is that alone in which they differ."""
    for line, like in zip_longest(mine, theirs[: len(mine)]):
        yield f"{sign} {line.text}"
        if like is not None and like.text == line.text and like.whole != line.whole:
            yield f"{sign}     {line.whole}"


def lines_of(case: Case) -> list[Line]:
    """All that can be seen of a case."""
    lines: list[Line] = []

    def watch(happening: Happening) -> None:
        lines.append(Line(line_of(happening), full_text(happening)))

    with as_found(case):
        run(case.plan, watch=watch)
    return lines


def _lines_under(hash_seed: str, case: Case) -> list[Line]:
    heard = msgspec.json.encode(case).decode()
    said = output_under(hash_seed, _LINES, heard, timeout_s=BEGIN_S + ONE_S)
    return msgspec.json.decode(said, type=list[Line])


def _pair(text: str) -> tuple[str, str]:
    """Two values for `PYTHONHASHSEED`."""
    one, comma, other = text.partition(",")
    if not comma or not all(value.isdecimal() and int(value) < _HASH_SEEDS for value in (one, other)):
        raise argparse.ArgumentTypeError(f"expected two numbers such as 0,4711, got {text!r}")
    return one, other
