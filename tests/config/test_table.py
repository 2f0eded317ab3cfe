"""The table agrees with itself, with `Settings`, with `WorkerData`, and with what was published."""

from __future__ import annotations

import pytest

from cloud_tasks.config.option import Kind, Option
from cloud_tasks.config.settings import Settings, settings_for_worker_data
from cloud_tasks.config.table import OPTIONS
from cloud_tasks.runners.worker_data import WorkerData
from tests.config.problems import resolve_local

PUBLISHED_FLAGS_AND_VARIABLES = """
--task-file RMS_CLOUD_TASKS_TASK_FILE
--provider RMS_CLOUD_TASKS_PROVIDER
--job-id RMS_CLOUD_TASKS_JOB_ID
--project-id RMS_CLOUD_TASKS_PROJECT_ID
--queue-name RMS_CLOUD_TASKS_QUEUE_NAME
--exactly-once-queue RMS_CLOUD_TASKS_EXACTLY_ONCE_QUEUE
--no-exactly-once-queue RMS_CLOUD_TASKS_EXACTLY_ONCE_QUEUE
--event-log-file RMS_CLOUD_TASKS_EVENT_LOG_FILE
--event-log-to-file RMS_CLOUD_TASKS_EVENT_LOG_TO_FILE
--no-event-log-to-file RMS_CLOUD_TASKS_EVENT_LOG_TO_FILE
--event-log-to-queue RMS_CLOUD_TASKS_EVENT_LOG_TO_QUEUE
--no-event-log-to-queue RMS_CLOUD_TASKS_EVENT_LOG_TO_QUEUE
--keepalive-interval RMS_CLOUD_TASKS_KEEPALIVE_INTERVAL
--instance-type RMS_CLOUD_TASKS_INSTANCE_TYPE
--num-cpus RMS_CLOUD_TASKS_INSTANCE_NUM_VCPUS
--memory RMS_CLOUD_TASKS_INSTANCE_MEM_GB
--local-ssd RMS_CLOUD_TASKS_INSTANCE_SSD_GB
--boot-disk RMS_CLOUD_TASKS_INSTANCE_BOOT_DISK_GB
--is-spot RMS_CLOUD_TASKS_INSTANCE_IS_SPOT
--no-is-spot RMS_CLOUD_TASKS_INSTANCE_IS_SPOT
--price RMS_CLOUD_TASKS_INSTANCE_PRICE
--num-simultaneous-tasks RMS_CLOUD_TASKS_NUM_TASKS_PER_INSTANCE
--max-runtime RMS_CLOUD_TASKS_MAX_RUNTIME
--max-memory-allowed-per-task RMS_CLOUD_TASKS_MAX_MEMORY_ALLOWED_PER_TASK
--shutdown-grace-period RMS_CLOUD_TASKS_SHUTDOWN_GRACE_PERIOD
--tasks-to-skip RMS_CLOUD_TASKS_TO_SKIP
--max-num-tasks RMS_CLOUD_TASKS_MAX_NUM_TASKS
--retry-on-exit RMS_CLOUD_TASKS_RETRY_ON_EXIT
--no-retry-on-exit RMS_CLOUD_TASKS_RETRY_ON_EXIT
--retry-on-exception RMS_CLOUD_TASKS_RETRY_ON_EXCEPTION
--no-retry-on-exception RMS_CLOUD_TASKS_RETRY_ON_EXCEPTION
--retry-on-timeout RMS_CLOUD_TASKS_RETRY_ON_TIMEOUT
--no-retry-on-timeout RMS_CLOUD_TASKS_RETRY_ON_TIMEOUT
--simulate-spot-termination-after RMS_CLOUD_TASKS_SIMULATE_SPOT_TERMINATION_AFTER
--simulate-spot-termination-delay RMS_CLOUD_TASKS_SIMULATE_SPOT_TERMINATION_DELAY
--visibility-timeout RMS_CLOUD_TASKS_VISIBILITY_TIMEOUT_SECONDS
--runner RMS_CLOUD_WORKER_USE_NEW_PROCESS
"""


@pytest.mark.parametrize("line", PUBLISHED_FLAGS_AND_VARIABLES.split("\n")[1:-1])
def test_every_published_flag_and_variable_is_there(line: str) -> None:
    flag, variable = line.split()
    (option,) = [option for option in OPTIONS if flag in option.flags]
    assert variable in option.variables


def test_no_flag_no_variable_and_no_name_is_there_twice() -> None:
    for names in (
        [option.name for option in OPTIONS],
        [option.dest for option in OPTIONS],
        [flag for option in OPTIONS for flag in option.flags],
        [variable for option in OPTIONS for variable in option.variables],
    ):
        assert len(names) == len(set(names))


def test_every_option_is_a_setting_and_every_setting_an_option() -> None:
    ends_the_command_line = {"print_completion"}
    never_set_by_hand = {"event_log_queue_name"}
    names = {option.name for option in OPTIONS}
    assert names - ends_the_command_line == set(Settings.__struct_fields__) - never_set_by_hand


def test_tasks_are_told_every_setting_that_worker_data_has_an_attribute_for() -> None:
    of_the_attempt = {"args", "attempt", "deadline", "handed_down"}
    attributes = {name for name in vars(WorkerData()) if not name.startswith("_")}
    assert set(settings_for_worker_data(resolve_local().settings)) == attributes - of_the_attempt


def test_the_defaults_of_worker_data_are_those_of_the_table() -> None:
    data = vars(WorkerData())
    derived = {"event_log_to_file"}
    for name, value in settings_for_worker_data(resolve_local().settings).items():
        if name not in derived | {"event_log_file"}:
            assert data[name] == value, name


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_a_row_is_complete(option: Option) -> None:
    assert option.help.endswith(".")
    assert bool(option.metavar) == (option.kind is not Kind.SWITCH)
    assert bool(option.choices) == (option.kind is Kind.CHOICE)
    assert option.minimum is None or option.above is None
    assert option.kind is Kind.SWITCH or not isinstance(option.default, bool)
    if option.default is not None and option.choices:
        assert option.default in option.choices
