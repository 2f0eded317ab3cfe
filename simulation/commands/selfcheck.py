"""`selfcheck`: the same plan gives the same run, in other processes and under other seeds of hashes."""

from __future__ import annotations

import argparse
import secrets

from simulation.backends.plans import BACKENDS
from simulation.commands.telling import Commands, say
from simulation.commands.traces import BEGIN_S, ONE_S, output_under
from simulation.commands.values import count
from simulation.draws import SWARM
from simulation.statuses import Status

SEEDS = 20
HASH_SEEDS = ("0", "1", "4711")
"""And one more, which is drawn."""
_TRACES = (
    "from simulation.run import run; from simulation.draws import PlanDraw;"
    "seeds, backend = input().split(); draw = PlanDraw(backend=backend);"
    "print(*[run(draw(seed), trace=True).trace for seed in range(int(seeds))])"
)


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Tell its options."""
    parser = commands.add_parser("selfcheck", help=__doc__, description=__doc__)
    parser.add_argument("--seeds", type=count, default=SEEDS, help="how many plans (default: %(default)s)")
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
    backend, seeds = arguments.backend, arguments.seeds
    names = (*HASH_SEEDS, str(secrets.randbelow(2**32)))
    usual, *others = ((name, _traces(name, seeds, backend)) for name in names)
    for seed in range(seeds):
        for name, traces in others:
            if traces[seed] != usual[1][seed]:
                say(
                    f"seed {seed}: the trace under PYTHONHASHSEED={usual[0]} is {usual[1][seed][:16]}, "
                    f"and under {name} it is {traces[seed][:16]}; `python -m simulation diff {seed} {seed} "
                    f"--backend {backend} --hash-seeds {usual[0]},{name}` shows where they part"
                )
                return Status.NOT_DETERMINISTIC
    say(
        f"{seeds} plans ({SWARM}, backend {backend}), each in {len(names)} processes under "
        f"other values of PYTHONHASHSEED: the same {seeds} traces"
    )
    return Status.CLEAN


def _traces(hash_seed: str, seeds: int, backend: str) -> list[str]:
    heard, timeout_s = f"{seeds} {backend}", BEGIN_S + seeds * ONE_S
    return output_under(hash_seed, _TRACES, heard, timeout_s=timeout_s).split()
