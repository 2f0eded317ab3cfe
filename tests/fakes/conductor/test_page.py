"""What docs/conductor-stand-in.md shows is true."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request

import pytest

from fakes.conductor.workflow_operations import OPERATIONS
from fakes.fault_file import parse_fault_plan
from fakes.faults import FaultKind
from tests.conductor_servers import serving
from tests.fakes.sqs.programs import ROOT

PAGE = (ROOT / "docs" / "conductor-stand-in.md").read_text(encoding="utf-8")


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_plan_is_one() -> None:
    plan = parse_fault_plan(examples("yaml")[0].encode(), "the page", tuple(OPERATIONS))
    assert (plan.seed, len(plan.rules)) == (7, 6)


@pytest.mark.parametrize("kind", FaultKind)
def test_every_kind_of_fault_is_explained(kind: FaultKind) -> None:
    assert f"\n| `{kind.value}` | " in PAGE


def test_the_calls_are_all_there() -> None:
    assert examples("text")[1].split() == list(OPERATIONS)


def test_the_program_does_what_it_says() -> None:
    command = [sys.executable, "-c", examples("python")[0]]
    told = subprocess.check_output(command, cwd=ROOT, text=True, timeout=60)  # noqa: S603 - our own
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/api\n", told)


def test_the_options_are_those_of_the_program() -> None:
    command = [sys.executable, "-m", "fakes.conductor", "--help"]
    told = subprocess.check_output(command, cwd=ROOT, text=True, timeout=60)  # noqa: S603 - our own
    options = set(re.findall(r"^  (--[a-z-]+)", told, re.MULTILINE))
    assert options == set(re.findall(r"^(--[a-z-]+)", examples("text")[0], re.MULTILINE))


def test_a_workflow_is_started_as_it_says() -> None:
    (body,) = re.findall(r" -d '(.*?)'$", examples("bash")[0], re.MULTILINE | re.DOTALL)
    with serving() as server:
        asked = urllib.request.Request(f"{server.url}/workflow", body.encode())  # noqa: S310 - on loopback
        urllib.request.urlopen(asked, timeout=30).close()  # noqa: S310 - on loopback
        (task,) = server.run(lambda service: service.polling.take("resize"))
    assert task.input_data == {"file": "a.jpg"}
