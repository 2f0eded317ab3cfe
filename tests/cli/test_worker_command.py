"""`cloud_tasks worker` and what goes with it: settings, and mistakes that are told in words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cloud_tasks.cli.parser import make_parser, parse
from cloud_tasks.cli.queue_call import QueueCall
from cloud_tasks.compose.queue_config import config_from_environment, usual_defaults
from cloud_tasks.config.option import Option
from cloud_tasks.config.queue_table import OPTIONS
from cloud_tasks.errors import ConfigurationError
from tests.e2e.programs import ROOT


def call_of(*argv: str, **environ: str) -> QueueCall:
    line = parse(argv, make_parser())
    assert line.command is not None
    return QueueCall(line.command, line, environ)


# --- Settings


def test_defaults_are_those_of_the_guide() -> None:
    call = call_of("worker")
    config = call.config
    assert call.queues == ("default",)
    assert call.count("concurrency") == 10
    assert call.number("heartbeat_interval") == 60
    assert config.driver == "sqlite"
    assert (config.redis.url, config.redis.db, config.redis.max_connections) == (
        "redis://localhost:6379",
        0,
        100,
    )
    assert config.postgres.dsn == "postgresql://test:test@localhost:5432/test_db"
    assert config.postgres.queue_table == config.mysql.queue_table == "task_queue"
    assert config.postgres.dead_letter_table == "dead_letter_queue"
    assert config.mysql.dsn == "mysql://test:test@localhost:3306/test_db"
    assert (config.postgres.min_pool_size, config.postgres.max_pool_size) == (10, 10)
    assert config.rabbitmq.url == "amqp://guest:guest@localhost:5672/"
    assert (config.rabbitmq.exchange_name, config.rabbitmq.prefetch_count) == ("asynctasq", 1)
    assert config.rabbitmq.consumer_timeout == 1800.0
    assert config.sqs.region == "us-east-1"
    assert config.events.channel == "asynctasq:events"
    defaults = config.task_defaults
    assert (defaults.queue, defaults.max_attempts, defaults.retry_delay) == ("default", 3, 60)
    assert (defaults.retry_strategy, defaults.timeout) == ("exponential", None)
    assert defaults.visibility_timeout == 300
    assert not config.repository.keep_completed_tasks


def test_flag_beats_variable_beats_default() -> None:
    assert call_of("worker", ASYNCTASQ_DRIVER="redis").config.driver == "redis"
    assert call_of("worker", "--driver", "mysql", ASYNCTASQ_DRIVER="redis").config.driver == "mysql"


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_has_a_variable(option: Option) -> None:
    name, variable = option.name, option.variable
    if name == "show_config":
        assert not variable
    elif name.startswith("aws_"):
        assert variable == name.upper()
    else:
        assert variable == f"ASYNCTASQ_{name.upper()}"


def test_variables_alone_make_the_settings_of_a_program() -> None:
    config = config_from_environment(
        {
            "ASYNCTASQ_DRIVER": "postgres",
            "ASYNCTASQ_POSTGRES_DSN": "postgresql://a@b/c",
            "ASYNCTASQ_TASK_DEFAULTS_RETRY_DELAY": "5m",
            "ASYNCTASQ_TASK_DEFAULTS_TIMEOUT": "90",
            "ASYNCTASQ_REPOSITORY_KEEP_COMPLETED_TASKS": "yes",
        }
    )
    assert (config.driver, config.postgres.dsn) == ("postgres", "postgresql://a@b/c")
    assert (config.task_defaults.retry_delay, config.task_defaults.timeout) == (300, 90)
    assert config.repository.keep_completed_tasks


def test_a_drivers_own_attempts_hold_where_the_general_ones_were_not_given() -> None:
    postgres = ("worker", "--driver", "postgres", "--postgres-max-attempts", "7")
    assert call_of(*postgres).config.task_defaults.max_attempts == 7
    assert call_of(*postgres, "--task-defaults-max-attempts", "2").config.task_defaults.max_attempts == 2
    assert call_of("worker", "--postgres-max-attempts", "7").config.task_defaults.max_attempts == 3
    both = call_of(*postgres, "--task-defaults-max-attempts", "2").config
    assert usual_defaults(both).max_attempts == 2


def test_every_bad_value_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        call_of(
            *("worker", "extra", "--driver", "redid", "--concurrency", "0", "--no-such-flag"),
            ASYNCTASQ_REDIS_DB="one",
            ASYNCTASQ_TASK_DEFAULTS_RETRY_STRATEGY="linear",
        )
    text = "\n".join(f"{one.message} {one.helps}" for one in caught.value.problems)
    for words in (
        "--no-such-flag",
        "extra",
        "--driver",
        "redid",
        "--concurrency",
        "ASYNCTASQ_REDIS_DB",
        "linear",
    ):
        assert words in text


def test_a_variable_that_means_nothing_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    call_of("worker", ASYNCTASQ_CONCURENCY="3")
    assert "did you mean `ASYNCTASQ_CONCURRENCY`?" in capsys.readouterr().err


# --- Mistakes, as a user makes them


class Here:
    """A directory to make mistakes in."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, name: str, text: str) -> None:
        (self.directory / name).write_text(text)

    def run(self, *arguments: str, command: str = "worker") -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "cloud_tasks", command, *arguments],
            cwd=self.directory,
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def refused(self, *arguments: str, command: str = "worker") -> str:
        ended = self.run(*arguments, command=command)
        assert ended.returncode == 2, ended
        assert "Traceback" not in ended.stderr
        assert ended.stdout == ""
        return ended.stderr


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


