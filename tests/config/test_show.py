from __future__ import annotations

import re
import subprocess
import sys

import pytest

from cloud_tasks.config.redact import redact, redact_words
from cloud_tasks.config.resolve import resolve
from cloud_tasks.config.settings import Settings
from cloud_tasks.config.show import show_config
from tests.config.problems import resolve_local


def test_every_setting_is_shown_with_its_origin() -> None:
    shown = show_config(
        resolve_local("--max-runtime", "10m", "--num-cpus", "4", RMS_CLOUD_TASKS_RETRY_ON_EXIT="yes")
    )
    rows = {line.split()[0]: re.split(r" {2,}", line)[1:] for line in shown.splitlines()}
    assert tuple(rows) == Settings.__struct_fields__
    assert rows["max_runtime"] == ["600 s", "--max-runtime"]
    assert rows["retry_on_exit"] == ["on", "RMS_CLOUD_TASKS_RETRY_ON_EXIT"]
    assert rows["num_simultaneous_tasks"] == ["4", "derived from num_cpus"]
    assert rows["keepalive_interval"] == ["60 s", "default"]
    assert rows["project_id"] == ["-", "default"]


def test_the_columns_are_aligned() -> None:
    lines = show_config(resolve_local(RMS_CLOUD_TASKS_JOB_ID="a" * 30)).splitlines()
    origins = {re.match(r"\S+ +(?:\S+(?: s)?)  +(?=\S)", line).end() for line in lines}  # type: ignore[union-attr]
    assert len(origins) == 1


def test_settings_can_be_shown_where_tasks_are_missing() -> None:
    assert "--show-config" in show_config(resolve(["--show-config"], {}))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:password@host/tasks.json", "https://***@host/tasks.json"),
        ("https://user:p@ss@host/tasks.json", "https://***@host/tasks.json"),
        ("postgresql://user:s3/cr@et@host/db", "postgresql://***@host/db"),
        ("redis://:p?w#d@host:6379/0", "redis://***@host:6379/0"),
        ("https://host:8080/a@b.json", "https://host:8080/a@b.json"),
        ("https://host/tasks.json?sv=1&sig=abc%3D&se=2", "https://host/tasks.json?sv=1&sig=***&se=2"),
        (
            "https://host/t?X-Amz-Signature=abc&X-Amz-Credential=def",
            "https://host/t?X-Amz-Signature=***&X-Amz-Credential=***",
        ),
        ("gs://bucket/a@b.json", "gs://bucket/a@b.json"),
        ("plain/path@x?key=1", "plain/path@x?key=***"),
    ],
)
def test_credentials_in_addresses_are_hidden(text: str, shown: str) -> None:
    assert redact(text) == shown
    assert show_config(resolve(["--task-file", text], {})).count(shown) == 1


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("backup --password=hunter2 --verbose", "backup --password=*** --verbose"),
        ("backup --db-password hunter2 now", "backup --db-password *** now"),
        ("env PGPASSWORD=hunter2 psql", "env PGPASSWORD=*** psql"),
        ("env AWS_SECRET_ACCESS_KEY=abc aws s3 ls", "env AWS_SECRET_ACCESS_KEY=*** aws s3 ls"),
        ("call --api-key abc --token def", "call --api-key *** --token ***"),
        ("call --token --verbose", "call --token --verbose"),
        ("call --password-file=/etc/word --keys=3", "call --password-file=/etc/word --keys=3"),
        ("sort --key 2 monkey=3 redis://:p@h/0", "sort --key 2 monkey=3 redis://***@h/0"),
    ],
)
def test_credentials_in_command_lines_are_hidden(line: str, shown: str) -> None:
    assert " ".join(redact_words(line.split())) == shown


def test_options_are_imported_without_argparse() -> None:
    program = (
        "import sys, cloud_tasks.config.resolve, cloud_tasks.config.show\n"
        "print({'argparse', 'difflib', 'importlib.metadata'} & set(sys.modules))"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "set()"
