"""Measuring one Python source file: pure functions from bytes to numbers.

A file that cannot be parsed is a result like any other: it says why, and where.
"""

from __future__ import annotations

import ast
import warnings

from measures import FileMeasure, FunctionMeasure, ParseFailure
from walk import Walk

_NAMED_FUNCTIONS_MAX = 3
"""How many of its longest and of its most complex functions a file names."""


def measure(source: bytes) -> FileMeasure | ParseFailure:
    """Measure a source file, as bytes, so that its coding cookie counts."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return _failure(error, source)
    return _measure_tree(tree, source, len(caught))


def _failure(error: Exception, source: bytes) -> ParseFailure:
    if isinstance(error, SyntaxError):
        return ParseFailure(type(error).__name__, error.msg, error.lineno or None, len(source.splitlines()))
    reason = str(error) or "nested too deeply for the parser"
    return ParseFailure(type(error).__name__, reason, None, len(source.splitlines()))


def _measure_tree(tree: ast.Module, source: bytes, syntax_warnings: int) -> FileMeasure:
    lines = source.splitlines()
    walk = Walk()
    walk.run(tree)
    functions = walk.functions
    return FileMeasure(
        lines=len(lines),
        blank_lines=sum(not line.strip() for line in lines),
        functions=len(functions),
        async_functions=sum(function.is_async for function in functions),
        classes=walk.classes,
        branches=walk.module.complexity - 1 + sum(function.complexity - 1 for function in functions),
        documentable=walk.documentable,
        documented=walk.documented,
        nesting=max(function.nesting for function in [walk.module, *functions]),
        imports=sorted(walk.imports),
        syntax_warnings=syntax_warnings,
        function_lengths=[function.lines for function in functions],
        function_complexities=[function.complexity for function in functions],
        longest=_top(functions, "lines"),
        most_complex=_top(functions, "complexity"),
    )


def _top(functions: list[FunctionMeasure], attribute: str) -> list[FunctionMeasure]:
    ranked = sorted(functions, key=lambda function: (-getattr(function, attribute), function.line))
    return ranked[:_NAMED_FUNCTIONS_MAX]
