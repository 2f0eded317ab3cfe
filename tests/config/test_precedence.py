"""Flag beats variable beats default, and what follows from what."""

from __future__ import annotations

import pytest

from cloud_tasks.config.gather import Origin
from cloud_tasks.config.resolve import resolve
from cloud_tasks.config.settings import Settings
from cloud_tasks.errors import ConfigurationError
from tests.config.problems import resolve_local

CLOUD = ("--provider", "aws", "--job-id", "my-job")


def test_the_defaults_are_those_of_the_documentation() -> None:
    settings = resolve_local().settings
    assert settings.max_runtime == 600
    assert settings.shutdown_grace_period == 30
    assert settings.keepalive_interval == 60
    assert settings.num_simultaneous_tasks == 1
    assert settings.event_log_file == "events.log"
    assert (settings.retry_on_exit, settings.retry_on_exception, settings.retry_on_timeout) == (False,) * 3
    assert (settings.runner, settings.start_method) == ("process", "forkserver")


def test_flag_beats_variable_beats_default() -> None:
    variables = {"RMS_CLOUD_TASKS_MAX_RUNTIME": "10m"}
    assert resolve_local("--max-runtime", "5", **variables).settings.max_runtime == 5
    assert resolve_local("--max-runtime", "5", **variables).origins["max_runtime"] == Origin(
        "flag", "--max-runtime"
    )
    from_variable = resolve_local(**variables)
    assert from_variable.settings.max_runtime == 600
    assert from_variable.origins["max_runtime"] == Origin("variable", "RMS_CLOUD_TASKS_MAX_RUNTIME")
    assert resolve_local().origins["max_runtime"] == Origin("default")


def test_a_flag_hides_a_bad_variable() -> None:
    assert resolve_local("--max-runtime", "5", RMS_CLOUD_TASKS_MAX_RUNTIME="soon").settings.max_runtime == 5


def test_a_no_flag_beats_a_variable_that_says_yes() -> None:
    variables = {"RMS_CLOUD_TASKS_RETRY_ON_EXIT": "1"}
    assert resolve_local(**variables).settings.retry_on_exit
    assert not resolve_local("--no-retry-on-exit", **variables).settings.retry_on_exit


def test_whole_durations_are_ints_as_in_the_published_package() -> None:
    assert repr(resolve_local("--max-runtime", "10m").settings.max_runtime) == "600"
    assert repr(resolve_local("--memory", "16").settings.memory_gb) == "16.0"


def test_a_queue_is_named_after_the_job() -> None:
    resolved = resolve(CLOUD, {})
    assert resolved.settings.provider == "AWS"
    assert resolved.settings.queue_name == "my-job"
    assert resolved.settings.event_log_queue_name == "my-job-events"
    assert resolved.origins["queue_name"] == Origin("derived", "job_id")
    assert resolve([*CLOUD, "--queue-name", "other"], {}).settings.event_log_queue_name == "other-events"


def test_events_go_to_a_file_for_local_tasks_and_to_a_queue_otherwise() -> None:
    def targets(settings: Settings) -> tuple[bool, bool, float | None]:
        return settings.event_log_to_file, settings.event_log_to_queue, settings.exit_when_empty

    assert targets(resolve(["--task-file", "tasks.json"], {}).settings) == (True, False, 0)
    assert targets(resolve([], {"RMS_CLOUD_TASKS_TASK_FILE": "tasks.json"}).settings) == (True, False, 0)
    assert targets(resolve_local().settings) == (True, False, 0)
    assert targets(resolve(CLOUD, {}).settings) == (False, True, None)


def test_no_event_queue_is_named_where_none_is_used() -> None:
    assert resolve([*CLOUD, "--no-event-log-to-queue"], {}).settings.event_log_queue_name is None


def test_a_program_with_its_own_tasks_ignores_a_task_file() -> None:
    resolved = resolve_local("--task-file", "tasks.json")
    assert resolved.settings.task_file is None
    assert resolved.origins["task_file"].kind == "derived"
    assert resolved.namespace.task_file == "tasks.json"


def test_as_many_tasks_run_at_a_time_as_there_are_cpus() -> None:
    assert resolve_local("--num-cpus", "8").settings.num_simultaneous_tasks == 8
    assert (
        resolve_local("--num-cpus", "8", "--num-simultaneous-tasks", "2").settings.num_simultaneous_tasks == 2
    )


