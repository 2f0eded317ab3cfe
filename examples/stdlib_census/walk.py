"""One walk over a syntax tree that counts everything on its way."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from measures import FunctionMeasure

Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_BRANCHING = (*_LOOPS, ast.If, ast.IfExp, ast.ExceptHandler)
_NESTING = (*_LOOPS, ast.If, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
_PLAIN = (ast.Call, ast.Attribute, ast.Expr, ast.Assign, ast.arg, ast.arguments)
"""Common nodes without branches, asked for first because the census meets millions of them."""
_LEAVES = frozenset({ast.Name, ast.Constant, ast.Load, ast.Store, ast.Del, ast.alias, ast.Pass})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclasses.dataclass(frozen=True)
class _Scope:
    """Where a node is: its qualified name, the function it counts for, and how deep in that."""

    prefix: str
    function: FunctionMeasure
    depth: int = 0
    public: bool = True


class Walk:
    """Goes through a tree with a stack of its own: some modules nest deeper than Python recurses.

    Attributes:
        module: The module's own code, taken for a function.
        functions: All functions, in the order of the file.
        imports: Top-level names of imported modules.
        classes: Number of classes.
        documentable: What should have a docstring.
        documented: What has one.
    """

    def __init__(self) -> None:
        self.module = FunctionMeasure("<module>", 1, 0)
        self.functions: list[FunctionMeasure] = []
        self.imports: set[str] = set()
        self.classes = self.documentable = self.documented = 0

    def run(self, tree: ast.Module) -> None:
        """Walk over a whole module."""
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
