"""`selfcheck`: the same plan gives the same run, in other processes and under other seeds of hashes."""

from __future__ import annotations

import argparse
import secrets
from pathlib import Path

from cloud_tasks.errors import ConfigurationError, Problem
from simulation.backends.plans import BACKENDS
from simulation.commands.telling import Commands, say
from simulation.commands.traces import BEGIN_S, ONE_S, output_under
from simulation.commands.values import count
from simulation.draws import SWARM
from simulation.source_hash import source_hash
from simulation.statuses import Status

SEEDS = 20
HASH_SEEDS = ("0", "1", "4711")
"""And one more, which is drawn."""
_BUILT = (
    "import sys; from importlib.machinery import EXTENSION_SUFFIXES; import simulation.run;"
    "from simulation.source_hash import source_hash;"
    "own = [module for name, module in sys.modules.items() if name.split('.')[0] in ('fakes', 'simulation')];"
    "files = [module.__file__ or '' for module in own];"
    "print(source_hash(), sum(file.endswith(tuple(EXTENSION_SUFFIXES)) for file in files))"
)
_TRACES = (
    "from simulation.run import run; from simulation.draws import PlanDraw;"
    "seeds, backend, last_first = input().split(); draw = PlanDraw(backend=backend);"
    "order = range(int(seeds))[::-1 if last_first == 'True' else 1];"
    "traces = {seed: run(draw(seed), trace=True).trace for seed in order};"
    "print(*[traces[seed] for seed in sorted(traces)])"
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
    parser.add_argument(
        "--built",
        type=Path,
        metavar="DIR",
        help="compare what was built of the same sources, too, such as `make compiled` puts into .compiled",
    )
    parser.set_defaults(command=selfcheck)
    return parser


def selfcheck(arguments: argparse.Namespace) -> Status:
    """Compare the traces of several processes."""
    backend, seeds, built = arguments.backend, arguments.seeds, arguments.built
    also = "" if built is None else f", and in one with what was built in {built} ({_compiled(built)})"
    names = (*HASH_SEEDS, str(secrets.randbelow(2**32)))
    # Nor must it matter what ran before a seed in its process, which moves objects in memory.
    usual, *others = (
        (name, _traces(name, seeds, backend, last_first=bool(number % 2)))
        for number, name in enumerate(names)
    )
    for seed in range(seeds):
        for name, traces in others:
            if traces[seed] != usual[1][seed]:
                say(
                    f"seed {seed}: the trace under PYTHONHASHSEED={usual[0]} is {usual[1][seed][:16]}, "
                    f"and under {name} it is {traces[seed][:16]}; `python -m simulation diff {seed} {seed} "
                    f"--backend {backend} --hash-seeds {usual[0]},{name}` shows where they part"
                )
                return Status.NOT_DETERMINISTIC
    if built is not None:
        for seed, (ours, theirs) in enumerate(
            zip(usual[1], _traces(usual[0], seeds, backend, built=built), strict=True)
        ):
            if ours != theirs:
                say(
                    f"seed {seed}: the trace of the sources is {ours[:16]}, "
                    f"and that of what was built in {built} is {theirs[:16]}"
                )
                return Status.NOT_DETERMINISTIC
    say(
        f"{seeds} plans ({SWARM}, backend {backend}), each in {len(names)} processes under other values of "
        f"PYTHONHASHSEED, in one order and the other{also}: the same {seeds} traces"
    )
    return Status.CLEAN


def _compiled(built: Path) -> str:
    """How much of what was built is compiled.

    Raises:
        ConfigurationError: Nothing is there, or it was built of other sources.
    """
    if not (built / "simulation" / "__init__.py").is_file():
        raise ConfigurationError(
            Problem(f"{built}: no package `simulation` there; `make compiled` builds it")
        )
    sources, modules = output_under(HASH_SEEDS[0], _BUILT, "", timeout_s=BEGIN_S, built=built).split()
    if sources != source_hash():
        raise ConfigurationError(Problem(f"{built}: built of other sources than those here; build it anew"))
    return f"{modules} compiled modules"


def _traces(
    hash_seed: str, seeds: int, backend: str, *, last_first: bool = False, built: Path | None = None
) -> list[str]:
    heard, timeout_s = f"{seeds} {backend} {last_first}", BEGIN_S + seeds * ONE_S
    return output_under(hash_seed, _TRACES, heard, timeout_s=timeout_s, built=built).split()
