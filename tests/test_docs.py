"""The pages say what the code does: every option, variable and event is there, and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cloud_tasks.cli.options import COMMANDS, GLOBAL, Command
from cloud_tasks.compose.drivers import open_driver
from cloud_tasks.config.option import Option
from cloud_tasks.config.queue_table import OPTIONS as QUEUE_OPTIONS
from cloud_tasks.config.queue_table import VARIABLE_PREFIX as QUEUE_PREFIX
from cloud_tasks.config.table import OPTIONS
from cloud_tasks.config_file.keys import KEYS, Key
from cloud_tasks.core.events import EVENT_CLASSES, Event
from cloud_tasks.task_app.config import DRIVERS, Config
from simulation.commands.app import parsers
from simulation.faults import FaultClass

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
VARIABLES = {name for option in OPTIONS for name in option.variables}
QUEUE_VARIABLES = {name for option in QUEUE_OPTIONS for name in option.variables}
COMMAND_OPTIONS = (*GLOBAL.options, *(option for command in COMMANDS for option in command.options))
FLAGS = (
    {"--help"}
    | {flag for option in (*OPTIONS, *COMMAND_OPTIONS) for flag in option.flags}
    | set(re.findall(r"--[a-z][-a-z]*", "".join(parser.format_help() for parser in parsers())))
)


def rows(page: str, first_cell: str) -> list[str]:
    """The lines of a page's tables that begin with a cell."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith(f"| {first_cell}")]


def generate(*arguments: str, docs: Path = DOCS) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    program = [sys.executable, str(docs / "generate.py"), *arguments]
    return subprocess.run(  # noqa: S603 - our own program
        program, env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_generated_pages_are_up_to_date() -> None:
    done = generate("--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_page_that_is_out_of_date_is_named_and_mended(tmp_path: Path) -> None:
    for program in DOCS.glob("*.py"):
        (tmp_path / program.name).write_bytes(program.read_bytes())
    stale = generate("--check", docs=tmp_path)
    assert stale.returncode == 1
    assert "docs/options.md is out of date" in stale.stderr
    assert generate(docs=tmp_path).returncode == 0
    assert generate("--check", docs=tmp_path).returncode == 0
    assert (tmp_path / "options.md").read_bytes() == (DOCS / "options.md").read_bytes()


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_is_documented(option: Option) -> None:
    (row,) = [*rows("options.md", f"`{option.flag}`"), *rows("options.md", f"`{option.flag} ")]
    for name in (*option.flags[1:], option.variable):
        assert name in row
    assert option.help.replace("--", "") in row.replace("`", "").replace("--", "")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_option_of_every_command_is_documented(command: Command) -> None:
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert command.help.partition(":")[0] in page.split(f"\n## {command.name}\n")[1].partition("\n## ")[0]
    for option in command.options:
        found = [*rows("commands.md", f"`{option.flag}`"), *rows("commands.md", f"`{option.flag} ")]
        assert len(found) >= 1
        assert all(flag in row for row in found for flag in option.flags)
        if option.variable:
            assert any(f"`{option.variable}`" in row for row in found)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_key_of_the_configuration_file_is_documented(key: Key) -> None:
    (row,) = rows("commands.md", f"`{key.name}` |")
    assert all(f"`{section}`" in row for section in key.sections)


@pytest.mark.parametrize("variable", sorted(VARIABLES))
def test_every_variable_is_documented(variable: str) -> None:
    assert f"`{variable}`" in (DOCS / "options.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("event", EVENT_CLASSES, ids=lambda event: event.__name__)
def test_every_event_type_is_documented_with_every_field(event: type[Event]) -> None:
    tag = str(event.__struct_config__.tag)
    (row,) = rows("events.md", f"[`{tag}`]")
    assert row.endswith("| queue only |" if event.queue_only else "| file and queue |")
    section = (DOCS / "events.md").read_text(encoding="utf-8").split(f"\n## {tag}\n")[1].partition("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)` \| \w[^|]* \| \S[^|]* \|$", section, re.MULTILINE)
    assert documented == list(event.__struct_fields__)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_variable_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"RMS_CLOUD_[A-Z_]+", page.read_text(encoding="utf-8")))
    prefixes = {name for name in named if name.endswith("_")}
    assert named - prefixes <= VARIABLES
    of_queues = set(re.findall(rf"{QUEUE_PREFIX}[A-Z_]+", page.read_text(encoding="utf-8")))
    assert of_queues <= QUEUE_VARIABLES
    assert all(any(name.startswith(prefix) for name in VARIABLES) for prefix in prefixes)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_flag_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"`(--[a-z][-_a-z]*)", page.read_text(encoding="utf-8")))
    assert named <= FLAGS


def test_every_class_of_faults_and_no_other_is_told_of() -> None:
    page = (ROOT / "docs" / "simulation.md").read_text(encoding="utf-8")
    section = page.partition("## Faults")[2].partition("Not among them")[0]
    told = set(re.findall(r"`([a-z_]+)`", section))
    assert told == {kind.value for kind in FaultClass}


# --- What the drivers can do


def _said_of_drivers() -> dict[str, dict[str, str]]:
    """The table of the page, by driver and row."""
    text = (DOCS / "task-functions.md").read_text()
    lines = text.split("## What the drivers can do")[1].split("\n\n")[1].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    names = rows[0][1:]
    return {name: {row[0]: row[number] for row in rows[2:]} for number, name in enumerate(names, 1)}


_UNITS = {"year": 365 * 86_400, "days": 86_400, "hours": 3600, "minutes": 60, "MiB": 2**20}


def _quantity(text: str) -> float | None:
    number, _, unit = text.partition(" ")
    if unit not in _UNITS:
        return None
    return (1 if number == "a" else int(number)) * _UNITS[unit]


@pytest.mark.parametrize("driver", DRIVERS)
async def test_the_page_says_what_a_driver_can_do(driver: str) -> None:
    said = _said_of_drivers()[driver]
    can = open_driver(Config(driver=driver)).tasks("default", 60.0).capabilities
    assert {
        "Longest lease": can.lease_s_max,
        "Longest time in all": can.lease_total_s_max,
        "Longest pause before a retry": can.delay_s_max,
        "Largest message": can.message_size_bytes_max,
        "Tasks in one receive": can.batch_size_max,
    } == {
        **{row: _quantity(said[row]) for row in list(said)[:4]},
        "Tasks in one receive": int(said["Tasks in one receive"]),
    }
    words = {True: "yes", False: "no"}
    assert said["Attempts survive a crash"] == words[can.delivery_count]
    assert said["Interruptions counted apart"] == words[can.counts_interruptions]
    assert said["Dead letters"] == words[can.dead_letters]
    assert said["History of attempts"] == words[can.history]
    assert said["An old receipt is always refused"] == words[can.fenced]
