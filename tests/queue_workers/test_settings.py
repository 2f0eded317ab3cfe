"""What the command is told: files, variables and the command line, one over the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_tasks.compose.queue_workers_keys import SETTINGS
from cloud_tasks.compose.queue_workers_settings import WorkersSettings, read_settings
from cloud_tasks.errors import ConfigurationError

DOCS = Path(__file__).parents[2] / "docs"


def read(
    *set_texts: str, files: tuple[str, ...] = (), environ: dict[str, str] | None = None
) -> WorkersSettings:
    return read_settings(files, environ or {}, set_texts)


def told(*set_texts: str, files: tuple[str, ...] = ()) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read(*set_texts, files=files)
    return [f"{problem.place}: {problem.message}" for problem in caught.value.problems]


def test_nothing_said_is_the_defaults() -> None:
    settings = read()
    assert settings.values == {one.name: one.default for one in SETTINGS}
    assert settings.assignments == {}
    assert settings.seconds("asynctask_workers_poll_interval") == 0.5
    assert settings.seconds("asynctask_workers_check_child_interval") == 1.0


def test_file_beats_file_variable_beats_files_flag_beats_all(tmp_path: Path) -> None:
    files = []
    for name, ms in (("a", 10), ("b", 20)):
        path = tmp_path / f"{name}.yaml"
        path.write_text(f"asynctask_workers_poll_interval: {ms}\n")
        files.append(str(path))
    environ = {"ASYNCTASK_WORKERS_POLL_INTERVAL": "30"}
    flag = "asynctask_workers_poll_interval=40"
    name = "asynctask_workers_poll_interval"
    assert read(files=tuple(files)).number(name) == 20
    assert read(files=tuple(files), environ=environ).number(name) == 30
    assert read(flag, files=tuple(files), environ=environ).number(name) == 40
    assert read(f"{name}=null", files=tuple(files), environ=environ).number(name) == 500


@pytest.mark.parametrize(
    ("text", "ms"), [("250", 250), ("0.5", 0.5), ("2s", 2_000), ("1.5m", 90_000), ("2h", 7_200_000)]
)
def test_durations_are_milliseconds_unless_they_say_otherwise(text: str, ms: float) -> None:
    assert read(f"asynctask_workers_lease={text}").number("asynctask_workers_lease") == ms


def test_workers_are_merged_queue_by_queue() -> None:
    settings = read(
        "asynctask_workers={foo: one, bar: one, baz: one}",
        "asynctask_workers={foo: null, bar: {worker: two, rate_max_calls: 5, rate_period: 0.5}}",
        "asynctask_workers={qux: {worker: three, rate_max_calls: 7}}",
    )
    found = {queue: (one.worker, one.limit) for queue, one in settings.assignments.items()}
    assert found == {"bar": ("two", (5, 0.5)), "baz": ("one", None), "qux": ("three", (7, 1.0))}
    assert read("asynctask_workers={foo: one}", "asynctask_workers=null").assignments == {}
    assert list(read("asynctask_workers={foo: one}", "asynctask_workers={}").assignments) == ["foo"]


def test_packages_are_added_up(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("asynctask_workers_require: [one, two.three]\n")
    settings = read_settings([str(path)], {}, ["asynctask_workers_require=four"], ["one", "five"])
    assert settings.packages == ("one", "two.three", "four", "five")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("asynctask_workers_poll_interval=0", "expected a duration in milliseconds above 0"),
        ("asynctask_workers_poll_interval=[1]", "expected a duration in milliseconds above 0"),
        ("asynctask_workers_poll_interval=99999999d", "expected a duration in milliseconds above 0"),
        ("asynctask_workers_max_attempts=1.5", "expected an integer from 1"),
        ("asynctask_workers_max_memory=-1", "expected a number of GB above 0"),
        ("asynctask_workers_retry_on_timeout=perhaps", "expected a boolean"),
        ("asynctask_workers_provider=ibm", "expected AWS or GCP or AZURE"),
        ("asynctask_workers_require=[a b]", "expected the name of a package"),
        ("asynctask_transport={a: b}", "expected a text"),
        ("asynctask_transport=!!python/name:os.system x", "expected data without YAML tags"),
        ("asynctask_workers=[foo]", "expected a mapping of queues to workers, got a list"),
        ("asynctask_workers={foo: {}}", "it names no `worker`"),
        ("asynctask_workers={foo: {worker: [x]}}", "expected the name of a worker, got a list"),
        ("asynctask_workers={foo: {worker: x, rate_max_calls: 0}}", "`rate_max_calls`: expected an integer"),
        (
            "asynctask_workers={foo: {worker: x, rate_max_calls: 1, rate_period: 0}}",
            "`rate_period`: expected a number of seconds above 0",
        ),
        ("asynctask_workers={foo: one, foo: two}", "the key `foo` is there twice"),
        ("asynctask_workers={foo: ", "not YAML"),
    ],
)
def test_bad_values_are_told_with_their_place(text: str, message: str) -> None:
    (problem,) = told(text)
    assert problem.startswith(f"--set {text.partition('=')[0]}:1:")
    assert message in problem


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("asynctask_workers:\n  foo: 1\n  Bar: x\nnonsense: 1\n")
    problems = told("what=1", "no equals sign", files=(str(path), str(tmp_path / "missing.yaml")))
    assert [line.rpartition("/")[2] for line in problems[:2]] == [
        "bad.yaml:3:3: `asynctask_workers`: `Bar` is no name of a queue",
        "bad.yaml:4:1: unknown setting `nonsense`",
    ]
    assert len(problems) == 5


@pytest.mark.parametrize(
    "content", [b"", b"\n# nothing\n", b"null\n", b"\xef\xbb\xbfasynctask_workers: {}\n"]
)
def test_files_that_say_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.yaml"
    path.write_bytes(content)
    assert read(files=(str(path),)).assignments == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"[1]", "expected a mapping of settings, got a list"), (b"\xff", "is not UTF-8")],
)
def test_files_that_cannot_be(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    (problem,) = told(files=(str(path),))
    assert message in problem


@pytest.mark.parametrize("name", [one.name for one in SETTINGS])
def test_every_setting_is_documented(name: str) -> None:
    assert f"| `{name}` |" in (DOCS / "commands.md").read_text(encoding="utf-8")
