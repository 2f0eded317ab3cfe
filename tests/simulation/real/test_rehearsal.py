"""A short rehearsal with real processes, and what the judges say once something in it is changed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from simulation.commands.app import main
from simulation.real.judging import judge
from simulation.statuses import Status
from tests.simulation.real.kept import Line, change, events_in, left, real

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it finds processes by /proc")


@pytest.fixture(scope="module")
def told_and_kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    directory = tmp_path_factory.mktemp("real")
    status, told = real(directory, "--time", "4", "--seed", "11", "--workers", "2", "--keep")
    assert status == Status.CLEAN, told
    (kept,) = directory.iterdir()
    return told, kept


@pytest.fixture
def kept(told_and_kept: tuple[str, Path], tmp_path: Path) -> Path:
    """What the rehearsal has kept, to be changed."""
    return Path(shutil.copytree(told_and_kept[1], tmp_path / "kept"))


def again(kept: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = main(["real", "--again", str(kept)])
    return status, capsys.readouterr().out


def test_a_short_rehearsal_is_clean_and_leaves_no_process(told_and_kept: tuple[str, Path]) -> None:
    told, kept = told_and_kept
    assert "seed 11: 2 workers, faults for 4 s" in told
    assert f"records and logs are in {kept}" in told
    assert left(kept.parent) == []
    judgement = judge(kept)
    assert judgement.violations == ()
    assert judgement.disagreements == ()
    assert judgement.messages >= 24
    assert judgement.runs >= judgement.messages
    assert judgement.compared > 100
    judged = {name for name, count in judgement.checks.items() if count}
    assert judged >= {
        *(f"S{number}" for number in range(1, 21) if number != 10),  # few runs are long enough
        *(f"L{number}" for number in (1, 2, 4, 6, 7)),
    }
    assert any(line.split()[:1] == ["child_killed"] for line in told.splitlines())


def test_what_was_kept_is_judged_once_more(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, told = again(kept, capsys)
    assert status == Status.CLEAN
    assert "; 0 differ" in told


def test_an_answer_that_the_model_would_not_give_is_a_disagreement(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def twice_as_often(call: Line) -> Line:
        for message in (call.get("answer") or {}).get("Messages", ()):
            message["Attributes"]["ApproximateReceiveCount"] = "7"
        return call

    change(kept / "calls.jsonl", twice_as_often)
    status, told = again(kept, capsys)
    assert status == Status.DISAGREED
    assert "virtual and real disagree at" in told
    assert "the service gave out" in told


def test_a_message_that_the_service_forgot_is_a_disagreement(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counted = iter(range(10**6))

    def without_the_third(call: Line) -> Line | None:
        return None if call["operation"] == "SendMessage" and next(counted) == 2 else call

    change(kept / "calls.jsonl", without_the_third)
    assert again(kept, capsys)[0] == Status.DISAGREED


def broken(kept: Path) -> set[str]:
    return {violation.invariant for violation in judge(kept).violations}


def test_s1_an_outcome_that_was_never_stored(kept: Path) -> None:
    def unstored(call: Line) -> Line | None:
        completed = any(event["event_type"] == "task_completed" for event in events_in(call))
        return None if completed else call

    change(kept / "calls.jsonl", unstored)
    assert "S1" in broken(kept)


def test_s2_a_success_of_a_run_that_did_not_return(kept: Path) -> None:
    change(kept / "ledger.jsonl", lambda line: None if line["what"] == "returned" else line)
    assert "S2" in broken(kept)


def test_s4_a_run_on_a_worker_that_was_not_given_the_task(kept: Path) -> None:
    change(kept / "ledger.jsonl", lambda line: {**line, "worker": "worker-99"})
    assert "S4" in broken(kept)


def test_s5_a_task_that_runs_twice_at_a_time(kept: Path) -> None:
    ledger = kept / "ledger.jsonl"
    before = ledger.read_bytes()
    change(
        ledger,
        lambda line: (
            {**line, "at": line["at"] + 0.001, "pid": line["pid"] + 10**7}
            if line["what"] == "began"
            else None
        ),
    )
    ledger.write_bytes(before + ledger.read_bytes())
    assert "S5" in broken(kept)


def test_s15_a_process_that_outlives_its_worker(kept: Path) -> None:
    with (kept / "seen.jsonl").open("a") as file:
        file.write('{"what": "left", "at": 1.0, "worker": "worker-1", "pid": 4711, "text": "4711 sleep"}\n')
    assert broken(kept) == {"S15"}


def test_s16_a_run_beyond_its_time(kept: Path) -> None:
    change(
        kept / "ledger.jsonl",
        lambda line: {**line, "at": line["at"] - 60} if line["what"] == "began" else line,
    )
    assert "S16" in broken(kept)


def test_s19_a_worker_that_ends_by_itself(kept: Path) -> None:
    change(
        kept / "seen.jsonl",
        lambda note: {**note, "text": "unasked"} if note["what"] == "worker ended" else note,
    )
    assert broken(kept) == {"S19"}


def test_l1_a_queue_that_does_not_drain(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(kept / "seen.jsonl", lambda note: None if note["what"] == "settled" else note)
    status, told = again(kept, capsys)
    assert status == Status.STUCK
    assert "L1 is broken" in told


def test_only_what_a_rehearsal_has_kept_can_be_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["real", "--again", str(tmp_path)]) == Status.USAGE
    assert "is no directory that `real` has kept" in capsys.readouterr().err
