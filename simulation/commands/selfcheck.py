"""`selfcheck`: the same plan gives the same run, in other processes and under other seeds of hashes."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from simulation.backends.plans import BACKENDS
from simulation.commands.telling import Commands, say
from simulation.draws import SWARM
from simulation.statuses import Status

SEEDS = 20
HASH_SEEDS = ("0", "1", "4711", "random")
TIMEOUT_S = 600.0
_TRACES = (
    "from simulation.run import run; from simulation.draws import PlanDraw; import sys;"
    "draw = PlanDraw(backend=sys.argv[2]);"
    "print(*[run(draw(seed), trace=True).trace for seed in range(int(sys.argv[1]))])"
)


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Tell its options."""
    parser = commands.add_parser("selfcheck", help=__doc__, description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many plans (default: %(default)s)")
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        default="model",
        help="what stands behind the queue (default: %(default)s)",
    )
    parser.set_defaults(command=selfcheck)
    return parser


def selfcheck(arguments: argparse.Namespace) -> Status:
    """Compare the traces of several processes."""
    backend = arguments.backend
    traces = {name: _traces(name, arguments.seeds, backend) for name in HASH_SEEDS}
    first = traces[HASH_SEEDS[0]]
    for seed in range(arguments.seeds):
        differing = [name for name in HASH_SEEDS if traces[name][seed] != first[seed]]
        if differing:
            say(
                f"seed {seed}: the trace under PYTHONHASHSEED={HASH_SEEDS[0]} is {first[seed][:16]}, "
                f"and under {differing[0]} it is {traces[differing[0]][seed][:16]}; "
                f"`python -m simulation diff {seed} {seed} --backend {backend}` shows where they part"
            )
            return Status.NOT_DETERMINISTIC
    say(
        f"{arguments.seeds} plans ({SWARM}, backend {backend}), each in {len(HASH_SEEDS)} processes under "
        f"other values of PYTHONHASHSEED: the same {arguments.seeds} traces"
    )
    return Status.CLEAN


def _traces(hash_seed: str, seeds: int, backend: str) -> list[str]:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", _TRACES, str(seeds), backend],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=TIMEOUT_S,
    )
    return done.stdout.split()
