"""What docs/pubsub-stand-in.md shows is true."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from fakes.fault_file import parse_fault_plan
from fakes.faults import FaultKind
from fakes.pubsub.operations import OPERATIONS
from tests.fakes.sqs.programs import ROOT

PAGE = (ROOT / "docs" / "pubsub-stand-in.md").read_text(encoding="utf-8")


def example(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_plan_is_one() -> None:
    plan = parse_fault_plan(example("yaml").encode(), "the page", OPERATIONS)
    assert (plan.seed, len(plan.rules)) == (7, 6)


@pytest.mark.parametrize("kind", FaultKind)
def test_every_kind_of_fault_is_explained(kind: FaultKind) -> None:
    assert f"\n| `{kind.value}` | " in PAGE


def test_the_program_does_what_it_says() -> None:
    subprocess.run([sys.executable, "-c", example("python")], cwd=ROOT, check=True, timeout=60)  # noqa: S603 - our own


def test_the_options_are_those_of_the_program() -> None:
    command = [sys.executable, "-m", "fakes.pubsub", "--help"]
    told = subprocess.check_output(command, cwd=ROOT, text=True, timeout=60)  # noqa: S603 - our own
    assert re.findall(r"^  (--[a-z-]+)", told, re.MULTILINE) == re.findall(
        r"^(--[a-z-]+)", example("text"), re.MULTILINE
    )