def test_a_lease_is_a_little_longer_than_a_task() -> None:
    assert resolve_local("--max-runtime", "1h").settings.visibility_timeout == 3610
    assert resolve_local(RMS_CLOUD_TASKS_VISIBILITY_TIMEOUT_SECONDS="30").settings.visibility_timeout == 30


@pytest.mark.parametrize(
    ("argv", "variable", "idle_s"),
    [
        ((), "", 0),
        ((), "1", 0),
        ((), "TRUE", 0),
        ((), "0", None),
        ((), "off", None),
        ((), "1s", 1),
        ((), "90", 90),
        ((), "5m", 300),
        (("--exit-when-empty",), "off", 0),
        (("--exit-when-empty", "1"), "off", 1),
        (("--exit-when-empty", "0"), "5m", 0),
        (("--exit-when-empty=2m",), "", 120),
        (("--no-exit-when-empty",), "5m", None),
    ],
)
def test_exit_when_empty_takes_a_boolean_or_an_idle_time(
    argv: tuple[str, ...], variable: str, idle_s: float | None
) -> None:
    resolved = resolve_local(*argv, RMS_CLOUD_TASKS_EXIT_WHEN_EMPTY=variable)
    assert resolved.settings.exit_when_empty == idle_s


@pytest.mark.parametrize(
    ("argv", "variables", "runner"),
    [
        ((), {}, "process"),
        ((), {"RMS_CLOUD_WORKER_USE_NEW_PROCESS": "1"}, "process"),
        ((), {"RMS_CLOUD_WORKER_USE_NEW_PROCESS": "0"}, "pool"),
        ((), {"RMS_CLOUD_WORKER_USE_NEW_PROCESS": "0", "RMS_CLOUD_TASKS_RUNNER": "inline"}, "inline"),
        (("--runner", "inline"), {"RMS_CLOUD_WORKER_USE_NEW_PROCESS": "0"}, "inline"),
    ],
)
def test_the_older_variable_chooses_a_runner_where_nothing_newer_does(
    argv: tuple[str, ...], variables: dict[str, str], runner: str
) -> None:
    assert resolve_local(*argv, **variables).settings.runner == runner


def test_an_odd_variable_is_a_warning_with_a_near_name() -> None:
    (warning,) = resolve_local(RMS_CLOUD_TASKS_MAX_RUNTIMES="5", RMS_OTHER="x").warnings
    assert "RMS_CLOUD_TASKS_MAX_RUNTIMES" in warning.message
    assert warning.helps == ("did you mean `RMS_CLOUD_TASKS_MAX_RUNTIME`?",)


@pytest.mark.parametrize(
    ("argv", "variables", "source"),
    [
        (("--is-spot",), {}, "--is-spot"),
        ((), {"RMS_CLOUD_TASKS_INSTANCE_IS_SPOT": "1"}, "RMS_CLOUD_TASKS_INSTANCE_IS_SPOT"),
    ],
)
def test_a_spot_machine_of_no_provider_is_a_warning(
    argv: tuple[str, ...], variables: dict[str, str], source: str
) -> None:
    (warning,) = resolve_local(*argv, **variables).warnings
    assert warning.message == f"{source} alone watches for nothing: no provider is asked for its notices"
    assert warning.helps == ("give --provider (or RMS_CLOUD_TASKS_PROVIDER) as well",)


@pytest.mark.parametrize(
    "argv",
    [
        ("--is-spot", "--provider", "AWS"),
        ("--is-spot", "--simulate-spot-termination-after", "60"),
        ("--no-is-spot",),
        ("--no-is-spot", "--provider", "GCP"),
    ],
    ids=" ".join,
)
def test_whether_a_machine_is_a_spot_machine_needs_no_warning_otherwise(argv: tuple[str, ...]) -> None:
    assert not resolve_local(*argv).warnings


def test_a_provider_that_is_none_is_told_alone() -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolve_local("--is-spot", "--provider", "AWSS")
    (problem,) = caught.value.problems
    assert not any("watches for nothing" in note for note in problem.notes)


def test_recycling_without_a_pool_is_a_warning() -> None:
    (warning,) = resolve_local("--max-tasks-per-child", "5").warnings
    assert warning.message.startswith("--max-tasks-per-child has no effect")
    assert not resolve_local("--max-tasks-per-child", "5", "--runner", "pool").warnings
