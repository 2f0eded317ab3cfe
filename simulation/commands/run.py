"""`run`: many seeds, each with work, workers and faults of its own, until one breaks a promise."""

from __future__ import annotations

import argparse
import os
from contextlib import closing

from rich.console import Console

from simulation.backends.plans import BACKENDS
from simulation.bounds import failure_bound
from simulation.cases import Case
from simulation.commands.failure import DIRECTORY, write_smallest
from simulation.commands.replay import told
from simulation.commands.telling import Commands, say
from simulation.commands.values import count, duration
from simulation.commands.view import SwarmView, speed, tables
from simulation.draws import SWARM, PlanDraw
from simulation.many import Span, run_many
from simulation.source_hash import source_hash
from simulation.statuses import Status, of_invariant
from simulation.tally import Failure, Tally
from simulation.vacuity import what_is_missing

DEFAULT_TIME_S = 30.0
FAILURES_SHOWN_MAX = 5


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Tell its options."""
    parser = commands.add_parser("run", help=__doc__, description=__doc__)
    add_options(parser)
    return parser


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `run`, which is also what is done where no command is named."""
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
    parser.add_argument(
        "--policy", choices=["random", "pct"], help="how schedules are drawn (default: half of each)"
    )
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        default="model",
        help="what stands behind the queue: the model itself, or a production adapter (default: %(default)s)",
    )
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> Status:
    """Run seeds; stop at the first that fails."""
    seeds = arguments.seeds or Span()
    time_s = arguments.time
    if time_s is None and arguments.seeds is None:
        time_s = DEFAULT_TIME_S
    view = SwarmView(arguments.jobs)
    draw = PlanDraw(arguments.scenario, arguments.policy, arguments.backend)
    scenario = draw.told()
    tally = Tally()
    with closing(run_many(draw, seeds, jobs=arguments.jobs, time_s=time_s)) as tallies:
        for tally in view.follow(tallies):
            if tally.failures:
                break
    console = Console(soft_wrap=True)
    console.print(speed(tally, view.elapsed_s, arguments.jobs), *tables(tally), sep="\n", highlight=False)
    return _conclude(tally, draw, [] if scenario is None else what_is_missing(scenario, tally, draw.backend))


def _conclude(tally: Tally, draw: PlanDraw, missing: list[str]) -> Status:
    if tally.failures:
        failures = sorted(tally.failures, key=lambda failure: failure.seed)
        for failure in failures[:FAILURES_SHOWN_MAX]:
            say("", *told_failure(failure, draw))
        _shrink(failures[0], draw)
        return of_invariant(failures[0].violations[0].invariant)
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
    if missing:
        say("these runs have shown nothing:", *(f"  {reason}" for reason in missing))
        return Status.VACUOUS
    return Status.CLEAN


def told_failure(failure: Failure, draw: PlanDraw) -> list[str]:
    """What failed, and how to see it again."""
    behind = "" if draw.backend == "model" else f" --backend {draw.backend}"
    return [
        *(told(violation) for violation in failure.violations[:3]),
        f"seed {failure.seed} of {failure.scenario}, code {source_hash()}; to see it again:",
        f"    python -m simulation replay {_name(failure)}{behind} --break {failure.violations[0].invariant}",
    ]


def _shrink(failure: Failure, draw: PlanDraw) -> None:
    invariant = failure.violations[0].invariant
    write_smallest(Case(plan=draw(failure.seed), invariant=invariant), invariant, DIRECTORY)


def _name(failure: Failure) -> str:
    return str(failure.seed) if failure.scenario == SWARM else f"{failure.scenario}:{failure.seed}"


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
