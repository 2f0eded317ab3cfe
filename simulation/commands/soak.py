"""`soak`: seeds without end, whatever fails; goes on where it was interrupted."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from cloud_tasks.errors import ConfigurationError, Problem
from simulation.backends.plans import BACKENDS
from simulation.commands.at_work import LostError, at_work
from simulation.commands.failure import told_failure
from simulation.commands.plans import scenario_of
from simulation.commands.telling import Commands, complain, say, show
from simulation.commands.values import count, duration
from simulation.commands.view import SwarmView, speed, tables
from simulation.draws import SWARM, PlanDraw
from simulation.many import Span, run_block, run_spans
from simulation.soaking import Keeper, Soak, code_of, load_soak, sole_use
from simulation.statuses import Status, of_invariant
from simulation.tally import Failure, Tally
from simulation.vacuity import what_is_missing

DIRECTORY = Path("simulation-soak")
SAVED_EVERY_S = 2.0
FAILURES_SHOWN_MAX = 5


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Tell its options."""
    parser = commands.add_parser("soak", help=__doc__, description=__doc__)
    parser.add_argument("--resume", action="store_true", help="go on with what `--directory` holds")
    parser.add_argument(
        "--directory", type=Path, default=DIRECTORY, help="for what was done (default: %(default)s)"
    )
    parser.add_argument(
        "--time", type=duration, metavar="DURATION", help="for so long, such as 8h (default: until Ctrl-C)"
    )
    parser.add_argument(
        "--jobs", type=count, default=os.cpu_count() or 1, help="processes (default: one a core, %(default)s)"
    )
    parser.add_argument(
        "--scenario",
        default=SWARM,
        metavar="NAME|FILE",
        help="what plans are drawn from (default: any workload with any faults)",
    )
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        default="model",
        help="what stands behind the queue (default: %(default)s)",
    )
    parser.set_defaults(command=soak)
    return parser


def soak(arguments: argparse.Namespace) -> Status:
    """Run seeds until the time is over or somebody ends it, and keep what was done."""
    draw = PlanDraw(arguments.scenario, None, arguments.backend)
    scenario_of(draw)
    if arguments.resume:
        _found(arguments.directory)
    with sole_use(arguments.directory):
        return _soaked(draw, arguments)


def _soaked(draw: PlanDraw, arguments: argparse.Namespace) -> Status:
    keeper = Keeper(arguments.directory, complain)
    state = _begun(draw, arguments, keeper)
    earlier_s, view = state.elapsed_s, SwarmView(arguments.jobs)
    end = Status.INTERRUPTED
    try:
        with (
            at_work(),
            closing(_followed(state, view, keeper, arguments)) as tallies,
            closing(view.follow(tallies)) as sums,
        ):
            for _ in sums:
                state.elapsed_s = earlier_s + view.elapsed_s
        end = Status.CLEAN
    except KeyboardInterrupt:
        pass
    except LostError as error:
        complain(error.problems)
        end = Status.USAGE
    saved = keeper.save(state)
    tally = state.tally
    show(speed(tally, state.elapsed_s, arguments.jobs), *tables(tally))
    where = f"`{arguments.directory}`"
    say(f"`--resume` goes on; what was done is in {where}" if saved else f"this could not be kept in {where}")
    return _status(state, end if saved else Status.USAGE, saved=saved)


def _status(state: Soak, end: Status, *, saved: bool) -> Status:
    """What was found comes first; failures that are kept nowhere are told once more."""
    failures = sorted(state.tally.failures, key=lambda failure: failure.seed)
    if not saved:
        for failure in failures[:FAILURES_SHOWN_MAX]:
            say("", *told_failure(failure, state.draw))
    if failures:
        return of_invariant(failures[0].violations[0].invariant)
    return end if end is not Status.CLEAN else _shown(state.tally, state.draw)


def _shown(tally: Tally, draw: PlanDraw) -> Status:
    """Whether clean runs say anything."""
    missing = what_is_missing(draw.told(), tally, draw.backend)
    if not tally.total:
        missing = ["no seed was run"]
    if missing:
        say("these runs have shown nothing:", *(f"  {reason}" for reason in missing))
    return Status.VACUOUS if missing else Status.CLEAN


def _followed(
    state: Soak, view: SwarmView, keeper: Keeper, arguments: argparse.Namespace
) -> Generator[Tally, None, None]:
    """Run what is left; save now and then, and tell failures as they come, which are saved before."""
    saved_at = view.elapsed_s
    with closing(run_spans(state.draw, state.left(), jobs=arguments.jobs, time_s=arguments.time)) as blocks:
        for span, tally in blocks:
            state.add(span, tally)
            if tally.failures or view.elapsed_s - saved_at >= SAVED_EVERY_S:
                saved_at = view.elapsed_s
                keeper.save(state)
            for failure in tally.failures:
                say(*told_failure(failure, state.draw))
            yield tally


def _found(directory: Path) -> Soak:
    """What there is to go on with.

    Raises:
        ConfigurationError: There is nothing.
    """
    found = load_soak(directory)
    if found is None:
        told = f"there is no soak in `{directory}`"
        raise ConfigurationError(Problem(told, helps=("leave `--resume` out",)))
    return found


def _begun(draw: PlanDraw, arguments: argparse.Namespace, keeper: Keeper) -> Soak:
    """What there is to go on with, or a new one.

    Raises:
        ConfigurationError: There is something and it is not wanted, or nothing and something is.
    """
    where = f"`{arguments.directory}`"
    fresh = Soak(code_of(draw), draw)
    if not arguments.resume:
        found = load_soak(arguments.directory)
        if found is not None:
            helps = ("`--resume` to go on with it", "another `--directory`, or remove this one")
            told = f"{where} holds a soak of {found.tally.total:,} seeds"
            raise ConfigurationError(Problem(told, helps=helps))
        return fresh
    found = _found(arguments.directory)
    if found.draw != fresh.draw:
        told = f"the soak in {where} is of {found.draw.scenario} on {found.draw.backend}"
        raise ConfigurationError(Problem(told, helps=("the same `--scenario` and `--backend`",)))
    if found.code != fresh.code:
        say(
            f"the code or the scenario is another ({fresh.code}) than that of the {found.tally.total:,} "
            f"seeds in {where} ({found.code}), which say nothing of it: all begins anew, with the seeds "
            "that failed"
        )
        _first_those_that_failed(fresh, found.tally.failures)
        keeper.save(fresh)
    return fresh if found.code != fresh.code else found


def _first_those_that_failed(state: Soak, failures: list[Failure]) -> None:
    """Run the seeds that failed in other code, at once."""
    for failure in failures:
        span = Span(failure.seed, failure.seed + 1)
        tally, _ = run_block(state.draw, span, time.monotonic() + 1.0)
        state.add(span, tally)
        for again in tally.failures:
            say(*told_failure(again, state.draw))
