"""`coverage`: which situations and faults some seeds of everything reach, and which they never do."""

from __future__ import annotations

import argparse
import os

from simulation.commands.at_work import at_work
from simulation.commands.failure import concluded, told_failure
from simulation.commands.telling import Commands, say, show
from simulation.commands.values import count
from simulation.commands.view import SwarmView, speed, tables
from simulation.draws import SWARM, PlanDraw
from simulation.faults import FaultClass
from simulation.many import Span, run_many
from simulation.rows import ROWS
from simulation.scenario_file import scenario_names
from simulation.sometimes import POINTS
from simulation.statuses import Status
from simulation.tally import Tally

SEEDS = 50


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Tell its options."""
    parser = commands.add_parser("coverage", help=__doc__, description=__doc__)
    parser.add_argument(
        "--seeds", type=count, default=SEEDS, help="of the swarm and of each scenario (default: %(default)s)"
    )
    parser.add_argument("--jobs", type=count, default=os.cpu_count() or 1, help="processes")
    parser.set_defaults(command=coverage)
    return parser


def coverage(arguments: argparse.Namespace) -> Status:
    """Run some seeds of everything, and tell what they came through."""
    view = SwarmView(arguments.jobs)
    tally = Tally()
    for name in (SWARM, *scenario_names()):
        with at_work():
            for part in run_many(
                PlanDraw(name), Span(0, arguments.seeds), jobs=arguments.jobs, time_s=None, watch_rows=True
            ):
                tally.add(part)
    show(speed(tally, view.elapsed_s, arguments.jobs), *tables(tally))
    return conclude(tally)


def conclude(tally: Tally) -> Status:
    """Tell what was never reached, and of the lowest seed that failed how to see that again."""
    never = [name for name in POINTS if not tally.sometimes[name]]
    faultless = [kind.value for kind in FaultClass if not tally.effective[kind.value]]
    say(f"situations never reached: {', '.join(never) or 'none'}")
    rows = [name for name in ROWS if not tally.rows[name]]
    say(f"rows of the attempt's table that fired: {len(ROWS) - len(rows)} of {len(ROWS)}")
    say(f"rows that never fired: {'; '.join(rows) or 'none'}")
    say(f"faults that never made a difference: {', '.join(faultless) or 'none'}")
    if tally.failures:
        failure = min(tally.failures, key=lambda failure: failure.seed)
        draw = PlanDraw(failure.scenario)
        say("", *told_failure(failure, draw))
        return concluded(failure, draw)
    if never or faultless:
        say(
            f"status {int(Status.VACUOUS)}: of {len(never) + len(faultless)} situations and faults these "
            "runs have shown nothing; more `--seeds` reach more"
        )
        return Status.VACUOUS
    return Status.CLEAN