def test_no_application(here: Here) -> None:
    text = here.refused()
    assert "no application is named" in text
    assert "use `--app MODULE`" in text
    assert "0 tasks taken" in text
    assert not list(here.directory.iterdir())


def test_an_application_that_is_not_there(here: Here) -> None:
    assert "cannot import `missing` for the worker: ModuleNotFoundError" in here.refused("--app", "missing")


def test_an_application_that_fails(here: Here) -> None:
    here.write("tasks.py", "import os\n\nprint_ = 1 / 0\n")
    text = here.refused()
    assert "cannot import `tasks` for the worker: ZeroDivisionError: division by zero" in text
    assert "tasks.py:3" in text


def test_an_application_without_a_task(here: Here) -> None:
    here.write("tasks.py", "def f(): ...\n")
    assert "there is no task function in tasks" in here.refused()


def test_a_function_that_cannot_be_a_task(here: Here) -> None:
    here.write(
        "tasks.py",
        "from cloud_tasks.tasks import task\nclass Thing: ...\n@task\ndef f(thing: Thing) -> None: ...\n",
    )
    text = here.refused()
    assert "the task function `tasks.f` (" in text
    assert "tasks.py:3): parameter `thing` is Thing, which JSON cannot carry" in text


def test_all_functions_that_cannot_be_tasks_are_told_at_once(here: Here) -> None:
    here.write(
        "tasks.py",
        """
from __future__ import annotations
from typing import TYPE_CHECKING
from cloud_tasks.tasks import task
if TYPE_CHECKING:
    from decimal import Decimal

@task
def price(amount: Decimal) -> None: ...

@task
def fee() -> Decimal: ...

@task
def tax(share: Decimal) -> None: ...
""",
    )
    text = here.refused()
    assert "tasks.py:8): the annotation of its parameter `amount` cannot be resolved: name 'Decimal'" in text
    assert "tasks.py:14): the annotation of its parameter `share` cannot be resolved" in text
    assert "fee" not in text


def test_a_queue_that_is_named_twice(here: Here) -> None:
    here.write("tasks.py", "from cloud_tasks.tasks import task\n@task\ndef f() -> None: ...\n")
    assert "the queue 'a' is named twice" in here.refused("--queues", "a,b,a")
    assert "at least one" in here.refused("--queues", " , ")


def test_a_server_that_is_not_there(here: Here) -> None:
    here.write("tasks.py", "from cloud_tasks.tasks import task\n@task\ndef f() -> None: ...\n")
    ended = here.run("--driver", "redis", "--redis-url", "redis://127.0.0.1:1")
    assert ended.returncode == 1
    assert "127.0.0.1:1" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_driver_without_tables(here: Here) -> None:
    assert "the driver redis has no tables" in here.refused("--driver", "redis", command="migrate")


def test_a_table_that_cannot_be_called_so(here: Here) -> None:
    text = here.refused("--driver", "postgres", "--postgres-queue-table", "a b", command="migrate")
    assert "'a b' is no name of a table" in text


def test_settings_are_shown_with_their_origin(here: Here) -> None:
    ended = here.run("--show-config", "--driver", "redis", "--redis-password", "very-secret")
    assert ended.returncode == 0
    assert "very-secret" not in ended.stdout
    lines = {line.split()[0]: line.split()[1:] for line in ended.stdout.splitlines()}
    assert lines["driver"] == ["redis", "--driver"]
    assert lines["redis_password"] == ["***", "--redis-password"]
    assert lines["concurrency"] == ["10", "default"]


# --- Dispatching beside tasks

THREADS = """
import threading
from cloud_tasks.tasks import task

@task
def child() -> None: ...

@task
def parent() -> None:
    thread = threading.Thread(target=child.dispatch_sync)
    thread.start()
    thread.join()

if __name__ == "__main__":
    parent.dispatch_sync()
"""


def test_a_thread_that_knows_of_no_task_dispatches_to_the_workers_queues(here: Here) -> None:
    here.write("tasks.py", THREADS)
    subprocess.run(
        [sys.executable, "tasks.py"],
        cwd=here.directory,
        env={"PYTHONPATH": str(ROOT), "ASYNCTASQ_SQLITE_PATH": "theirs.db"},
        timeout=60,
        check=True,
    )
    ended = here.run("--sqlite-path", "theirs.db", "--max-tasks", "2", "--exit-when-empty", "1")
    assert ended.returncode == 0, ended
    assert "2 tasks completed" in ended.stderr
    assert not (here.directory / "cloud_tasks.db").exists()
