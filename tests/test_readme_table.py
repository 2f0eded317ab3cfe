"""The README's table of features: each row names a test that shows the feature, and that test is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\[`(\w+)`\]\(([\w./-]+)\)")
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.partition("\n## What there is\n")[2].partition("\n## ")[0].splitlines()
    if line.startswith("| ")
][1:]


@cache
def names_in(path: Path) -> frozenset[str]:
    """Names of the test functions of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(one.name for one in functions if one.name.startswith("test_"))


def test_there_is_a_table() -> None:
    assert len(ROWS) >= 25
    assert {len(row) for row in ROWS} == {3}
    features = [row[0] for row in ROWS]
    assert len(set(features)) == len(features)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_feature_is_shown_by_a_test(row: list[str]) -> None:
    shown = LINK.findall(row[-1])
    assert shown, f"{row[0]}: no test is named"
    assert not LINK.sub("", row[-1]).strip(", "), f"{row[0]}: something else stands beside the tests"
    for name, place in shown:
        path = ROOT / place
        assert path.is_relative_to(ROOT / "tests"), place
        assert name in names_in(path), f"there is no {name} in {place}"
