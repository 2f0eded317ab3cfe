"""Which source of a setting beats which, in every spelling."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_tasks.conductor import Configuration, Worker, WorkerAbc
from cloud_tasks.conductor_app.configuration import Sources, WorkerSettings, settle
from cloud_tasks.errors import ConfigurationError

INI = """
[DEFAULT]
domain = nice
polling_interval = 2000

[python_annotated_task_1]
domain = cool
polling_interval = 500

[python_annotated_task_2]
domain = hot
"""
TASK = "python_annotated_task_1"
SPELLINGS = [
    "conductor_worker_python_annotated_task_1_{}",
    "CONDUCTOR_WORKER_python_annotated_task_1_{}",
    "conductor_worker_{}",
    "CONDUCTOR_WORKER_{}",
]


def nothing() -> None:
    """What a worker needs a function for."""


def settled(environ: dict[str, str], path: Path | None = None, **given: object) -> WorkerSettings:
    worker = Worker(TASK, nothing, **given)  # type: ignore[arg-type] # as given
    return settle([worker], Sources(environ, path))[0]


def origin(settings: WorkerSettings, name: str) -> str:
    return next(one.origin for one in settings.told[TASK] if one.name == name)


@pytest.fixture
def ini(tmp_path: Path) -> Path:
    path = tmp_path / "worker.ini"
    path.write_text(INI)
    return path


@pytest.mark.parametrize("strongest", range(4))
def test_each_spelling_of_a_variable_beats_those_after_it_and_the_file(ini: Path, strongest: int) -> None:
    environ = {}
    for number, spelling in enumerate(SPELLINGS[strongest:], strongest):
        upper = spelling.startswith("CONDUCTOR")
        environ[spelling.format("DOMAIN" if upper else "domain")] = f"d{number}"
        environ[spelling.format("POLLING_INTERVAL" if upper else "polling_interval")] = str(100 + number)
    settings = settled(environ, ini, domain="constructor", poll_interval=7)
    assert settings.domains == {TASK: f"d{strongest}"}
    assert settings.polling_interval_s == pytest.approx((100 + strongest) / 1000)
    name = "DOMAIN" if SPELLINGS[strongest].startswith("CONDUCTOR") else "domain"
    assert origin(settings, "domain") == f"variable {SPELLINGS[strongest].format(name)}"


def test_the_section_beats_the_defaults_and_they_the_constructor(ini: Path) -> None:
    settings = settled({}, ini, domain="constructor", poll_interval=7)
    assert settings.domains == {TASK: "cool"}
    assert settings.polling_interval_s == 0.5
    assert origin(settings, "domain") == f"{ini} [{TASK}]"
    second = settle([Worker("python_annotated_task_2", nothing)], Sources({}, ini))[0]
    assert second.domains == {"python_annotated_task_2": "hot"}
    assert second.polling_interval_s == 2.0
    third = settle([Worker("another", nothing, poll_interval=7)], Sources({}, ini))[0]
    assert third.domains == {"another": "nice"}
    assert third.told["another"][1].origin == f"{ini} [DEFAULT]"


def test_the_constructor_beats_the_default() -> None:
    settings = settled({}, domain="mine", poll_interval=250)
    assert settings.domains == {TASK: "mine"}
    assert settings.polling_interval_s == 0.25
    assert origin(settings, "polling_interval") == "constructor"
    usual = settled({})
    assert usual.domains == {}
    assert usual.polling_interval_s == 0.1
    assert origin(usual, "polling_interval") == "default"


def test_a_class_says_its_interval_by_a_method() -> None:
    class Slow(WorkerAbc):
        def get_polling_interval_in_seconds(self) -> float:
            return 0.5

    assert settle([Slow("slow")], Sources({}))[0].polling_interval_s == 0.5


def test_each_task_of_a_worker_has_a_domain_of_its_own(ini: Path) -> None:
    worker = Worker(["python_annotated_task_1", "python_annotated_task_2"], nothing)
    settings = settle([worker], Sources({}, ini))[0]
    assert settings.domains == {"python_annotated_task_1": "cool", "python_annotated_task_2": "hot"}
    assert settings.polling_interval_s == 0.5


def test_an_empty_variable_says_nothing(ini: Path) -> None:
    assert settled({"conductor_worker_domain": ""}, ini).domains == {TASK: "cool"}


def test_all_that_cannot_be_is_told_at_once() -> None:
    environ = {"conductor_worker_polling_interval": "soon", f"conductor_worker_{TASK}_thread_count": "0"}
    other = Worker("other", nothing)
    other.runner = "fiber"
    with pytest.raises(ConfigurationError) as caught:
        settle([Worker(TASK, nothing), other, Worker("other", nothing)], Sources(environ))
    text = str(caught.value)
    assert f"polling_interval of {TASK} is 'soon'" in text
    assert f"thread_count of {TASK} is '0'" in text
    assert "'fiber'" in text
    assert "two workers are for the task definition 'other'" in text


def test_a_file_that_cannot_be_read_is_told_with_the_place(tmp_path: Path) -> None:
    path = tmp_path / "worker.ini"
    path.write_text("[DEFAULT]\ndomain = a\nwhat is this\n")
    with pytest.raises(ConfigurationError) as caught:
        Sources({}, path)
    (problem,) = caught.value.problems
    assert problem.place is not None
    assert (problem.place.source, problem.place.line) == (str(path), 3)
    with pytest.raises(ConfigurationError, match="cannot read"):
        Sources({}, tmp_path / "none.ini")


@pytest.mark.parametrize(
    ("configuration", "environ", "address", "said_by"),
    [
        (Configuration(server_api_url="http://a/api"), {}, "http://a/api", "constructor"),
        (Configuration("http://b:1/"), {}, "http://b:1/api", "constructor (base_url)"),
        (
            Configuration("http://b", server_api_url="http://a/api", debug=True),
            {"CONDUCTOR_SERVER_URL": "http://c/api"},
            "http://a/api",
            "constructor",
        ),
        (
            Configuration(),
            {"CONDUCTOR_SERVER_URL": "http://c/api"},
            "http://c/api",
            "variable CONDUCTOR_SERVER_URL",
        ),
        (Configuration(), {}, "http://localhost:8080/api", "default"),
    ],
)
def test_the_address_of_the_server(
    configuration: Configuration, environ: dict[str, str], address: str, said_by: str
) -> None:
    setting = configuration.address(environ)
    assert (setting.value, setting.origin) == (address, said_by)
