from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cloud_tasks.cli.options import COMMANDS, Command
from cloud_tasks.version import __version__
from tests.cli.calling import JOB, Commands

NAMES = [command.name for command in COMMANDS]


def python(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, *arguments]
    return subprocess.run(  # noqa: S603 - our own program
        program, capture_output=True, text=True, timeout=60, check=False, cwd=folder
    )


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    code = f"import sys; sys.path.insert(0, {str(root)!r}); import runpy; runpy.run_module('cloud_tasks')"
    done = python("-c", code, folder=tmp_path)
    assert done.returncode == 0
    code = f"import sys; sys.path.insert(0, {str(root)!r}); sys.argv = ['cloud_tasks', '--version']\n"
    code += "import runpy; runpy.run_module('cloud_tasks', run_name='__main__')"
    done = python("-c", code, folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"cloud_tasks {__version__}\n")


def test_the_version(commands: Commands) -> None:
    assert commands("--version") == (0, f"cloud_tasks {__version__}\n", "")


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_what_asks_no_queue_waits_for_no_imports(argument: str, tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
    code += "from cloud_tasks.cli import main\n"
    code += f"try: main([{argument!r}])\nexcept SystemExit: pass\n"
    code += "print([name for name in ('asyncio', 'yaml', 'rich', 'sqlite3', 'boto3') if name in sys.modules])"
    assert python("-c", code, folder=tmp_path).stdout.endswith("\n[]\n")


@pytest.mark.parametrize("arguments", [("--version",), ("config", "schema")])
def test_output_that_cannot_be_written_is_told(arguments: tuple[str, ...], tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "cloud_tasks", *arguments],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "error: cannot write to <stdout>: No space left on device\n"


def test_nobody_who_reads_is_no_error(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "cloud_tasks", "config", "schema"],
        stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_without_a_command_the_help_is_shown(commands: Commands) -> None:
    done = commands()
    assert done.status == 2
    assert all(name in done.err for name in NAMES)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_its_help(commands: Commands, command: Command) -> None:
    done = commands(command.name, "--help")
    assert (done.status, done.err) == (0, "")
    assert all(flag in done.out for option in command.options for flag in option.flags)


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_the_completion_scripts_know_every_command(commands: Commands, shell: str) -> None:
    done = commands("--print-completion", shell)
    assert done.status == 0
    assert all(name in done.out for name in NAMES)
    assert "task-queue-only" in done.out
    assert commands("--print-completion", "fish").status == 2


def test_the_completion_script_of_bash_offers_files_and_words(commands: Commands) -> None:
    script = commands.folder / "script"
    script.write_text(commands("--print-completion", "bash").out, encoding="utf-8")
    (commands.folder / "tasks.json").touch()
    for line, expected in (
        ("cloud_tasks sho", "show_queue"),
        ("cloud_tasks load_queue --task-fi", "--task-file"),
        ("cloud_tasks load_queue --task-file ta", "tasks.json"),
        ("cloud_tasks load_queue --provider g", "gcp"),
    ):
        words = line.split(" ")
        ask = f"source {script}; COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}"
        code = f'{ask}; _shtab_cloud_tasks {words[0]} {words[-1]}; echo "${{COMPREPLY[@]}}"'
        done = subprocess.run(  # noqa: S603 - our own script
            ["/bin/bash", "-c", code], capture_output=True, text=True, check=True, cwd=commands.folder
        )
        assert expected in done.stdout.split(), (line, done)


def test_dashes_in_a_commands_name_are_understood(commands: Commands) -> None:
    assert commands("load-queue", "--help").out == commands("load_queue", "--help").out


def test_an_unknown_command_is_told_with_what_was_meant(commands: Commands) -> None:
    done = commands("lod_queue")
    assert done.status == 2
    assert 'unknown command "lod_queue"' in done.err
    assert "did you mean `load_queue`?" in done.err


def test_all_mistakes_of_a_command_line_are_told_at_once(commands: Commands) -> None:
    done = commands(
        "load_queue", "--provder", "aws", "--job-id", "No", "--limit", "-1", "--start-task", "0", "stray"
    )
    assert done.status == 2
    for part in (
        'unknown flag "--provder"',
        "did you mean `--provider`?",
        '--job-id: expected a name that every cloud takes, got "No"',
        '--limit: expected an integer >= 0, got "-1"',
        '--start-task: expected an integer >= 1, got "0"',
        'unexpected argument "stray"',
    ):
        assert part in done.err
    assert done.err.count("nothing started") == 1


def test_mistakes_of_the_file_and_of_the_command_line_are_told_together(commands: Commands) -> None:
    (commands.folder / "c.yml").write_text("run:\n  max_runtme: 1\n", encoding="utf-8")
    done = commands("show_queue", "--config", "c.yml", "--provider", "mars")
    assert done.status == 2
    assert "c.yml:2:3" in done.err
    assert "--provider: expected AWS, GCP or AZURE" in done.err
    assert done.err.count("nothing started") == 1


def test_a_queue_that_is_not_named_is_told_with_the_ways_to_name_it(commands: Commands) -> None:
    done = commands("show_queue")
    assert done.status == 2
    assert "no provider is named" in done.err
    assert "--job-id" in done.err


def test_azure_has_no_queues_and_is_told_so(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r}); from cloud_tasks.cli import main; sys.exit(main())"
    )
    done = python("-c", code, "show_queue", "--provider", "azure", "--job-id", "a", folder=tmp_path)
    assert done.returncode == 2
    assert "this version has no queues of AZURE" in done.stderr


def test_an_override_is_told(commands: Commands) -> None:
    commands.fill("other")
    commands.fill("other-events")
    (commands.folder / "c.yml").write_text("provider: aws\naws: {job_id: my-job}\n", encoding="utf-8")
    done = commands("show_queue", "--config", "c.yml", "--job-id", "other")
    assert done.status == 0
    assert "note: job_id: other (--job-id) overrides my-job (c.yml:2:7 (`aws`))" in done.err


def test_config_show_tells_each_value_and_where_it_came_from(commands: Commands) -> None:
    (commands.folder / "c.yml").write_text("aws: {secret_key: hush}\n", encoding="utf-8")
    done = commands("config", "show", "--config", "c.yml", *JOB)
    assert done.status == 0
    rows = {line.split()[0]: line.split()[1:] for line in done.out.splitlines()}
    assert rows["queue_name"] == ["my-job", "derived", "from", "job_id"]
    assert rows["secret_key"][0] == "***"
    assert rows["max_runtime"] == ["600", "s", "default"]
    told = commands("config", "show", "--config", "c.yml", "--json", *JOB).json
    assert told["secret_key"] == {"value": "***", "origin": "c.yml:1:7 (`aws`)"}
    assert told["provider"] == {"value": "AWS", "origin": "--provider"}


def test_config_schema_is_json(commands: Commands) -> None:
    done = commands("config", "schema")
    assert done.status == 0
    assert set(done.json["properties"]) == {"provider", "run", "aws", "gcp", "azure"}


@pytest.mark.parametrize("arguments", [(), ("schma",)])
def test_config_needs_to_know_what_to_print(commands: Commands, arguments: tuple[str, ...]) -> None:
    done = commands("config", *arguments)
    assert done.status == 2
    assert "error: " in done.err
    assert "schema" in done.err + commands("config", "--help").out
