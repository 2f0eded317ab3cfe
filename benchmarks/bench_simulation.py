"""The simulation beside the stock event loop, and beside itself with more processes; compiled, if it is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measuring import ROOT, Finding, at_least, at_most, figure, missing, python
from simulation.source_hash import source_hash

COMPILED = ROOT / ".compiled"
FLEET = Path(__file__).with_name("fleet.yaml")
FLEET_S_MAX = 300.0
FLEET_GIB_MAX = 4.0
_DAY_S = 86_400
_AS_IT_IS = "as it is"


def simulation(_scratch: Path) -> Iterator[Finding]:
    """Attempts through the real worker, with every judge on, beside bare awaits."""
    fastest = _fastest()
    yield from _attempts(_AS_IT_IS, is_fastest=fastest == _AS_IT_IS)
    if fastest == _AS_IT_IS:
        yield missing("attempts, compiled", "it is not, or not these sources: `make compiled`")
    else:
        yield from _attempts(fastest, is_fastest=True)


def _attempts(how: str, *, is_fastest: bool) -> Iterator[Finding]:
    """Figures; they are held against the bounds where nothing faster is there."""
    rates = _told("benchmarks.programs.attempts", how)
    kinds = {"one by one": "that end one by one", "of one length": "of one length"}
    for load, kind in kinds.items():
        name = f"attempts of tasks {kind}, a second and core, {how}"
        beside = {loop: rates[load] / rates[loop] for loop in ("select", "default", "never looks")}
        detail = (
            f"that loop {rates['select']:,.0f}/s, ours {rates['ours']:,.0f}/s; "
            f"beside asyncio's default selector {beside['default']:.3f} ({rates['default']:,.0f}/s), "
            f"beside one that never looks at the loop's socket {beside['never looks']:.3f} "
            f"({rates['never looks']:,.0f}/s)"
        )
        ratio = f"the same / six awaits, asyncio's loop on select, {how}"
        if is_fastest:
            yield at_least(name, rates[load], 10_000, "/s")
            yield at_least(ratio, beside["select"], 0.5, "ratio", detail)
        else:
            yield figure(name, rates[load], "/s")
            yield figure(ratio, beside["select"], "ratio", detail)


def fleet(_scratch: Path) -> Iterator[Finding]:
    """A thousand workers and a million tasks, on one core."""
    how = _fastest()
    told = _told("benchmarks.programs.fleet", how, str(FLEET), timeout_s=1_800.0)
    if told["violations"]:
        raise RuntimeError(f"{told['violations']} violations in {FLEET}")
    detail = f"{told['attempts']:,} attempts, {told['attempts'] / told['wall_s']:,.0f}/s, {how}"
    yield at_most("1,000 workers, 1,000,000 tasks, one core", told["wall_s"], FLEET_S_MAX, "s", detail)
    yield at_most("peak memory of that", told["peak_bytes"] / 2**30, FLEET_GIB_MAX, "GiB")


def swarm(_scratch: Path) -> Iterator[Finding]:
    """Seeds of the swarm, on one core and on two."""
    how = _fastest()
    told = _told("benchmarks.programs.swarm", how)
    one, two = (told["seeds_per_s"][jobs] for jobs in "12")
    detail = f"{one:,.1f} and {two:,.1f} seeds/s, {os.cpu_count()} cores, {how}"
    yield at_least("seeds with two processes / with one", two / one, 1.7, "ratio", detail)
    yield at_least("virtual days in a minute, all cores", told["virtual_s"] / _DAY_S * 60, 100, "days")
    yield figure("attempts in the swarm, a second and core", told["attempts_per_cpu_s"], "/s")


def _fastest() -> str:
    """How the simulation is there at its fastest."""
    if not (COMPILED / "simulation" / "source_hash.py").is_file():
        return _AS_IT_IS
    program = (
        "from simulation import loop; from simulation.source_hash import source_hash;"
        "print(source_hash(), not loop.__file__.endswith('.py'))"
    )
    return "compiled" if _python("compiled", "-c", program).split() == [source_hash(), "True"] else _AS_IT_IS


def _told(program: str, how: str, *arguments: str, timeout_s: float = 600.0) -> dict[str, Any]:
    """What a program of ours tells."""
    told: dict[str, Any] = json.loads(_python(how, "-m", program, *arguments, timeout_s=timeout_s))
    return told


def _python(how: str, *arguments: str, timeout_s: float = 600.0) -> str:
    path = str(ROOT) if how == _AS_IT_IS else os.pathsep.join((str(COMPILED), str(ROOT)))
    return python(*arguments, env={"PYTHONPATH": path}, timeout_s=timeout_s)
