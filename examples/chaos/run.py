"""Run tasks that crash, hang, leak, lie and leave processes behind, then audit what the worker says of them.

    python examples/chaos/run.py [--tasks N] [--seed S] [--kinds LIST] [--each]

All options of the worker work as well. The exit status is 0 if each task was accounted for exactly once and
in the way that it had to be, however it ended.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from audit import Audit, audit
from chaos_tasks import UnknownKindError, choose, draw, each, misbehave
from cloud_tasks.worker import Worker

_OWN_LOG = Path(__file__).resolve().parent / "output" / "events.jsonl"
_SOME_TASKS_FAILED = 1
_BAD_USAGE = 2


def own_options(*, add_help: bool = True) -> argparse.ArgumentParser:
    """The options of this program; the worker adds its own to them."""
    parser = argparse.ArgumentParser(
        description="Run misbehaving tasks and audit the events.", add_help=add_help, allow_abbrev=False
    )
    parser.add_argument("--tasks", type=int, default=40, help="how many tasks to draw (default 40)")
    parser.add_argument("--seed", type=int, default=1, help="draws the same tasks again (default 1)")
    parser.add_argument("--kinds", default="all", help="kinds and groups to draw from, separated by commas")
    parser.add_argument("--each", action="store_true", help="one task of each kind, in place of a draw")
    return parser


def make_tasks(own: argparse.Namespace) -> list[dict[str, Any]]:
    """The tasks that the options ask for."""
    kinds = choose(own.kinds.split(","))
    return each(own.seed, kinds) if own.each else draw(own.tasks, own.seed, kinds)


def print_audit(found: Audit) -> None:
    """Say what is wrong, or that nothing is."""
    for verdict in found.complaints:
        print(f"  {verdict.task_id}: {verdict.complaint}  [{', '.join(verdict.events) or 'no event'}]")
    for task_id in found.strangers:
        print(f"  {task_id}: nobody asked for this task")
    once = len(found.verdicts) - len(found.not_once)
    as_expected = len(found.verdicts) - len(found.complaints)
    print(
        f"Audit: {len(found.verdicts)} tasks, {once} accounted for exactly once, {as_expected} as expected."
    )


def main(arguments: list[str]) -> int:
    """Run the tasks, and return the exit status."""
    own, _ = own_options(add_help=False).parse_known_args(arguments)
    try:
        tasks = make_tasks(own)
    except UnknownKindError as error:
        print(f"error: {error}", file=sys.stderr)
        return _BAD_USAGE
    _OWN_LOG.parent.mkdir(exist_ok=True)
    _OWN_LOG.unlink(missing_ok=True)
    defaults = [
        *("--event-log-to-file", "--event-log-file", str(_OWN_LOG), "--num-simultaneous-tasks", "4"),
        *("--max-runtime", "2", "--max-memory-allowed-per-task", "0.25"),
    ]
    worker = Worker(
        misbehave,
        task_source=lambda: iter(tasks),
        args=[*defaults, *arguments],
        argparser=own_options(),
    )
    status = worker.run()
    # Tasks made stdout non-blocking, which is the same open file here and there.
    os.set_blocking(1, True)
    if status not in {0, _SOME_TASKS_FAILED}:
        return status
    found = audit(Path(worker.worker_data.event_log_file or _OWN_LOG), tasks)
    print_audit(found)
    return 0 if found.all_as_expected else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
