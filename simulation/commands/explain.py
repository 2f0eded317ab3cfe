"""`explain`: when a failure was decided, found by drawing the rest of the run anew from many moments on."""

from __future__ import annotations

import argparse

from simulation.commands.plans import add_variants, as_found, broken_by, case_of_text, varied
from simulation.commands.telling import Commands, say
from simulation.commands.values import count
from simulation.explain import REDRAWS
from simulation.explain import explain as explained
from simulation.statuses import Status

_BAR = 40


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Tell its options."""
    parser = commands.add_parser("explain", help=__doc__, description=__doc__)
    parser.add_argument("case", type=case_of_text, metavar="FILE|SEED", help="a case, or a seed that fails")
    parser.add_argument(
        "--redraws", type=count, default=REDRAWS, help="at each moment (default: %(default)s)"
    )
    add_variants(parser)
    parser.set_defaults(command=explain)
    return parser


def explain(arguments: argparse.Namespace) -> Status:
    """Tell the share of redraws that fail, by time, and where it rises most."""
    case = varied(arguments.case, arguments.backend, arguments.policy)
    with as_found(case):
        explanation = explained(case.plan, broken_by(case), redraws=arguments.redraws)
    for point in explanation.points:
        say(f"{point.at_s:12.3f} s  {point.share:4.0%}  {'#' * round(point.share * _BAR)}")
    say("", explanation.summary, *(("", *explanation.around) if explanation.around else ()))
    return Status.CLEAN
