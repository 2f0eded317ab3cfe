"""What `doctor` says of limits: those to which a worker raises its own."""

from __future__ import annotations

import resource

import pytest

from cloud_tasks.cli.machine import look_at_open_files
from cloud_tasks.runners.descriptors import Limits


@pytest.mark.parametrize(
    ("limits", "verdict", "text"),
    [
        (Limits(256, 4096), "ok", "at most 4096"),
        (Limits(256, 512), "warn", "at most 512"),
        (Limits(1024, 1023), "warn", "at most 1023"),
    ],
)
def test_the_limit_that_counts_is_the_hard_one(limits: Limits, verdict: str, text: str) -> None:
    found = look_at_open_files(limits)
    assert (found.verdict, found.text) == (verdict, text)
    assert ("LimitNOFILE=" in "".join(found.helps)) is (verdict == "warn")


@pytest.mark.skipif("sys.platform == 'darwin'", reason="macOS has an end that it does not tell")
def test_a_limit_without_an_end_is_no_number() -> None:
    found = look_at_open_files(Limits(256, resource.RLIM_INFINITY))
    assert (found.verdict, found.text) == ("ok", "as many as are wanted")
