"""What the simulation once found: each case is lived through again, and breaks nothing any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulation.case_file import load_case
from simulation.run import run

CASES = sorted(Path(__file__).parent.glob("*.yaml"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_was_found_once_is_mended(path: Path) -> None:
    assert run(load_case(str(path)).plan).violations == ()
