from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_tasks.diagnostics import LINE_COLUMNS_MAX, PROBLEMS_SHOWN_MAX, near, render
from cloud_tasks.errors import Place, Problem


def test_a_problem_is_shown_with_place_line_caret_hint_help_and_note() -> None:
    problem = Problem(
        "unknown key `max_runtme` in `run`",
        place=Place("tasks.yml", 7, 3, "  max_runtme: 10m", width=10),
        hint="did you mean `max_runtime`?",
        helps=("`cloud_tasks config schema` lists every key",),
        notes=("nothing started; 0 tasks taken",),
    )
    assert render([problem]).splitlines() == [
        "error: unknown key `max_runtme` in `run`",
        "  --> tasks.yml:7:3",
        " 7 |   max_runtme: 10m",
        "   |   ^^^^^^^^^^ did you mean `max_runtime`?",
        " help: `cloud_tasks config schema` lists every key",
        " note: nothing started; 0 tasks taken",
    ]


def test_a_problem_without_a_place_has_no_excerpt() -> None:
    assert render([Problem("bad", hint="look", helps=("mend",))]).splitlines() == [
        "error: bad",
        " hint: look",
        " help: mend",
    ]


def test_a_place_without_text_still_shows_its_hint() -> None:
    assert render([Problem("bad", place=Place("a.yml", 12, 1), hint="look")]).splitlines() == [
        "error: bad",
        "   --> a.yml:12:1",
        "    = look",
    ]


def test_the_frame_grows_with_the_line_number() -> None:
    lines = render([Problem("bad", place=Place("a", 1234, 2, "xyz"))]).splitlines()
    assert lines[1:] == ["     --> a:1234:2", " 1234 | xyz", "      |  ^"]


def test_a_warning_says_so() -> None:
    assert render([Problem("odd")], kind="warning") == "warning: odd"


@pytest.mark.parametrize(
    ("text", "column", "width"),
    [
        ("\tkey: 1", 2, 3),
        ("日本: key", 5, 3),
        ("e\u0301: key", 5, 3),
        ("\x1b[2J key", 6, 3),
        ("a\u202eb key", 5, 3),
    ],
)
def test_the_caret_stands_under_the_thing_whatever_comes_before(text: str, column: int, width: int) -> None:
    line, caret = render([Problem("bad", place=Place("a", 1, column, text, width))]).splitlines()[2:]
    before = line[: line.index("key")]
    columns = sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in before
    )
    assert caret.index("^") == columns
    assert caret.count("^") == width


def test_control_characters_never_reach_the_terminal() -> None:
    problem = Problem(
        "task `\x1b[31m`\n", place=Place("a\x07", 1, 1, "\x00\x9b\u2028\u200b"), hint="\r", helps=("\x08",)
    )
    text = render([problem])
    assert all(char == "\n" or char.isprintable() for char in text)
    assert "\\x1b[31m" in text
    assert len(text.splitlines()) == 5


def test_a_very_long_line_is_cut_around_the_problem() -> None:
    text = "x" * 5000 + "HERE" + "y" * 5000
    line, caret = render([Problem("bad", place=Place("a", 1, 5001, text, 4))]).splitlines()[2:]
    assert len(line) < LINE_COLUMNS_MAX + 10
    assert line[caret.index("^") : caret.rindex("^") + 1] == "HERE"
    assert line.count("…") == 2


def test_a_part_of_a_line_keeps_its_own_column() -> None:
    line, caret = render(
        [Problem("bad", place=Place("a", 1, 1003, "abc", 1, text_column=1001))]
    ).splitlines()[2:]
    assert (line, caret) == (" 1 | …abc", "   |    ^")


def test_of_many_problems_the_first_are_shown_and_the_rest_counted() -> None:
    lines = render([Problem(str(number)) for number in range(PROBLEMS_SHOWN_MAX + 7)]).splitlines()
    assert len(lines) == PROBLEMS_SHOWN_MAX + 1
    assert lines[-1] == "... and 7 more"


def test_colour_is_only_paint() -> None:
    problem = Problem("bad", place=Place("a", 1, 1, "abc"), hint="look", helps=("mend",), notes=("none",))
    coloured = render([problem], color=True)
    assert coloured != render([problem])
    for code in ("1;31", "1;34", "1", "0"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured == render([problem])


@pytest.mark.parametrize(
    ("word", "expected"),
    [("taskid", "task_id"), ("TASK-ID", "task_id"), ("dat", "data"), ("zebra", None), ("", None)],
)
def test_near_names_what_was_probably_meant(word: str, expected: str | None) -> None:
    assert near(word, ["task_id", "data"]) == expected


@given(
    text=st.text(max_size=300),
    column=st.integers(1, 400),
    width=st.integers(0, 400),
    start=st.integers(1, 50),
)
def test_any_place_can_be_shown(text: str, column: int, width: int, start: int) -> None:
    lines = render(
        [Problem(text, place=Place(text, 3, column, text, width, text_column=start), hint=text)]
    ).split("\n")
    assert len(lines) == 4
    assert all(line.isprintable() for line in lines)
    assert "^" in lines[3]
