"""Fault plans in YAML, and how each mistake in one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_tasks.diagnostics import render
from cloud_tasks.errors import ConfigurationError
from fakes.fault_file import parse_fault_plan, read_fault_plan
from fakes.faults import FaultKind, FaultPlan, FaultRule
from fakes.plan_text import PLAN_SIZE_BYTES_MAX

OPERATIONS = ("SendMessage", "ReceiveMessage")


def problems(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(ConfigurationError) as caught:
        parse_fault_plan(data, "plan.yaml", OPERATIONS)
    return render(caught.value.problems)


def test_a_whole_plan() -> None:
    text = b"""
seed: 7
rules:
- kind: throttle            # every 10th call
  operation: "*Message"
  every: 10
- {kind: delay, operation: SendMessage, probability: 0.5, delay_s: 2, from_s: 10, until_s: .inf}
- {kind: effect_without_reply, calls: [1, 2], rate_per_s: 100}
"""
    assert parse_fault_plan(text, "plan.yaml", OPERATIONS) == FaultPlan(
        7,
        (
            FaultRule(FaultKind.THROTTLE, "*Message", every=10),
            FaultRule(FaultKind.DELAY, "SendMessage", probability=0.5, delay_s=2.0, from_s=10.0),
            FaultRule(FaultKind.EFFECT_WITHOUT_REPLY, calls=(1, 2), rate_per_s=100.0),
        ),
    )


@pytest.mark.parametrize(
    "text", [b"", b"# nothing\n", b"rules:\n", b"rules: []\n", b"~", b"\xef\xbb\xbfseed: 0"]
)
def test_a_plan_may_be_empty(text: bytes) -> None:
    assert parse_fault_plan(text, "plan.yaml") == FaultPlan()


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("- a\n", "1:1", ["expected `seed:` and `rules:`", "a rule looks like this"]),
        ("sed: 1\n", "1:1", ["unknown key `sed`", "did you mean `seed`?"]),
        ("seed: x\n", "1:7", ['`seed`: expected a whole number of at most 64 bits, got "x"']),
        ("seed: 1.5\n", "1:7", ["`seed`: expected a whole number"]),
        ("seed: true\n", "1:7", ["`seed`: expected a whole number"]),
        ("rules: {a: 1}\n", "1:8", ["`rules`: expected a list, got a mapping"]),
        ("rules: [throttle]\n", "1:9", ["expected a rule", "a rule looks like this"]),
        ("rules:\n- {every: 2}\n", "2:3", ["the rule has no `kind`"]),
        (
            "rules:\n- {kind: throtle, every: 2}\n",
            "2:10",
            ["expected a kind of fault", "did you mean `throttle`?"],
        ),
        ("rules:\n- {kind: [a], every: 2}\n", "2:10", ["expected a kind of fault, got a list"]),
        ("rules:\n- {kind: throttle, evry: 2}\n", "2:20", ["unknown key `evry`", "did you mean `every`?"]),
        ("rules:\n- {kind: throttle, every: two}\n", "2:27", ['`every`: expected a number, got "two"']),
        ("rules:\n- {kind: throttle, calls: 3}\n", "2:27", ["`calls`: expected a list of whole numbers"]),
        ("rules:\n- kind: throttle\n  probability: 2\n", "3:16", ["`probability`: expected 0 to 1"]),
        ("rules:\n- {kind: throttle}\n", "2:3", ["must be given"]),
        ("rules:\n- {kind: throttle, every: 1, every: 2}\n", "2:30", ["`every` is there twice", "2:20"]),
        (
            "rules:\n- {kind: throttle, every: 1, operation: SendMesage}\n",
            "2:41",
            ["there is no operation `SendMesage`", "did you mean `SendMessage`?", "ReceiveMessage"],
        ),
        ("rules:\n- {kind: throttle, every: 1, operation: ~}\n", "2:41", ["`operation`: expected text"]),
        ("rules:\n- &a {kind: throttle, calls: [*a]}\n", "2:30", ["`calls`: expected a list"]),
        ("rules:\n- {kind: throttle, every: !!python/object:os.system x}\n", "2:27", ["`every`: expected"]),
        ("rules:\n- {kind: throttle, every: !!timestamp x}\n", "2:27", ["`every`: expected a number"]),
        ("rules:\n- {kind: throttle, every: !!bool x}\n", "2:27", ["`every`: expected a number"]),
        ("rules:\n- {kind: throttle, every: !!int ''}\n", "2:27", ["`every`: expected a number"]),
        (f"seed: 0x{'f' * 5000}\n", "1:7", ["`seed`: expected a whole number of at most 64 bits"]),
        (f"seed: {'9' * 5000}\n", "1:7", ["`seed`: expected a whole number of at most 64 bits"]),
        ("rules: [\n", "2:1", ["not YAML"]),
        ("a: 1\n--- \nb: 2\n", "2:1", ["not YAML"]),
    ],
)
def test_every_mistake_is_told_with_its_place(text: str, place: str, words: list[str]) -> None:
    told = problems(text)
    assert f"plan.yaml:{place}\n" in told + "\n"
    for word in words:
        assert word in told


def test_all_mistakes_are_told_at_once() -> None:
    told = problems("seed: x\nrules:\n- {kind: a, every: 1}\n- {kind: throttle, every: 0}\n- {kind: delay}\n")
    assert told.count("error: ") == 4


@pytest.mark.parametrize("text", [b"seed: \xff", b"seed: \0", b"[" * 1200])
def test_what_is_no_text_is_told_in_words(text: bytes) -> None:
    assert "plan.yaml" in problems(text)


def test_a_file_is_read_and_one_that_cannot_be_is_told(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("seed: 3\n")
    assert read_fault_plan(str(path)).seed == 3
    with pytest.raises(ConfigurationError, match=r"cannot read the fault plan .*No such file"):
        read_fault_plan(str(tmp_path / "none.yaml"))
    with pytest.raises(ConfigurationError, match=r"cannot read the fault plan .*directory"):
        read_fault_plan(str(tmp_path))
    path.write_bytes(b"#" * (PLAN_SIZE_BYTES_MAX + 1))
    with pytest.raises(ConfigurationError, match="larger than"):
        read_fault_plan(str(path))
