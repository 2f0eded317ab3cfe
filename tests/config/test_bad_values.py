"""Every bad value is told, all at once, by the name that the user wrote."""

from __future__ import annotations

import pytest

from cloud_tasks.config.resolve import resolve
from tests.config.problems import messages_of, problems_of, resolve_local


def test_f5_zero_workers_are_refused() -> None:
    assert messages_of(["--num-simultaneous-tasks", "0"]) == [
        '--num-simultaneous-tasks: expected an integer >= 1, got "0"'
    ]
    assert messages_of([], {"RMS_CLOUD_TASKS_NUM_TASKS_PER_INSTANCE": "0"}) == [
        'RMS_CLOUD_TASKS_NUM_TASKS_PER_INSTANCE: expected an integer >= 1, got "0"'
    ]


def test_f37_an_empty_variable_counts_as_not_set() -> None:
    resolved = resolve_local(
        RMS_CLOUD_TASKS_NUM_TASKS_PER_INSTANCE="", RMS_CLOUD_TASKS_MAX_RUNTIME=" ", RMS_CLOUD_TASKS_JOB_ID=""
    )
    assert (resolved.settings.num_simultaneous_tasks, resolved.settings.max_runtime) == (1, 600)
    assert resolved.settings.job_id is None
    assert str(resolved.origins["max_runtime"]) == "default (RMS_CLOUD_TASKS_MAX_RUNTIME is empty)"


def test_f37_what_a_manager_writes_for_a_setting_that_it_lacks_counts_as_not_set() -> None:
    resolved = resolve_local(RMS_CLOUD_TASKS_RETRY_ON_EXIT="None", RMS_CLOUD_TASKS_MAX_RUNTIME="None")
    assert (resolved.settings.retry_on_exit, resolved.settings.max_runtime) == (False, 600)
    assert str(resolved.origins["max_runtime"]) == "default (RMS_CLOUD_TASKS_MAX_RUNTIME is None)"


@pytest.mark.parametrize("word", ["1", "true", "TRUE ", " yes", "On"])
def test_f37_words_for_yes(word: str) -> None:
    assert resolve_local(RMS_CLOUD_TASKS_RETRY_ON_EXIT=word).settings.retry_on_exit


@pytest.mark.parametrize("word", ["0", "False", " no", "OFF "])
def test_f37_words_for_no(word: str) -> None:
    assert not resolve_local(RMS_CLOUD_TASKS_EVENT_LOG_TO_FILE=word).settings.event_log_to_file


def test_f37_another_word_is_no_boolean() -> None:
    (problem,) = problems_of([], {"RMS_CLOUD_TASKS_RETRY_ON_EXIT": "ja"})
    assert problem.message == 'RMS_CLOUD_TASKS_RETRY_ON_EXIT: expected a boolean, got "ja"'
    assert problem.helps == ("write 1, true, yes, on or 0, false, no, off",)


@pytest.mark.parametrize(
    ("flag", "text", "expected"),
    [
        ("--max-runtime", "0", "a duration > 0"),
        ("--max-runtime", "nan", "a duration > 0"),
        ("--max-runtime", "-1", "a duration > 0"),
        ("--max-runtime", "36501d", "a duration <= 36500d"),
        ("--max-memory-allowed-per-task", "inf", "a number > 0"),
        ("--max-memory-allowed-per-task", "0", "a number > 0"),
        ("--memory", "lots", "a number > 0"),
        ("--num-cpus", "4.0", "an integer >= 1"),
        ("--num-cpus", "9" * 5000, "an integer >= 1"),
        ("--num-simultaneous-tasks", "10001", "an integer <= 10000"),
        ("--tasks-to-skip", "-1", "an integer >= 0"),
        ("--max-num-tasks", "1e3", "an integer >= 0"),
        ("--runner", "thread", "process, pool or inline"),
        ("--on-duplicate", "", "skip or error"),
        ("--job-id", "", "a name"),
        ("--task-file", " ", "a path"),
        ("--task-file", "a\0b", "a path without NUL characters"),
    ],
)
def test_f37_a_value_out_of_range_names_flag_range_and_value(flag: str, text: str, expected: str) -> None:
    (message,) = messages_of([flag, text], local_source=flag != "--task-file")
    assert message.startswith(f'{flag}: expected {expected}, got "')


def test_something_that_is_no_duration_is_told_how_to_write_one() -> None:
    (problem,) = problems_of(["--max-runtime", "10 mins"])
    assert problem.message == '--max-runtime: expected a duration > 0, got "10 mins"'
    assert problem.helps[0].endswith("write 10m, 600s or 600")


def test_all_problems_come_at_once() -> None:
    messages = messages_of(
        ["--max-runtme", "5", "--num-cpus", "none", "--is-spt", "--runner=x"],
        {"RMS_CLOUD_TASKS_PROVIDER": "ACME", "RMS_CLOUD_TASKS_INSTANCE_PRICE": "-1"},
    )
    assert messages == [
        'unknown flag "--max-runtme"',
        'unknown flag "--is-spt"',
        'RMS_CLOUD_TASKS_PROVIDER: expected AWS, GCP or AZURE, got "ACME"',
        '--runner: expected process, pool or inline, got "x"',
        '--num-cpus: expected an integer >= 1, got "none"',
        'RMS_CLOUD_TASKS_INSTANCE_PRICE: expected a number >= 0, got "-1"',
    ]


