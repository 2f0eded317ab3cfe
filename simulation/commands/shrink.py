"""`shrink`: from a run that breaks a promise to the smallest that breaks the same."""

from __future__ import annotations

import argparse
from pathlib import Path

from simulation.commands.failure import DIRECTORY, write_smallest
from simulation.commands.plans import add_backend, as_found, behind, broken_by, case_of_text
from simulation.commands.telling import Commands
from simulation.shrinking import RUNS_MAX
from simulation.statuses import Status


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Tell its options."""
    parser = commands.add_parser("shrink", help=__doc__, description=__doc__)
    parser.add_argument("case", type=case_of_text, metavar="FILE|SEED", help="a case, or a seed that fails")
    parser.add_argument("--runs", type=int, default=RUNS_MAX, help="to spend at most (default: %(default)s)")
    parser.add_argument(
        "--directory",
        type=Path,
        default=DIRECTORY,
        help="for the case and its test (default: %(default)s)",
    )
    add_backend(parser)
    parser.set_defaults(command=shrink)
    return parser


def shrink(arguments: argparse.Namespace) -> Status:
    """Shrink, tell and write."""
    case = behind(arguments.case, arguments.backend)
    with as_found(case):
        write_smallest(case, broken_by(case), arguments.directory, runs_max=arguments.runs)
    return Status.CLEAN
