"""What a rehearsal came to, for people."""

from __future__ import annotations

from collections import Counter

from rich.table import Table

from simulation.judges.panel import INVARIANTS
from simulation.real.judging import NEEDS_LEDGER, PARTLY, Judgement
from simulation.real.settings import RealSettings
from simulation.real.torments import EVERY_S, NOTICE, SERVICE_KINDS, Torments


def tables(
    torments: Torments, struck: Counter[str], judgement: Judgement, settings: RealSettings
) -> tuple[Table, Table]:
    """Faults and invariants."""
    return _faults(torments, struck, judgement), _invariants(judgement, settings)


def told(judgement: Judgement) -> list[str]:
    """The figures in lines."""
    again = judgement.deliveries - judgement.messages
    runs = f"; {judgement.runs:,} runs" if judgement.runs else ""
    lines = [
        f"{judgement.messages:,} tasks, of which {judgement.dead:,} were put with the dead letters",
        f"{judgement.deliveries:,} deliveries, {again:,} more than tasks{runs}",
        f"{judgement.compared:,} answers held against the model; {len(judgement.disagreements)} differ",
    ]
    for title, counts in (
        ("back in the queue by", judgement.again),
        ("what attempts came to", judgement.ends),
        ("excuses", judgement.excuses),
        ("beyond the model", judgement.permitted),
    ):
        if counts:
            lines.append(f"{title}: " + ", ".join(f"{name} ({count})" for name, count in counts.items()))
    return lines


def without_effect(torments: Torments, judgement: Judgement) -> list[str]:
    """Classes of faults that have changed nothing."""
    processes = [name for name in (*EVERY_S, NOTICE) if not torments.effective[name]]
    return processes + [
        f"queue: {kind.value}" for kind in SERVICE_KINDS if not judgement.struck.get(kind.value)
    ]


def _faults(torments: Torments, struck: Counter[str], judgement: Judgement) -> Table:
    table = _table("Faults", "class", "injected", "had an effect")
    for name, injected in sorted(torments.injected.items()):
        table.add_row(name, f"{injected:,}", f"{torments.effective[name]:,}")
    for name, injected in sorted(struck.items()):
        table.add_row(f"queue: {name}", f"{injected:,}", f"{judgement.struck.get(name, 0):,}")
    return table


def _invariants(judgement: Judgement, settings: RealSettings) -> Table:
    table = _table("Invariants", "name", "checks", "broken", "not seen from outside")
    table.columns[3].justify = "left"
    broken = Counter(violation.invariant for violation in judgement.violations)
    for name in INVARIANTS:
        unseen = PARTLY.get(name, "")
        if not settings.is_ours and name in NEEDS_LEDGER:
            unseen = "not judged: only a ledger tells of runs"
        table.add_row(name, f"{judgement.checks.get(name, 0):,}", str(broken[name] or ""), unseen)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table
