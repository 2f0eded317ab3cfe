from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cloud_tasks.config.gather import Flag
from cloud_tasks.config_file.keys import BY_KEY, KEYS, LATER_KEYS, TOP_LEVEL
from cloud_tasks.config_file.merge import Configuration, merge
from cloud_tasks.config_file.read import read_config_file
from cloud_tasks.config_file.schema import json_schema
from cloud_tasks.config_file.show import config_rows
from cloud_tasks.diagnostics import render
from cloud_tasks.errors import ConfigurationError

SHOWN = """\
error: unknown key `max_runtme` in `run`
  --> {path}:4:3
 4 |   max_runtme: 10m
   |   ^^^^^^^^^^ did you mean `max_runtime`?
 help: `cloud_tasks config schema` lists every key
 note: nothing started; 0 tasks taken"""


class Files:
    """Configuration files of one test."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "tasks.yml")

    def write(self, text: str | bytes) -> str:
        Path(self.path).write_bytes(text.encode() if isinstance(text, str) else text)
        return self.path

    def merged(self, text: str, **flags: Flag) -> Configuration:
        return merge(read_config_file(self.write(text)), flags)

    def refused(self, text: str | bytes) -> str:
        with pytest.raises(ConfigurationError) as caught:
            read_config_file(self.write(text))
        return render(caught.value.problems)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def flag(name: str, text: str) -> Flag:
    return Flag(name, text)


def test_an_unknown_key_is_shown_with_its_place_and_what_was_meant(files: Files) -> None:
    assert files.refused("# a job\n\nrun:\n  max_runtme: 10m\n") == SHOWN.format(path=files.path)


def test_all_that_is_wrong_is_told_at_once(files: Files) -> None:
    told = files.refused(
        "provider: mars\nrun:\n  max_runtime: 10 mins\n  bogus: 1\naws:\n  job_id: My_Job\nazur: {}\n"
    )
    assert told.count("error: ") == 5
    assert told.count("nothing started") == 1
    for part in (
        ":1:11\n",
        '`max_runtime`: expected a duration > 0, got "10 mins"',
        "write 10m, 600s or 600",
        "unknown key `bogus` in `run`",
        '`job_id`: expected a name that every cloud takes, got "My_Job"',
        "did you mean `azure`?",
    ):
        assert part in told


def test_a_key_that_is_there_twice_is_told_with_both_places(files: Files) -> None:
    told = files.refused("run:\n  max_runtime: 5\n  use_spot: true\n  max_runtime: 6\n")
    assert "the key `max_runtime` is there twice" in told
    assert f"{files.path}:4:3" in told
    assert "first at 2:3" in told


@pytest.mark.parametrize(("text", "seconds"), [("600", 600), ("600s", 600), ("10m", 600), ("1.5h", 5400)])
def test_a_duration_is_read(files: Files, text: str, seconds: float) -> None:
    assert files.merged(f"run:\n  max_runtime: {text}\n").seconds("max_runtime") == seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n- b\n", "expected a mapping of sections like `run:`, got a list"),
        ("run: 5\n", "`run`: expected a mapping of keys with values"),
        ("run:\n  max_runtime: [1, 2]\n", "`max_runtime`: expected one value, got a list"),
        ("run: !!python/object:os.system {}\n", "the YAML tag"),
        ("run:\n  db_file: !secret x\n", "expected data without YAML tags"),
        ("run: {\n", "not YAML"),
        ("run: *nowhere\n", "not YAML"),
        ("a: 1\n---\nb: 2\n", "not YAML"),
        ("? [a]\n: 1\n", "expected a key"),
        (b"run:\n  db_file: \xff\n", "is not UTF-8: byte 16 is 0xFF"),
        ("run:\n  job_id: a\n", "it belongs into `aws` or `gcp` or `azure`"),
        ("run:\n  startup_script: a\n  startup_script_file: b\n", "only one of them can count"),
        (
            "aws:\n  min_tasks_per_instance: 5\n  max_tasks_per_instance: 2\n",
            "is above `max_tasks_per_instance`",
        ),
    ],
)
def test_what_no_configuration_may_hold(files: Files, text: str | bytes, expected: str) -> None:
    assert expected in files.refused(text)


def test_a_file_that_is_not_there_is_named_with_what_was_meant(tmp_path: Path) -> None:
    (tmp_path / "tasks.yml").touch()
    with pytest.raises(ConfigurationError) as caught:
        read_config_file(str(tmp_path / "task.yml"))
    assert "tasks.yml" in render(caught.value.problems)


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "run:\naws: ~\n", "---\n"])
def test_an_empty_file_sets_nothing(files: Files, text: str) -> None:
    configuration = files.merged(text)
    assert configuration.values["provider"] is None
    assert {origin.kind for origin in configuration.origins.values()} == {"default"}


def test_the_command_line_beats_the_provider_section_that_beats_run(files: Files) -> None:
    text = (
        "provider: gcp\nrun:\n  max_runtime: 1\n  db_file: run.db\n  keepalive_timeout: 7\n"
        "gcp:\n  max_runtime: 2\n  db_file: gcp.db\naws:\n  max_runtime: 3\n"
    )
    configuration = files.merged(text, db_file=flag("--db-file", "flag.db"))
    values, origins = configuration.values, configuration.origins
    assert [values[name] for name in ("db_file", "max_runtime", "keepalive_timeout")] == ["flag.db", 2, 7]
    assert values["scaling_check_interval"] == 60
    assert str(origins["db_file"]) == "--db-file"
    assert str(origins["max_runtime"]) == f"{files.path}:7:3 (`gcp`)"
    assert str(origins["keepalive_timeout"]) == f"{files.path}:5:3 (`run`)"
    assert str(origins["scaling_check_interval"]) == "default"
    assert configuration.overrides == (
        f"db_file: flag.db (--db-file) overrides gcp.db ({files.path}:8:3 (`gcp`))",
        f"db_file: flag.db (--db-file) overrides run.db ({files.path}:4:3 (`run`))",
        f"max_runtime: 2 ({files.path}:7:3 (`gcp`)) overrides 1 ({files.path}:3:3 (`run`))",
    )


def test_the_provider_of_the_command_line_says_which_section_counts(files: Files) -> None:
    text = "provider: gcp\ngcp:\n  job_id: on-gcp\naws:\n  job_id: on-aws\n"
    assert files.merged(text).text("job_id") == "on-gcp"
    assert files.merged(text, provider=flag("--provider", "aws")).text("job_id") == "on-aws"


def test_a_value_that_is_the_same_in_two_places_is_no_override(files: Files) -> None:
    assert files.merged("aws:\n  job_id: a\nprovider: aws\n", job_id=flag("--job-id", "a")).overrides == ()


@pytest.mark.parametrize(
    ("zone", "region"),
    [("us-central1-a", "us-central1"), ("us-west-2a", "us-west-2"), ("us-gov-east-1b", "us-gov-east-1")],
)
def test_the_region_follows_from_the_zone(files: Files, zone: str, region: str) -> None:
    configuration = files.merged(f"provider: aws\naws:\n  zone: [{zone}, other]\n")
    assert configuration.text("region") == region
    assert str(configuration.origins["region"]) == "derived from zone"


def test_the_queue_and_the_database_follow_from_the_job(files: Files) -> None:
    configuration = files.merged("", job_id=flag("--job-id", "my-job"))
    assert (configuration.text("queue_name"), configuration.text("db_file")) == ("my-job", "my-job.db")


def test_secrets_are_never_shown(files: Files) -> None:
    text = "provider: aws\naws:\n  access_key: AKIAHUSH\n  secret_key: hush-hush\n"
    configuration = files.merged(text, secret_key=flag("--secret-key", "hush-louder"))
    rows = list(config_rows(configuration))
    assert "hush" not in repr((rows, configuration.overrides)).lower()
    assert next(row.shown for row in rows if row.key == "secret_key") == "***"
    assert "hush" not in files.refused("aws:\n  secret_ky: hush\n")
    assert "hush" not in files.refused("aws:\n  secret_key: [hush]\n")


def test_bad_values_of_the_command_line_are_told_together() -> None:
    with pytest.raises(ConfigurationError) as caught:
        merge(None, {"provider": flag("--provider", "mars"), "job_id": flag("--job-id", "No")})
    assert [problem.message.partition(":")[0] for problem in caught.value.problems] == [
        "--provider",
        "--job-id",
    ]


def test_keys_of_commands_that_are_not_here_are_left_alone_with_a_warning(files: Files) -> None:
    file = read_config_file(files.write("run:\n  max_instances: 5\n"))
    (warning,) = file.warnings
    assert "`max_instances` in `run` is left alone" in warning.message
    assert str(warning.place) == f"{files.path}:2:3"
    assert LATER_KEYS.isdisjoint(BY_KEY)


def test_the_schema_has_every_key_where_the_reader_takes_it() -> None:
    schema = json_schema()
    assert tuple(schema["properties"]) == TOP_LEVEL
    for key in KEYS:
        for section in key.sections:
            assert schema["properties"][section]["properties"][key.name]["description"] == key.option.help
    sections = [name for name in TOP_LEVEL if name != "provider"]
    in_schema = {(name, key) for name in sections for key in schema["properties"][name]["properties"]}
    assert in_schema == {(section, key.name) for key in KEYS for section in key.sections}
    assert msgspec.json.decode(msgspec.json.encode(schema)) == schema


def test_every_default_passes_its_own_check(files: Files) -> None:
    for key in KEYS:
        if key.option.default is None or not key.sections:
            continue
        text = f"{key.sections[0]}:\n  {key.name}: {str(key.option.default).lower()}\n"
        found = read_config_file(files.write(text)).sections[key.sections[0]][key.name]
        assert found.value == key.option.default
