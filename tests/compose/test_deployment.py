"""The files in examples/deployment fit the worker that they start."""

from __future__ import annotations

import configparser
import getpass
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloud_tasks.cli.parser import make_parser, parse
from cloud_tasks.compose.service import CLOSE_S
from cloud_tasks.config.queue_table import OPTIONS

FILES = Path(__file__).parents[2] / "examples" / "deployment"
UNIT = (FILES / "cloud-tasks-worker.service").read_text()
(GRACE,) = [option.default for option in OPTIONS if option.name == "shutdown_grace_period"]
assert isinstance(GRACE, int)
STOP_S = GRACE + CLOSE_S


def of_unit(name: str) -> str:
    (value,) = re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)
    return str(value)


def supervisor() -> configparser.SectionProxy:
    parser = configparser.RawConfigParser()
    parser.read(FILES / "supervisord.conf")
    return parser["program:cloud-tasks-worker"]


def pod() -> Any:
    return yaml.safe_load((FILES / "kubernetes.yaml").read_text())["spec"]["template"]["spec"]


def container_command() -> list[str]:
    (container,) = pod()["containers"]
    return [*container["command"], *container["args"]]


def docker_command() -> list[str]:
    text = (FILES / "Dockerfile").read_text()
    words = [re.findall(rf"^{name} (\[.*\])$", text, re.MULTILINE)[0] for name in ("ENTRYPOINT", "CMD")]
    return [word for line in words for word in yaml.safe_load(line)]


COMMANDS = {
    "systemd": lambda: shlex.split(of_unit("ExecStart")),
    "supervisord": lambda: shlex.split(supervisor()["command"]),
    "kubernetes": container_command,
    "docker": docker_command,
}


@pytest.mark.parametrize("manager", COMMANDS)
def test_the_command_is_one_of_ours(manager: str) -> None:
    words = COMMANDS[manager]()
    assert words[1:4] == ["-m", "cloud_tasks", "worker"]
    line = parse(words[3:], make_parser())
    assert line.problems == ()
    assert line.flags["app"].text == "my_module"


@pytest.mark.parametrize(
    "name", ["supervisord.conf", "kubernetes.yaml", "cloud-tasks-worker.service", "Dockerfile"]
)
def test_variables_exist(name: str) -> None:
    named = set(re.findall(r"ASYNCTASQ_[A-Z_]+", (FILES / name).read_text()))
    assert named <= {option.variable for option in OPTIONS}


def test_every_manager_waits_for_the_drain() -> None:
    assert int(of_unit("TimeoutStopSec")) >= STOP_S
    assert int(supervisor()["stopwaitsecs"]) >= STOP_S
    assert pod()["terminationGracePeriodSeconds"] >= STOP_S
    assert f"--stop-timeout {int(STOP_S)}" in (FILES / "Dockerfile").read_text()


def test_the_drain_is_the_workers_own_affair() -> None:
    """Its task processes are not told to end while it drains."""
    assert of_unit("KillMode") == "mixed"
    assert supervisor()["stopasgroup"] == "false"


def test_the_unit_is_told_how_the_worker_fares() -> None:
    assert (of_unit("Type"), of_unit("NotifyAccess")) == ("notify", "main")
    assert int(of_unit("WatchdogSec")) > 0
    assert of_unit("RestartPreventExitStatus") == "2"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """With a program and a user that exist here."""
    text = re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", UNIT, flags=re.MULTILINE)
    unit = tmp_path / "cloud-tasks-worker.service"
    unit.write_text(text.replace("User=cloud-tasks", f"User={getpass.getuser()}"))
    done = subprocess.run(  # noqa: S603 - systemd's own checker
        ["systemd-analyze", "verify", "--recursive-errors=no", str(unit)],  # noqa: S607 - wherever it is
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_no_shell_stands_between_a_container_and_its_worker() -> None:
    assert container_command()[0] == docker_command()[0] == "python"
    assert "preStop:" not in (FILES / "kubernetes.yaml").read_text()
