"""The chapters of the report, each from the findings to a piece of HTML."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import svg
from findings import Findings, Function, coverage_by_package, is_test, power_bins, quantile
from pieces import Chapter, code, figure, legend, table
from timing import timing

_TOP = 12
_DOCUMENTABLE_MIN = 20
_LONG_FUNCTION_LINES = 100


def chapters(findings: Findings) -> list[Chapter]:
    """All chapters, in order; those with nothing to tell are left out."""
    everything = [
        Chapter("lengths", "How long functions are", _lengths(findings)),
        Chapter("longest", "The longest functions", _longest(findings)),
        Chapter("complexity", "The most complex code", _complexity(findings)),
        Chapter("docstrings", "Who writes docstrings", _docstrings(findings)),
        Chapter("largest", "The largest files", _largest_files(findings)),
        Chapter("imports", "What everybody imports", _imports(findings)),
        Chapter("unparsed", "Files that cannot be parsed", _unparsed(findings)),
        Chapter("lost", "Tasks without a result", _lost(findings)),
        Chapter("timing", "How long it took", timing(findings)),
    ]
    return [chapter for chapter in everything if chapter.body]


def _lengths(findings: Findings) -> str:
    library, tests = findings.lengths(tests=False), findings.lengths(tests=True)
    every = library + tests
    if not every:
        return ""
    count = int(math.log2(max(every))) + 1
    labels = ["1" if power == 0 else f"{2**power}\N{EN DASH}{2 ** (power + 1) - 1}" for power in range(count)]
    shares = [
        [size / max(len(lengths), 1) * 100 for size in power_bins(lengths, count)]
        for lengths in (library, tests)
    ]
    median, tail = quantile(library, 0.5), quantile(library, 0.99)
    marks = [
        svg.Mark(math.log2(max(median, 1)), f"library: half have at most {median:.0f} lines"),
        svg.Mark(math.log2(max(tail, 1)), f"99 % have at most {tail:.0f}"),
    ]
    plot = svg.histogram(
        labels,
        shares,
        "Distribution of function length",
        x_title="lines in a function (each step doubles)",
        y_title="% of the functions",
        marks=marks,
        bin_text=lambda share: f"{share:.1f} %",
    )
    long = sum(length >= _LONG_FUNCTION_LINES for length in every)
    caption = (
        f"{len(library):,} functions in the library, {len(tests):,} in its tests. "
        f"{long:,} of them have {_LONG_FUNCTION_LINES} lines or more."
    )
    return legend("the library", "its tests") + figure(plot, caption)


def _function_rows(functions: Sequence[Function]) -> list[list[str]]:
    return [
        [
            f"{function.lines:,}",
            f"{function.complexity:,}",
            str(function.nesting),
            f"{code(function.name)}<br>{code(function.place)}",
        ]
        for function in functions
    ]


_FUNCTION_HEADS = ("Lines", "Complexity", "Nesting", "Function")


def _longest(findings: Findings) -> str:
    functions = findings.functions("longest", _TOP)
    if not functions:
        return ""
    champions = "".join(
        _champion(
            words, [function for function in findings.functions("longest") if is_test(function.file) == tests]
        )
        for words, tests in (("the library", False), ("its tests", True))
    )
    return champions + table(_FUNCTION_HEADS, _function_rows(functions), (0, 1, 2))


def _champion(words: str, functions: Sequence[Function]) -> str:
    if not functions:
        return ""
    first = functions[0]
    return (
        f'<div class="champion"><p>The longest function of {words}:</p><p class="name">{code(first.name)}</p>'
        f"<p>{first.lines:,} lines from {code(first.place)}, with a cyclomatic complexity of "
        f"{first.complexity:,} and {first.nesting} levels of nesting.</p></div>"
    )


def _complexity(findings: Findings) -> str:
    functions = findings.functions("most_complex", _TOP)
    if not functions:
        return ""
    ordered = sorted(findings.modules, key=lambda module: not module.is_test)
    dots = [
        svg.Dot(
            module.measures["lines"],
            module.complexity,
            f"{module.file}: {module.measures['lines']:,} lines, complexity {module.complexity:,}",
            int(module.is_test),
        )
        for module in ordered
        if module.complexity
    ]
    plot = svg.scatter(
        dots,
        "Complexity and length of each file",
        x_title="lines",
        y_title="complexity of all functions together",
    )
    caption = "One dot for each file that has functions, on logarithmic axes. Point at one to see its name."
    return (
        legend("the library", "its tests")
        + figure(plot, caption)
        + "<h3>The most complex functions</h3>"
        + table(_FUNCTION_HEADS, _function_rows(functions), (0, 1, 2))
    )


def _docstrings(findings: Findings) -> str:
    rows = coverage_by_package(findings.modules, _DOCUMENTABLE_MIN)
    if not rows:
        return ""
    bars = [
        svg.Bar(
            row.package,
            row.share,
            f"{row.share:.0%}",
            f"{row.package}: {row.documented:,} of {row.documentable:,} have a docstring",
        )
        for row in rows
    ]
    caption = (
        "Modules, and public classes, functions and methods, with a docstring. "
        f"Packages with at least {_DOCUMENTABLE_MIN} of those; tests left out."
    )
    return figure(svg.horizontal_bars(bars, "Docstring coverage by package", 150), caption)


def _largest_files(findings: Findings) -> str:
    bars = [
        svg.Bar(
            module.file,
            module.measures["lines"],
            f"{module.measures['lines']:,}",
            f"{module.file}: {module.measures['lines']:,} lines, {module.measures['functions']:,} functions",
        )
        for module in findings.largest(2 * _TOP)
    ]
    return figure(svg.horizontal_bars(bars, "Largest files", 310), "Lines in each file.") if bars else ""


def _imports(findings: Findings) -> str:
    counted = sorted(findings.imported().items(), key=lambda pair: (-pair[1], pair[0]))[: 2 * _TOP]
    bars = [
        svg.Bar(name, count, f"{count:,}", f"{name}: imported by {count:,} files") for name, count in counted
    ]
    caption = "Files that import each module, anywhere in them; relative imports left out."
    return figure(svg.horizontal_bars(bars, "Most imported modules", 150), caption) if bars else ""


def _unparsed(findings: Findings) -> str:
    if not findings.unparsed:
        return ""
    rows = [
        [
            code(item.file),
            "" if item.line is None else str(item.line),
            html.escape(item.kind),
            html.escape(item.reason),
        ]
        for item in findings.unparsed
    ]
    intro = (
        "<p>A file that this Python cannot parse is a result like any other. Most of these are there on "
        "purpose: they are what the parser's own tests must refuse.</p>"
    )
    return intro + table(("File", "Line", "Error", "What the parser says"), rows, (1,))


def _lost(findings: Findings) -> str:
    rows = [
        [code(item.task_id), html.escape(item.event_type), html.escape(item.reason)] for item in findings.lost
    ]
    return table(("Task", "Event", "Why"), rows) if rows else ""
