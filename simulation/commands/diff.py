"""`diff`: where two runs part."""

from __future__ import annotations

import argparse
from itertools import zip_longest

from simulation.cases import Case
from simulation.commands.plans import add_backend, as_found, behind, case_of_text
from simulation.commands.telling import Commands, say
from simulation.history import Happening
from simulation.run import run
from simulation.statuses import Status
from simulation.wording import line_of

BEFORE = 5
AFTER = 10


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Tell its options."""
    parser = commands.add_parser("diff", help=__doc__, description=__doc__)
    parser.add_argument("one", type=case_of_text, metavar="A", help="a seed")
    parser.add_argument("other", type=case_of_text, metavar="B", help="another, or the same once more")
    add_backend(parser)
    parser.set_defaults(command=diff)
    return parser


def diff(arguments: argparse.Namespace) -> Status:
    """Show the last lines that both have, and the first in which they differ."""
    cases = [behind(case, arguments.backend) for case in (arguments.one, arguments.other)]
    one, other = map(_lines, cases)
    for number, (left, right) in enumerate(zip_longest(one, other)):
        if left != right:
            say(*(f"  {line}" for line in one[max(0, number - BEFORE) : number]))
            say(*(f"- {line}" for line in one[number : number + AFTER]))
            say(*(f"+ {line}" for line in other[number : number + AFTER]))
            same = cases[0] == cases[1]
            return Status.NOT_DETERMINISTIC if same else Status.CLEAN
    say(f"the same {len(one):,} happenings")
    return Status.CLEAN


def _lines(case: Case) -> list[str]:
    lines: list[str] = []

    def watch(happening: Happening) -> None:
        lines.append(line_of(happening))

    with as_found(case):
        run(case.plan, watch=watch)
    return lines
