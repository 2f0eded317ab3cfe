"""`supervised`: processes with a worker for each of several queues; workers fail, processes are killed."""

from __future__ import annotations

import argparse
import logging

from simulation.commands.replay import told
from simulation.commands.run import span
from simulation.commands.telling import Commands, say
from simulation.many import Span
from simulation.statuses import Status, of_invariant
from simulation.supervised import SupervisedRun, draw_supervised

SEEDS = 50


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Tell its options."""
    parser = commands.add_parser("supervised", help=__doc__, description=__doc__)
    parser.add_argument(
        "--seeds",
        type=span,
        default=Span(0, SEEDS),
        metavar="A:B",
        help=f"from A up to B, B left out (default: 0:{SEEDS})",
    )
    parser.set_defaults(command=supervised)
    return parser


def supervised(arguments: argparse.Namespace) -> Status:
    """Run seeds; stop at the first that fails."""
    logging.getLogger("cloud_tasks").addHandler(logging.NullHandler())
    seeds: Span = arguments.seeds
    last = seeds.first + SEEDS if seeds.last is None else seeds.last
    attempts = restarts = crashes = notices = strikes = 0
    for seed in range(seeds.first, last):
        report = SupervisedRun(draw_supervised(seed)).run()
        if report.violations:
            say(*told(report.violations[:3]), f"seed {seed}")
            return of_invariant(report.violations[0].invariant)
        attempts += report.attempts
        restarts += report.restarts
        crashes += report.crashes
        notices += report.notices
        strikes += report.strikes
    say(
        f"{last - seeds.first} clean runs: {attempts:,} runs of tasks, {restarts:,} workers put together "
        f"again, {crashes:,} processes killed, {notices:,} machines gone after a notice, {strikes:,} outages "
        "and the like"
    )
    return Status.CLEAN
