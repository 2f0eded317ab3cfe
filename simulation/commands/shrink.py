"""`shrink`: from a run that breaks a promise to the smallest that breaks the same."""

from __future__ import annotations

import argparse
from pathlib import Path

from simulation.commands.failure import DIRECTORY, write_smallest
from simulation.commands.plans import add_variants, as_found, broken_by, case_of_text, varied
from simulation.commands.telling import Commands
from simulation.commands.values import count
from simulation.shrinking import RUNS_MAX
from simulation.statuses import Status


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Tell its options."""
    parser = commands.add_parser("shrink", help=__doc__, description=__doc__)
    parser.add_argument("case", type=case_of_text, metavar="FILE|SEED", help="a case, or a seed that fails")
    parser.add_argument(
        "--runs", type=count, default=RUNS_MAX, help="to spend at most (default: %(default)s)"
    )
    parser.add_argument(
        "--directory",
        type=Path,
        default=DIRECTORY,
        help="for the case and its test (default: %(default)s)",
    )
    add_variants(parser)
    parser.set_defaults(command=shrink)
    return parser


def shrink(arguments: argparse.Namespace) -> Status:
    """Shrink, tell and write."""
    case = varied(arguments.case, arguments.backend, arguments.policy)
    with as_found(case):
        write_smallest(
            case, broken_by(case), arguments.directory, policy=arguments.policy, runs_max=arguments.runs
        )
    return Status.CLEAN
