"""`replay`: live through a seed once more, and tell everything that can be seen."""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from cloud_tasks.errors import ConfigurationError, Problem
from simulation.commands.plans import add_variants, as_found, case_of_text, varied
from simulation.commands.telling import Commands, say
from simulation.commands.values import duration
from simulation.happenings import Happening
from simulation.judges.panel import INVARIANTS
from simulation.plan import RunPlan
from simulation.plan_words import options_of
from simulation.report import page
from simulation.run import RunReport, run
from simulation.statuses import Status, of_invariant
from simulation.verdict import Violation
from simulation.wording import line_of

BEFORE = 40
"""How much is shown of what came before a violation."""


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Tell its options."""
    parser = commands.add_parser("replay", help=__doc__, description=__doc__)
    parser.add_argument(
        "case",
        type=case_of_text,
        metavar="SEED|FILE",
        help="such as 4711 or spot_storm:4711, or the file of a case",
    )
    parser.add_argument(
        "--until", type=duration, metavar="S", help="up to this moment of virtual time, such as 90 or 2m"
    )
    parser.add_argument(
        "--break",
        dest="invariant",
        choices=INVARIANTS,
        metavar="NAME",
        help=f"only the {BEFORE} lines before it is broken",
    )
    parser.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="write a page: what each worker, message and run went through",
    )
    add_variants(parser)
    parser.set_defaults(command=replay)
    return parser


def replay(arguments: argparse.Namespace) -> Status:
    """Tell what happens, line by line."""
    seen: list[str] = []
    history: list[Happening] = []
    moments: list[float] = []
    until_s = float("inf") if arguments.until is None else arguments.until

    def watch(happening: Happening) -> None:
        history.append(happening)
        if happening.at <= until_s:
            seen.append(line_of(happening))
            moments.append(happening.at)

    case = varied(arguments.case, arguments.backend, arguments.policy)
    plan = case.plan
    with as_found(case):
        report = run(plan, watch=watch, trace=True)
    if arguments.html is not None:
        _write(arguments.html, plan, history, report)
    wanted = [one for one in report.violations if arguments.invariant in (None, one.invariant)]
    if arguments.invariant is None:
        say(*seen)
    elif wanted:
        before = deque((line for line, at in zip(seen, moments, strict=True) if at <= wanted[0].at_s), BEFORE)
        say(*before)
    else:
        say(f"{arguments.invariant} is not broken here")
        wanted = [*report.violations]
    say(
        f"seed {plan.seed}: {report.attempts} attempts, {report.virtual_s:,.0f} virtual seconds, "
        f"{len(report.injected)} faults, trace {report.trace[:16]}"
    )
    if wanted:
        say(*told(wanted), *options_of(plan))
    return of_invariant(wanted[0].invariant) if wanted else Status.CLEAN


def _write(path: Path, plan: RunPlan, history: list[Happening], report: RunReport) -> None:
    title = f"Seed {plan.seed} of {plan.scenario}"
    text = page(history, report.violations, report.injected, title=title, quiet_s=plan.faults_s)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(Problem(f"cannot write {path}: {error.strerror}")) from None


def told(violations: Iterable[Violation]) -> Iterator[str]:
    """What each invariant demands, and below it how it was broken."""
    demanded: set[str] = set()
    for violation in violations:
        name = violation.invariant
        if name not in demanded:
            demanded.add(name)
            yield f"{name} demands: {INVARIANTS[name].says}."
        yield _broken(violation)


def _broken(violation: Violation) -> str:
    who = ", ".join(name for name in (violation.task_id, violation.worker) if name)
    whose = f" ({who})" if who else ""
    return f"{violation.invariant} broken at {violation.at_s:,.3f} s{whose}: {violation.what}"
