"""Whatever a configuration file holds, it is read or refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_tasks.config_file.keys import KEYS, TOP_LEVEL
from cloud_tasks.config_file.merge import merge
from cloud_tasks.config_file.read import read_config_file
from cloud_tasks.config_file.show import config_rows
from cloud_tasks.diagnostics import render
from cloud_tasks.errors import ConfigurationError

WORDS = [
    *TOP_LEVEL,
    *(key.name for key in KEYS),
    *(
        ": ",
        ":\n  ",
        "\n",
        "\n  ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "&a ",
        "*a",
        "<<",
        "!",
        "!!str ",
        "|\n",
        "'",
    ),
    *('"', "#", "---\n", "? ", "%", "\t", "\x00", "\ufeff", "\u2028", "ü", "10m", "600", "true", "aws", "~"),
]


def read(path: Path, text: str) -> str:
    """What is told of a file."""
    path.write_text(text, encoding="utf-8", newline="")
    try:
        rows = config_rows(merge(read_config_file(str(path)), {}))
    except ConfigurationError as error:
        return render(error.problems)
    return "".join(row.shown for row in rows)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.sampled_from(WORDS), max_size=30).map("".join)
    | st.text(st.characters(codec="utf-8"), max_size=60)
)
def test_any_text_gives_a_configuration_or_problems(tmp_path: Path, text: str) -> None:
    read(tmp_path / "any.yml", text)


@pytest.mark.parametrize(
    "text",
    [
        "run: " + "[" * 50_000,
        "run: " + "{a: " * 5_000,
        "run: &a {startup_script: *a}",
        "run: {startup_script: &a [*a]}",
        "x: &a [1, 1]\ny: &b [*a, *a]\nz: &c [*b, *b]\nrun: *c\n",
        "run: {max_runtime: " + "9" * 10_000 + "}",
        "run: {cpus_per_task: .nan}",
        "aws: {zone: [[a]]}",
        "aws: {zone: []}",
        "aws: {zone: [~]}",
        "x" * 2_000_000,
    ],
    ids=range(11),
)
def test_bombs_are_refused(tmp_path: Path, text: str) -> None:
    told = read(tmp_path / "bomb.yml", text)
    assert told.startswith("error: ")
    assert len(told) < 3000
