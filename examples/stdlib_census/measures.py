"""What is measured, as values."""

from __future__ import annotations

import dataclasses


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
