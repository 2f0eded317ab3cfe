from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_tasks.config.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("600", 600),
        ("600s", 600),
        ("10m", 600),
        ("1h", 3600),
        ("1.5h", 5400),
        ("2d", 172_800),
        ("0.5", 0.5),
        (".25s", 0.25),
        ("1e3", 1000),
        (" 10m ", 600),
        ("-5", -5),
    ],
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


def test_whole_seconds_are_an_int_and_fractions_a_float() -> None:
    assert isinstance(parse_duration("600"), int)
    assert isinstance(parse_duration("1.5h"), int)
    assert isinstance(parse_duration("1.5"), float)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "10 mins",
        "10min",
        "10M",
        "1h30m",
        "ten",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "1e308d",
        "1_0",
        "٣",
        "0x10",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(not a|too)"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**9))
def test_every_whole_number_of_seconds_comes_back(seconds: int) -> None:
    assert parse_duration(str(seconds)) == parse_duration(f"{seconds}s") == seconds


@given(st.text())
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert seconds == seconds + 0