def test_an_unknown_flag_is_told_a_near_one() -> None:
    (problem,) = problems_of(["--max-runtme", "5"])
    assert problem.helps == ("did you mean `--max-runtime`?",)
    (problem,) = problems_of(["--zzz=5"])
    assert problem.helps == ("--help lists every argument",)
    assert messages_of(["stray"]) == ['unexpected argument "stray"']


def test_a_flag_without_its_value() -> None:
    assert messages_of(["--max-runtime"], {"RMS_CLOUD_TASKS_RETRY_ON_EXIT": "ja"}) == [
        "--max-runtime: expected one argument",
        'RMS_CLOUD_TASKS_RETRY_ON_EXIT: expected a boolean, got "ja"',
    ]


def test_an_unknown_provider_is_told_what_is_installed() -> None:
    (problem,) = problems_of(["--provider", "redis"])
    assert problem.message == '--provider: expected AWS, GCP or AZURE, got "redis"'
    assert [line.partition(":")[0] for line in problem.helps] == ["AWS", "GCP", "AZURE"]
    assert all("installed" in line for line in problem.helps[:2])
    assert problem.helps[2] == "AZURE: this version has no queues of it"


def test_no_tasks_at_all_names_both_ways() -> None:
    (problem,) = problems_of([], local_source=False)
    assert problem.message == "no tasks to run: no task file and no queue is named"
    assert "--task-file" in problem.helps[0]
    assert "RMS_CLOUD_TASKS_TASK_FILE" in problem.helps[0]
    for name in ("--provider", "--job-id", "--queue-name", "RMS_CLOUD_TASKS_JOB_ID"):
        assert name in problem.helps[1]


def test_half_a_queue_names_what_is_missing() -> None:
    (problem,) = problems_of(["--provider", "AWS"], local_source=False)
    assert "--job-id" in problem.message
    assert "--provider" not in problem.message
    (problem,) = problems_of([], {"RMS_CLOUD_TASKS_JOB_ID": "job"}, local_source=False)
    assert "--provider" in problem.message


def test_a_bad_value_is_not_told_twice() -> None:
    assert messages_of(["--provider", "ACME", "--job-id", "job"], local_source=False) == [
        '--provider: expected AWS, GCP or AZURE, got "ACME"'
    ]
    assert messages_of(["--task-file", "", "--provider", "GCP"], local_source=False) == [
        '--task-file: expected a path, got ""'
    ]


def test_a_near_variable_is_noted_where_something_is_missing() -> None:
    (problem,) = problems_of(["--provider", "AWS"], {"RMS_CLOUD_TASKS_JOBID": "job"}, local_source=False)
    assert "did you mean `RMS_CLOUD_TASKS_JOB_ID`?" in problem.notes[0]


def test_gcp_needs_a_project_for_its_queue_alone() -> None:
    (message,) = messages_of(["--provider", "gcp", "--job-id", "job"], local_source=False)
    assert "--project-id" in message
    assert resolve_local("--provider", "gcp").settings.provider == "GCP"


@pytest.mark.parametrize("name", ["Job", "1job", "job_1", "j" * 25, "jöb", "job\n"])
def test_a_name_that_a_cloud_would_refuse(name: str) -> None:
    (message,) = messages_of(["--provider", "aws", "--job-id", name], local_source=False)
    assert message.startswith("--job-id: expected a name that every cloud takes")
    assert resolve_local("--job-id", name).settings.job_id == name


def test_a_job_id_that_names_no_queue_may_look_as_it_likes() -> None:
    argv = ["--provider", "aws", "--job-id", "My Job", "--queue-name", "q"]
    assert resolve(argv, {}).settings.job_id == "My Job"


def test_events_of_local_tasks_need_a_queue_to_go_to() -> None:
    (message,) = messages_of(["--event-log-to-queue"])
    assert message.startswith("--event-log-to-queue: events cannot go to a queue without --provider")
    resolved = resolve_local("--event-log-to-queue", "--provider", "aws", "--job-id", "job")
    assert resolved.settings.event_log_queue_name == "job-events"


def test_the_end_of_a_simulated_notice_needs_a_notice() -> None:
    (message,) = messages_of([], {"RMS_CLOUD_TASKS_SIMULATE_SPOT_TERMINATION_DELAY": "5"})
    assert message == "RMS_CLOUD_TASKS_SIMULATE_SPOT_TERMINATION_DELAY: no notice is simulated"


def test_credentials_are_not_shown() -> None:
    (message,) = messages_of(["--provider", "redis://user:secret@host/0?token=secret"])
    assert "secret" not in message


def test_what_cannot_be_printed_is_escaped_and_what_is_long_is_cut() -> None:
    (message,) = messages_of(["--runner", "\udcff\n" + "x" * 10_000])
    assert message.isprintable()
    assert message.isascii()
    assert len(message) < 150


def test_a_bad_older_variable_is_named() -> None:
    assert messages_of([], {"RMS_CLOUD_WORKER_USE_NEW_PROCESS": "maybe"}) == [
        'RMS_CLOUD_WORKER_USE_NEW_PROCESS: expected a boolean, got "maybe"'
    ]


def test_what_stands_behind_two_dashes_is_an_argument_and_no_flag() -> None:
    assert messages_of(["--", "--max-runtime"]) == ['unexpected argument "--max-runtime"']


def test_arguments_that_are_no_list_of_strings() -> None:
    mixed: list[str] = ["--max-runtime", 60]  # type: ignore[list-item] # what a program may pass
    assert messages_of(mixed) == ['args[1]: expected a string, got "60" (int)']
    assert messages_of("--verbose") == ['args: expected a list of strings, got the string "--verbose"']
