"""Measuring one Python source file: pure functions from bytes to numbers.

A file that cannot be parsed is a result like any other: it says why, and where.
"""

from __future__ import annotations

import ast
import dataclasses
import warnings
from collections.abc import Iterable, Iterator
from typing import TypeAlias

Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_BRANCHING = (*_LOOPS, ast.If, ast.IfExp, ast.ExceptHandler)
_NESTING = (*_LOOPS, ast.If, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
_PLAIN = (ast.Call, ast.Attribute, ast.Expr, ast.Assign, ast.arg, ast.arguments)
"""Common nodes without branches, asked for first because the census meets millions of them."""
_LEAVES = frozenset({ast.Name, ast.Constant, ast.Load, ast.Store, ast.Del, ast.alias, ast.Pass})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
NAMED_FUNCTIONS_MAX = 3
"""How many of its longest and of its most complex functions a file names."""


@dataclasses.dataclass
class FunctionMeasure:
    """One function, lambdas and the functions inside it not counted.

    Attributes:
        name: Qualified name within the file, "Class.method" for instance.
        line: Line of its `def`, from 1.
        lines: Lines from `def` to its end.
        complexity: Cyclomatic complexity: 1 and one more for each branch.
        nesting: Deepest nesting of compound statements; 0 for a flat body.
        is_async: Whether it is an `async def`.
    """

    name: str
    line: int
    lines: int
    complexity: int = 1
    nesting: int = 0
    is_async: bool = False


@dataclasses.dataclass
class FileMeasure:
    """What was measured in a file that can be parsed.

    Attributes:
        lines: Lines in all.
        blank_lines: Lines of nothing but white space.
        functions: Number of functions and methods, nested ones included.
        async_functions: How many of them are `async def`.
        classes: Number of classes.
        branches: Points at which control flow parts.
        documentable: The module, and its public classes and functions outside functions.
        documented: How many of those have a docstring.
        nesting: Deepest nesting of any function, or of the module's own code.
        imports: Top-level names of the modules it imports, sorted; relative imports left out.
        syntax_warnings: Warnings of the parser, about invalid escape sequences for instance.
        function_lengths: Lines of each function.
        function_complexities: Complexity of each function, in the same order.
        longest: The longest functions, longest first.
        most_complex: The most complex functions, most complex first.
    """

    lines: int = 0
    blank_lines: int = 0
    functions: int = 0
    async_functions: int = 0
    classes: int = 0
    branches: int = 0
    documentable: int = 0
    documented: int = 0
    nesting: int = 0
    imports: list[str] = dataclasses.field(default_factory=list)
    syntax_warnings: int = 0
    function_lengths: list[int] = dataclasses.field(default_factory=list)
    function_complexities: list[int] = dataclasses.field(default_factory=list)
    longest: list[FunctionMeasure] = dataclasses.field(default_factory=list)
    most_complex: list[FunctionMeasure] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class ParseFailure:
    """Why a file cannot be parsed.

    Attributes:
        kind: Name of the exception, "SyntaxError" for instance.
        reason: What the parser says.
        line: Where, from 1; None where the parser does not say.
        lines: Lines in all.
    """

    kind: str
    reason: str
    line: int | None
    lines: int


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
    walk = _Walk()
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
    return ranked[:NAMED_FUNCTIONS_MAX]


@dataclasses.dataclass(frozen=True)
class _Scope:
    """Where a node is: its qualified name, the function it counts for, and how deep in that."""

    prefix: str
    function: FunctionMeasure
    depth: int = 0
    public: bool = True


class _Walk:
    """Goes through a tree with a stack of its own: some modules nest deeper than Python recurses."""

    def __init__(self) -> None:
        self.module = FunctionMeasure("<module>", 1, 0)
        self.functions: list[FunctionMeasure] = []
        self.imports: set[str] = set()
        self.classes = self.documentable = self.documented = 0

    def run(self, tree: ast.Module) -> None:
        self._document(tree)
        stack: list[tuple[ast.AST, _Scope]] = [(tree, _Scope("", self.module))]
        while stack:
            node, scope = stack.pop()
            # Reversed, so that functions are met in the order of the file.
            stack.extend(reversed(list(self._visit(node, scope))))

    def _visit(self, node: ast.AST, scope: _Scope) -> Iterable[tuple[ast.AST, _Scope]]:
        if isinstance(node, _FUNCTIONS):
            return self._visit_function(node, scope)
        if isinstance(node, ast.ClassDef):
            return self._visit_class(node, scope)
        scope.function.complexity += branches(node)
        self._note_imports(node)
        inside = scope
        if isinstance(node, _NESTING):
            inside = dataclasses.replace(scope, depth=scope.depth + 1)
            scope.function.nesting = max(scope.function.nesting, inside.depth)
        # An `elif` lies as deep as its `if`, though the tree nests it.
        return [
            (child, scope if _is_elif(node, child) else inside)
            for child in ast.iter_child_nodes(node)
            if type(child) not in _LEAVES
        ]

    def _visit_function(self, node: Function, scope: _Scope) -> Iterator[tuple[ast.AST, _Scope]]:
        name = scope.prefix + node.name
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        is_async = isinstance(node, ast.AsyncFunctionDef)
        function = FunctionMeasure(name, node.lineno, length, is_async=is_async)
        self.functions.append(function)
        if scope.public and not node.name.startswith("_"):
            self._document(node)
        outside: list[ast.AST] = [*node.decorator_list, node.args, *([node.returns] if node.returns else [])]
        yield from ((child, scope) for child in outside)
        inside = _Scope(f"{name}.", function, public=False)
        yield from ((child, inside) for child in node.body)

    def _visit_class(self, node: ast.ClassDef, scope: _Scope) -> Iterator[tuple[ast.AST, _Scope]]:
        self.classes += 1
        public = scope.public and not node.name.startswith("_")
        if public:
            self._document(node)
        outside: list[ast.AST] = [*node.decorator_list, *node.bases, *node.keywords]
        yield from ((child, scope) for child in outside)
        inside = dataclasses.replace(scope, prefix=f"{scope.prefix}{node.name}.", public=public)
        yield from ((child, inside) for child in node.body)

    def _document(self, node: Function | ast.ClassDef | ast.Module) -> None:
        self.documentable += 1
        self.documented += ast.get_docstring(node, clean=False) is not None

    def _note_imports(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            self.imports.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            self.imports.add(node.module.partition(".")[0])


def _is_elif(node: ast.AST, child: ast.AST) -> bool:
    return (
        isinstance(child, ast.If)
        and isinstance(node, ast.If)
        and node.orelse == [child]
        and child.col_offset == node.col_offset
    )


def branches(node: ast.AST) -> int:
    """How many branches this one node adds."""
    if isinstance(node, _PLAIN):
        return 0
    if isinstance(node, _BRANCHING):
        return 1
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    if isinstance(node, ast.comprehension):
        return 1 + len(node.ifs)
    if isinstance(node, ast.match_case):
        return 0 if _matches_all(node) else 1
    return 0


def _matches_all(case: ast.match_case) -> bool:
    pattern = case.pattern
    return case.guard is None and isinstance(pattern, ast.MatchAs) and pattern.pattern is None
