from __future__ import annotations

import textwrap

import pytest

import census
from measures import FileMeasure, FunctionMeasure, ParseFailure


def measured(source: str | bytes) -> FileMeasure:
    raw = source if isinstance(source, bytes) else textwrap.dedent(source).encode()
    measures = census.measure(raw)
    assert isinstance(measures, FileMeasure)
    return measures


def failed(source: bytes) -> ParseFailure:
    failure = census.measure(source)
    assert isinstance(failure, ParseFailure)
    return failure


def test_an_empty_file_has_one_thing_to_document() -> None:
    measures = measured(b"")
    assert (measures.lines, measures.functions, measures.classes) == (0, 0, 0)
    assert (measures.documented, measures.documentable) == (0, 1)


def test_functions_are_counted_apart_from_those_inside_them() -> None:
    measures = measured("""\
        def outer(a):
            if a:
                pass

            def inner(b):
                for c in b:
                    if c:
                        return c
            return inner
        """)
    assert measures.function_lengths == [9, 4]
    assert measures.function_complexities == [2, 3]
    assert [item.name for item in measures.longest] == ["outer", "outer.inner"]
    assert [item.name for item in measures.most_complex] == ["outer.inner", "outer"]
    assert measures.nesting == 2
    assert measures.branches == 3


def test_methods_and_async_functions_have_qualified_names() -> None:
    measures = measured("""\
        class A:
            class B:
                async def go(self):
                    async with self:
                        async for x in self:
                            await x
        """)
    assert (measures.classes, measures.functions, measures.async_functions) == (2, 1, 1)
    assert measures.longest[0] == FunctionMeasure("A.B.go", 3, 4, 2, 2, is_async=True)


def test_elif_lies_as_deep_as_its_if() -> None:
    chain = measured("""\
        def f(x):
            if x == 1:
                pass
            elif x == 2:
                pass
            elif x == 3:
                pass
        """)
    nested = measured("""\
        def f(x):
            if x == 1:
                pass
            else:
                if x == 2:
                    pass
        """)
    assert (chain.nesting, chain.function_complexities) == (1, [4])
    assert (nested.nesting, nested.function_complexities) == (2, [3])


def test_match_counts_its_cases_but_not_the_one_that_takes_all() -> None:
    measures = measured("""\
        def f(x):
            match x:
                case 1 | 2:
                    return "a"
                case [y] if y:
                    return "b"
                case _:
                    return "c"
        """)
    assert measures.function_complexities == [3]
    assert measures.nesting == 1


@pytest.mark.parametrize(
    ("body", "complexity"),
    [
        ("return a and b or c", 3),
        ("return a if b else c", 2),
        ("return [x for x in a if x if b]", 4),
        ("return lambda: a if b else c", 2),
        ("while a: b()", 2),
        ("assert a", 1),
        ("try:\n  a()\n except A:\n  pass\n except B:\n  pass\n finally:\n  c()", 3),
    ],
)
def test_branches_of_expressions_and_statements(body: str, complexity: int) -> None:
    assert measured(f"def f(a, b, c):\n {body}\n".encode()).function_complexities == [complexity]


def test_decorators_and_defaults_count_for_the_scope_around() -> None:
    measures = measured("""\
        def outer(a):
            @decorate(1 if a else 2)
            def inner(b=(3 if a else 4)):
                pass
        """)
    assert measures.function_complexities == [3, 1]
    assert measures.function_lengths == [4, 2]


def test_docstrings_of_what_is_public() -> None:
    measures = measured('''\
        """Module."""

        class Shown:
            """Class."""

            def method(self):
                """Method."""

            def bare(self):
                def local():
                    pass

            def _private(self):
                pass

        class _Hidden:
            def method(self):
                pass
        ''')
    assert (measures.documented, measures.documentable) == (3, 4)


def test_imports_are_top_level_names_wherever_they_stand() -> None:
    measures = measured("""\
        import os.path, sys as system
        from collections.abc import Iterable
        from . import sibling
        from .sibling import thing

        def f():
            import json
        """)
    assert measures.imports == ["collections", "json", "os", "sys"]


def test_a_coding_cookie_counts() -> None:
    assert measured("# coding: latin-1\ns = 'ä'\n".encode("latin-1")).lines == 2


@pytest.mark.parametrize(
    ("source", "word", "line"),
    [
        (b"def f(:\n", "invalid syntax", 1),
        (b"print 'hello'\n", "print", 1),
        ("x = 1\ns = 'ä'\n".encode("latin-1"), "utf-8", None),
        (b"# coding: uft-8\n", "unknown encoding", None),
        (b"x = 1\0\n", "null byte", None),
        (b"if x:\npass\n", "expected an indented block", 2),
        (b"(" * 300 + b")" * 300, "nested", 1),
    ],
)
def test_a_file_that_cannot_be_parsed_says_why(source: bytes, word: str, line: int | None) -> None:
    failure = failed(source)
    assert word in failure.reason
    assert failure.lines == len(source.splitlines())
    if line is not None:
        assert failure.line == line


def test_an_expression_deeper_than_python_recurses_is_no_crash() -> None:
    deep = b"x = " + b"+".join([b"1"] * 50_000)
    assert isinstance(census.measure(deep), (FileMeasure, ParseFailure))


def test_warnings_of_the_parser_are_counted_and_not_shown() -> None:
    assert measured(b"x = '\\d'\n").syntax_warnings == 1
