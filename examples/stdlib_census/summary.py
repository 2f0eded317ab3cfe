"""The short form of the report: headline numbers and short rankings, for terminals and for the page's top."""

from __future__ import annotations

from collections.abc import Sequence

from findings import Findings


def headlines(findings: Findings) -> list[tuple[str, str]]:
    """The numbers that come first, here and on the terminal."""
    documentable = findings.total("documentable")
    covered = findings.total("documented") / documentable if documentable else 0.0
    pace = findings.files / findings.wall_s if findings.wall_s else 0.0
    return [
        ("files", f"{findings.files:,}"),
        ("lines", f"{findings.total('lines'):,}"),
        ("functions", f"{findings.total('functions'):,}"),
        ("classes", f"{findings.total('classes'):,}"),
        ("branches", f"{findings.total('branches'):,}"),
        ("with a docstring", f"{covered:.0%}"),
        ("cannot be parsed", f"{len(findings.unparsed):,}"),
        ("files a second", f"{pace:,.0f}"),
    ]


def rankings(findings: Findings) -> list[tuple[str, list[tuple[str, str]]]]:
    """The short lists of the terminal: title, then pairs of value and name."""
    longest = [(f"{item.lines:,}", f"{item.name}  {item.place}") for item in findings.functions("longest", 5)]
    tangled = [
        (f"{item.complexity:,}", f"{item.name}  {item.place}")
        for item in findings.functions("most_complex", 5)
    ]
    largest = [(f"{module.measures['lines']:,}", module.file) for module in findings.largest(5)]
    unparsed = [(item.kind, f"{item.file}: {item.reason}") for item in findings.unparsed]
    lost = [(item.event_type, f"{item.task_id}: {item.reason}") for item in findings.lost]
    found = [
        ("Longest functions (lines)", longest),
        ("Most complex functions (cyclomatic complexity)", tangled),
        ("Largest files (lines)", largest),
        ("Cannot be parsed", unparsed),
        ("Tasks without a result", lost),
    ]
    return [(title, rows) for title, rows in found if rows]


def terminal(findings: Findings, columns: int = 100) -> str:
    """The short form, for a terminal."""
    lines = [f"  {name:<22} {value:>14}" for name, value in headlines(findings)]
    for title, rows in rankings(findings):
        lines += ["", title, *_aligned(rows, columns)]
    return "\n".join(lines)


def _aligned(rows: Sequence[tuple[str, str]], columns: int) -> list[str]:
    width = max((len(value) for value, _ in rows), default=0)
    return [f"  {value:>{width}}  {name}"[:columns] for value, name in rows]
