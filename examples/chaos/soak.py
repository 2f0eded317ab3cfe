"""Run the chaos example again and again while its processes are killed at random, and count what goes wrong.

    python examples/chaos/soak.py --runs 20
    python examples/chaos/soak.py --runs 20 --kill-worker

After each run: the worker ended by itself in time, each task was accounted for exactly once, and no process
is left. With --kill-worker it is the worker itself that is killed, and a second later no process may be left.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from soak_run import Outcome, Run

_DETAILS_MAX = 6
_COLUMNS = ("seed", "seconds", "kills", "not once", "unexpected", "given up", "left", "gone")
_WIDTH = 12


def options() -> argparse.ArgumentParser:
    """The options of this program."""
    parser = argparse.ArgumentParser(description="Run the chaos example while its processes are killed.")
    parser.add_argument("--runs", type=int, default=20, help="how many runs (default 20)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first run; the next has the next")
    parser.add_argument("--tasks", type=int, default=40, help="tasks in each run (default 40)")
    parser.add_argument("--kinds", default="all", help="kinds and groups to draw from")
    parser.add_argument("--max-runtime", type=float, default=2.0, help="seconds that a task has (default 2)")
    parser.add_argument("--kill-every", type=float, default=0.4, help="mean seconds between two kills")
    parser.add_argument("--kill-worker", action="store_true", help="kill the worker, once, and nothing else")
    parser.add_argument("--strict", action="store_true", help="unexpected events are trouble too")
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds that a run has (default 60)")
    parser.add_argument("--gone-within", type=float, default=1.0, help="seconds until nothing is left")
    return parser


def main(arguments: list[str]) -> int:
    """Make all runs, print the table, and return 0 if nothing went wrong."""
    chosen = options().parse_args(arguments)
    directory = Path(tempfile.mkdtemp(prefix="chaos-soak-"))
    print(*(f"{name:>{_WIDTH}}" for name in _COLUMNS), sep="")
    bad = 0
    for seed in range(chosen.seed, chosen.seed + chosen.runs):
        outcome = Run(chosen, seed, directory).go()
        bad += bool(outcome.trouble)
        _print_row(seed, outcome)
    print(f"{chosen.runs} runs, {bad} of them with trouble")
    if not bad:
        shutil.rmtree(directory)
    return 1 if bad else 0


def _print_row(seed: int, outcome: Outcome) -> None:
    cells = (
        *(str(seed), f"{outcome.seconds:.2f}", str(outcome.kills), str(outcome.not_once)),
        *(str(outcome.unexpected), str(outcome.given_up), str(outcome.left)),
        f"{outcome.gone_after_s * 1000:.0f} ms",
    )
    print(*(f"{cell:>{_WIDTH}}" for cell in cells), f"  {outcome.trouble}", sep="", flush=True)
    if outcome.trouble or outcome.unexpected:
        _print_details(outcome.details)


def _print_details(details: list[str]) -> None:
    for line in details[:_DETAILS_MAX]:
        print(f"         {line}")
    if len(details) > _DETAILS_MAX:
        print(f"         ... and {len(details) - _DETAILS_MAX} more")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
