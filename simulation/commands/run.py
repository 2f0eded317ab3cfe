"""`run`: many seeds, each with work, workers and faults of its own, until one breaks a promise."""

from __future__ import annotations

import argparse
import os
from contextlib import closing, suppress

from simulation.backends.plans import BACKENDS
from simulation.bounds import failure_bound
from simulation.commands.at_work import at_work
from simulation.commands.failure import concluded, told_failure
from simulation.commands.plans import POLICIES, scenario_of
from simulation.commands.telling import Commands, say, show
from simulation.commands.values import count, duration
from simulation.commands.view import SwarmView, speed, tables
from simulation.draws import SWARM, PlanDraw
from simulation.many import Span, run_many
from simulation.statuses import Status
from simulation.tally import Tally
from simulation.vacuity import never_struck, what_is_missing

DEFAULT_TIME_S = 30.0
FAILURES_SHOWN_MAX = 5


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Tell its options."""
    parser = commands.add_parser("run", help=__doc__, description=__doc__)
    parser.add_argument(
        "--seeds", type=span, metavar="A:B", help="from A up to B, B left out; without --time: all of them"
    )
    parser.add_argument(
        "--time",
        type=duration,
        metavar="DURATION",
        help=f"for so long, such as 5m (default: {DEFAULT_TIME_S:g}s, unless --seeds are given)",
    )
    parser.add_argument(
        "--jobs",
        type=count,
        default=os.cpu_count() or 1,
        help="processes (default: one a core, %(default)s)",
    )
    parser.add_argument(
        "--scenario",
        default=SWARM,
        metavar="NAME|FILE",
        help="what plans are drawn from; `scenarios` lists names (default: any workload with any faults)",
    )
    parser.add_argument("--policy", choices=POLICIES, help="how schedules are drawn (default: half of each)")
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        default="model",
        help="what stands behind the queue: the model itself, or a production adapter (default: %(default)s)",
    )
    parser.set_defaults(command=run)
    return parser


def run(arguments: argparse.Namespace) -> Status:
    """Run seeds; stop at the first that fails."""
    seeds = arguments.seeds or Span()
    time_s = arguments.time
    if time_s is None and arguments.seeds is None:
        time_s = DEFAULT_TIME_S
    view = SwarmView(arguments.jobs)
    draw = PlanDraw(arguments.scenario, arguments.policy, arguments.backend)
    scenario = scenario_of(draw)
    tally = Tally()
    interrupted = True
    with suppress(KeyboardInterrupt):
        with (
            at_work(),
            closing(run_many(draw, seeds, jobs=arguments.jobs, time_s=time_s)) as tallies,
            closing(view.follow(tallies)) as sums,
        ):
            for tally in sums:
                if tally.failures:
                    break
        interrupted = False
    show(speed(tally, view.elapsed_s, arguments.jobs), *tables(tally))
    if interrupted and not tally.failures:
        return Status.INTERRUPTED
    return _conclude(tally, draw, what_is_missing(scenario, tally, draw.backend))


def _conclude(tally: Tally, draw: PlanDraw, missing: list[str]) -> Status:
    if tally.failures:
        failures = sorted(tally.failures, key=lambda failure: failure.seed)
        for failure in failures[:FAILURES_SHOWN_MAX]:
            say("", *told_failure(failure, draw))
        return concluded(failures[0], draw)
    if not tally.total:
        say("no seed was run")
        return Status.VACUOUS
    never = sorted(name for name in tally.injected if not tally.effective[name])
    where = "" if draw.backend == "model" else f" on {draw.backend}"
    for scenario, runs in sorted(tally.runs.items()):
        say(
            f"{scenario}{where}: {runs:,} clean runs; with 95 % confidence fewer than one run in "
            f"{1 / failure_bound(runs):,.0f} fails"
        )
    if never:
        say(f"without effect in all of these runs: {', '.join(never)}")
    if draw.scenario == SWARM and (unstruck := never_struck(tally, draw.backend)):
        told = (f"{name} ({plans:,})" for name, plans in unstruck.items())
        say(f"never struck, though on in so many of these plans: {', '.join(told)}")
    if missing:
        say("these runs have shown nothing:", *(f"  {reason}" for reason in missing))
        return Status.VACUOUS
    return Status.CLEAN


def span(text: str) -> Span:
    """Some seeds, as they are typed."""
    first, colon, last = text.partition(":")
    try:
        span = Span(int(first or 0), int(last)) if colon else Span(int(first), int(first) + 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected A:B such as 0:1000, got {text!r}") from None
    if span.last is not None and not 0 <= span.first < span.last:
        raise argparse.ArgumentTypeError(f"expected A:B with 0 <= A < B, got {text!r}")
    return span
