"""`real`: worker processes in real time, put through kills, full disks and lost machines, and judged."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from cloud_tasks.core.task import Task
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.task_file import open_task_file
from simulation.commands.telling import Commands, say, show
from simulation.commands.values import count, lasting
from simulation.judges.panel import INVARIANTS
from simulation.real.evidence import SETTINGS, EvidenceError
from simulation.real.judging import Judgement, judge
from simulation.real.rehearsal import STRUCK, Rehearsal
from simulation.real.settings import RealSettings, check_judged, worker_variables
from simulation.real.telling import tables, told, without_effect
from simulation.real.torments import read_struck
from simulation.statuses import Status, of_invariant

DEFAULT_TIME_S = 30.0
DEFAULT_WORKERS = 3
SEEDS = 1_000_000
SHOWN_MAX = 8


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Tell its options."""
    parser = commands.add_parser("real", help=__doc__, description=__doc__)
    parser.add_argument(
        "--worker",
        metavar="FILE",
        help="your program, which makes a Worker and runs it (default: one of ours)",
    )
    parser.add_argument("--task-file", metavar="FILE", help="its tasks")
    parser.add_argument(
        "--time",
        type=lasting,
        default=DEFAULT_TIME_S,
        metavar="DURATION",
        help=f"for how long things go wrong, such as 2m (default: {DEFAULT_TIME_S:g}s)",
    )
    parser.add_argument("--seed", type=int, help="of tasks and faults (default: drawn, and told)")
    parser.add_argument(
        "--workers", type=count, default=DEFAULT_WORKERS, help="at a time (default: %(default)s)"
    )
    parser.add_argument("--keep", action="store_true", help="keep records and logs also of a clean run")
    parser.add_argument(
        "--again", type=Path, metavar="DIRECTORY", help="judge what an earlier run has kept, and run nothing"
    )
    parser.set_defaults(command=real)
    return parser


def real(arguments: argparse.Namespace) -> Status:
    """Rehearse and judge, or judge again."""
    if arguments.again is not None:
        if not (arguments.again / SETTINGS).is_file():
            raise ConfigurationError(Problem(f"`{arguments.again}` is no directory that `real` has kept"))
        return _conclude(arguments.again, judge(arguments.again))
    settings, tasks = _settings(arguments, os.environ)
    directory = Path(tempfile.mkdtemp(prefix="cloud-tasks-real-"))
    keep = arguments.keep
    try:
        status = _rehearse(settings, tasks, directory)
        keep = keep or status is not Status.CLEAN
    except EvidenceError:
        keep = True
        raise
    except (KeyboardInterrupt, ConfigurationError):
        raise  # there is nothing to look at
    except BaseException:
        keep = True
        raise
    finally:
        if keep:
            say(f"records and logs are in {directory}")
        else:
            shutil.rmtree(directory)
    return status


def _rehearse(settings: RealSettings, tasks: Iterable[Task] | None, directory: Path) -> Status:
    (directory / SETTINGS).write_bytes(msgspec.json.encode(settings))
    say(f"seed {settings.seed}: {settings.workers} workers, faults for {settings.time_s:g} s, in {directory}")
    with _ended_by_sigterm():
        torments = Rehearsal(settings, directory, tasks, say).run()
    judgement = judge(directory)
    struck = read_struck(directory / STRUCK)
    show(*tables(torments, struck, judgement, settings))
    if never := without_effect(torments, judgement):
        say(f"never had an effect here: {', '.join(never)}")
    return _conclude(directory, judgement)


def _conclude(directory: Path, judgement: Judgement) -> Status:
    say(*told(judgement))
    for disagreement in judgement.disagreements[:SHOWN_MAX]:
        say(f"virtual and real disagree at {disagreement.at:.3f} s:")
        say(f"  {disagreement.operation}: {disagreement.what}")
    shown = judgement.violations[:SHOWN_MAX]
    for name in dict.fromkeys(violation.invariant for violation in shown):
        say(f"{name} demands: {INVARIANTS[name].says}.")
    for violation in shown:
        whose = " ".join(filter(None, (violation.worker, violation.task_id)))
        say(f"{violation.invariant} is broken at {violation.at_s:.3f} s: {whose}: {violation.what}")
    status = _status(judgement)
    if status is not Status.CLEAN:
        say(f"status {int(status)}; to judge it again: python -m simulation real --again {directory}")
    return status


def _status(judgement: Judgement) -> Status:
    """What the model did not understand comes first: the judges go by it."""
    if judgement.disagreements:
        return Status.DISAGREED
    if judgement.violations:
        broken = sorted(judgement.violations, key=lambda violation: violation.invariant.startswith("L"))
        return of_invariant(broken[0].invariant)
    return Status.CLEAN if judgement.deliveries else Status.VACUOUS


def _settings(
    arguments: argparse.Namespace, environ: Mapping[str, str]
) -> tuple[RealSettings, Iterable[Task] | None]:
    if not sys.platform.startswith("linux"):
        raise ConfigurationError(Problem("`real` finds processes by /proc, which only Linux has"))
    problems = []
    if (arguments.worker is None) != (arguments.task_file is None):
        problems.append(Problem("--worker and --task-file belong together: a program and its tasks"))
    if arguments.worker is not None and not Path(arguments.worker).is_file():
        problems.append(Problem(f"--worker: there is no file `{arguments.worker}`"))
    if problems:
        raise ConfigurationError(*problems)
    tasks = None if arguments.task_file is None else open_task_file(arguments.task_file)
    ours = arguments.worker is None
    settings = RealSettings(
        seed=random.SystemRandom().randrange(SEEDS) if arguments.seed is None else arguments.seed,
        time_s=float(arguments.time),
        workers=arguments.workers,
        worker_file="" if ours else str(Path(arguments.worker).resolve()),
        variables=worker_variables(environ, ours=ours),
    )
    check_judged(settings.variables)
    return settings, tasks


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does: nothing is left behind."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
