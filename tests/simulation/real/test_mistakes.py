"""A user's own program and tasks, what can be wrong with them, and Ctrl-C."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import msgspec
import pytest

from cloud_tasks.errors import ConfigurationError
from simulation.commands.app import main
from simulation.real.evidence import Evidence
from simulation.real.processes import environ_of
from simulation.real.settings import RealSettings, check_judged, worker_variables
from simulation.statuses import Status
from tests.simulation.real.kept import ENDS_S, left, real, start

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it finds processes by /proc")

WORKER = """
import sys, time
from cloud_tasks.worker import Worker

def work(task_id, data, worker_data):
    time.sleep(data["seconds"])
    return False, "done"

if __name__ == "__main__":
    sys.exit(Worker(work, args=sys.argv[1:]).run())
"""


@pytest.fixture
def worker(tmp_path: Path) -> Path:
    path = tmp_path / "my_worker.py"
    path.write_text(WORKER)
    return path


@pytest.fixture
def task_file(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.jsonl"
    lines = [f'{{"task_id": "mine-{number}", "data": {{"seconds": 0.05}}}}\n' for number in range(20)]
    path.write_text("".join(lines))
    return path


def test_a_users_program_and_tasks(
    worker: Path, task_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RMS_CLOUD_TASKS_VISIBILITY_TIMEOUT_SECONDS", "3")
    monkeypatch.setenv("RMS_CLOUD_TASKS_MAX_RUNTIME", "1")
    directory = tmp_path / "its"
    directory.mkdir()
    chosen = ["--worker", str(worker), "--task-file", str(task_file), "--workers", "1"]
    status, told = real(directory, *chosen, "--time", "1", "--seed", "3")
    assert status == Status.CLEAN, told
    assert "20 tasks, of which 0 were put with the dead letters" in told
    assert "not judged: only a ledger tells of runs" in told
    assert list(directory.iterdir()) == []
    assert left(directory) == []


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    process = start(tmp_path, "--time", "60", "--seed", "1")
    try:
        until = time.monotonic() + ENDS_S
        while not list(tmp_path.glob("*/worker-1.events")):
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=ENDS_S)
    finally:
        process.kill()
    assert (process.returncode, stderr) == (Status.INTERRUPTED, "")
    assert left(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_ends_at_once(task_file: Path, tmp_path: Path) -> None:
    program = tmp_path / "wrong.py"
    program.write_text("raise SystemExit('I cannot do this')\n")
    directory = tmp_path / "its"
    directory.mkdir()
    status, told = real(directory, "--worker", str(program), "--task-file", str(task_file))
    assert status == Status.USAGE
    assert "the worker program ends before its first task, with status 1" in told
    assert "I cannot do this" in told
    assert left(directory) == []
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--worker", "no.py", "--task-file", "{tasks}"], "--worker: there is no file `no.py`"),
        (["--task-file", "{tasks}"], "--worker and --task-file belong together"),
        (["--worker", "{worker}", "--task-file", "no.json"], "no.json"),
        (["--worker", "{worker}", "--task-file", "{worker}"], "my_worker.py"),
    ],
)
def test_mistakes_are_told_before_anything_is_started(
    arguments: list[str],
    message: str,
    worker: Path,
    task_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    typed = [each.format(worker=worker, tasks=task_file) for each in arguments]
    assert main(["real", *typed]) == Status.USAGE
    told = capsys.readouterr()
    assert message in told.err
    assert not told.out


def test_workers_that_end_by_themselves_are_followed_by_others(
    worker: Path, task_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting in ("MAX_NUM_TASKS=4", "VISIBILITY_TIMEOUT_SECONDS=3", "MAX_RUNTIME=1"):
        name, _, value = setting.partition("=")
        monkeypatch.setenv(f"RMS_CLOUD_TASKS_{name}", value)
    directory = tmp_path / "its"
    directory.mkdir()
    chosen = ["--worker", str(worker), "--task-file", str(task_file), "--workers", "1", "--keep"]
    status, told = real(directory, *chosen, "--time", "1", "--seed", "3")
    assert status == Status.CLEAN, told
    assert "20 tasks, of which 0 were put with the dead letters" in told
    (kept,) = directory.glob("cloud-tasks-real-*")
    assert list(Evidence(kept).reasons.values()).count("max_num_tasks") > 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TO_SKIP", "2"),
        ("EXACTLY_ONCE_QUEUE", "1"),
        ("QUEUE_NAME", "another"),
        ("TASK_FILE", "tasks.json"),
        ("SIMULATE_SPOT_TERMINATION_AFTER", "5"),
    ],
)
def test_what_the_judges_cannot_know_is_refused(name: str, value: str) -> None:
    """A worker that passes tasks over, as it was told to, would be accused of it."""
    with pytest.raises(ConfigurationError, match=f"RMS_CLOUD_TASKS_{name}: the judges"):
        check_judged(worker_variables({f"RMS_CLOUD_TASKS_{name}": value}, ours=False))


def test_a_number_of_tasks_that_settles_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="RMS_CLOUD_TASKS_MAX_NUM_TASKS: with 0 no worker"):
        check_judged(worker_variables({"RMS_CLOUD_TASKS_MAX_NUM_TASKS": "0"}, ours=False))


def test_such_variables_are_refused_before_anything_is_started(
    worker: Path, task_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RMS_CLOUD_TASKS_TO_SKIP", "4")
    assert main(["real", "--worker", str(worker), "--task-file", str(task_file)]) == Status.USAGE
    told = capsys.readouterr()
    assert "RMS_CLOUD_TASKS_TO_SKIP: the judges" in told.err
    assert not told.out


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("MAX_NUM_TASKS", "4", {"max_num_tasks": 4}),
        ("EXIT_WHEN_EMPTY", "3s", {"exit_when_empty_s": 3}),
        ("EXIT_WHEN_EMPTY", "1", {"exit_when_empty_s": 0}),
        ("MAX_INTERRUPTIONS", "2", {"max_interruptions": 2}),
    ],
)
def test_what_the_judges_know_is_taken(name: str, value: str, told: dict[str, int]) -> None:
    variables = worker_variables({f"RMS_CLOUD_TASKS_{name}": value}, ours=False)
    check_judged(variables)
    plan = RealSettings(seed=1, time_s=1.0, workers=1, worker_file="its.py", variables=variables).plan()
    assert {key: getattr(plan.worker, key) for key in told} == told


def test_variables_that_say_what_is_usual_are_taken() -> None:
    variables = {"RMS_CLOUD_TASKS_EXIT_WHEN_EMPTY": "0", "RMS_CLOUD_TASKS_TO_SKIP": "0"}
    check_judged(worker_variables(variables, ours=False))


def test_workers_have_no_variables_of_ours_but_those_that_the_judges_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RMS_CLOUD_TASKS_MAX_NUM_TASKS", "4")
    monkeypatch.setenv("RMS_CLOUD_WORKER_USE_NEW_PROCESS", "0")
    environ = environ_of("mark", "worker-1", {"RMS_CLOUD_TASKS_MAX_RUNTIME": "2"})
    assert [name for name in environ if name.startswith("RMS_")] == ["RMS_CLOUD_TASKS_MAX_RUNTIME"]


SETTINGS = msgspec.json.encode(
    RealSettings(seed=1, time_s=1.0, workers=1, variables=worker_variables({}, ours=True))
).decode()
BEGAN, OVER = '{"what": "worker began", "at": 1.0}\n', '{"what": "over", "at": 2.0}\n'


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"settings.json": "{}"}, "settings.json` is not what `real` has written"),
        ({"settings.json": SETTINGS}, "seen.jsonl`: No such file"),
        ({"settings.json": SETTINGS, "seen.jsonl": ""}, "was interrupted"),
        ({"settings.json": SETTINGS, "seen.jsonl": BEGAN + OVER[:9]}, "was interrupted"),
        ({"settings.json": SETTINGS, "seen.jsonl": "{}\n"}, "seen.jsonl` is not what"),
        ({"settings.json": SETTINGS, "seen.jsonl": BEGAN + OVER}, "calls.jsonl`: No such file"),
        (
            {"settings.json": SETTINGS, "seen.jsonl": BEGAN + OVER, "calls.jsonl": "1\n"},
            "calls.jsonl` is not",
        ),
        (
            {"settings.json": SETTINGS, "seen.jsonl": OVER, "calls.jsonl": "", "ledger.jsonl": "{}\n"},
            "ledger.jsonl` is not what",
        ),
    ],
)
def test_what_cannot_be_judged_again(
    files: dict[str, str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert main(["real", "--again", str(tmp_path)]) == Status.USAGE
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--time", "soon"], ["--workers", "0"], ["--seed", "x"]])
def test_values_that_are_none(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["real", *arguments])
    assert end.value.code == Status.USAGE
    assert "real: error: " in capsys.readouterr().err
