"""Whoever follows one of the guides "Coming from ..." sees what it shows: every file, every command.

How a page is written for that stands in `reading.py`. Each page is followed once, from its first line to its
last, in one shell and a new directory. Three things are arranged for it:

- Ports: what stands behind `--port` is replaced by a free port, wherever else on the page it stands.
- `python` is the interpreter of these tests, and finds this checkout.
- `pip install` installs nothing; it fails unless `pyproject.toml` has the extras that it names, and their
  packages are here.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from pathlib import Path

import pytest

from tests.docs_guides.reading import Command, ReadingError, ShownFile, matches, steps
from tests.docs_guides.session import Session

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs").glob("coming-from-*.md"))
SYSTEMS = {"rms-cloud-tasks", "asynctasq", "swift-conductor", "asynctask-workers"}
PIP_CHECK = Path(__file__).with_name("pip_check.py")


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def with_free_ports(page: str) -> str:
    """The page with ports that nobody uses."""
    for port in sorted(set(re.findall(r"--port (\d+)", page))):
        page = re.sub(rf"\b{port}\b", free_port(), page)
    return page


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """What a reader's shell has, and no more."""
    programs = tmp_path / "programs"
    programs.mkdir()
    home = tmp_path / "home"
    home.mkdir()
    for name, arguments in (("python", ""), ("pip", f"'{PIP_CHECK}'")):
        program = programs / name
        program.write_text(f"#!/bin/sh\nexec '{sys.executable}' {arguments} \"$@\"\n", encoding="utf-8")
        program.chmod(0o755)
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "LANG": "C.UTF-8",
    }


def follow(page: str, directory: Path, environ: dict[str, str]) -> None:
    """Do what a page says, in a directory that becomes the reader's."""
    directory.mkdir()
    with Session(directory, environ) as session:
        for step in steps(with_free_ports(page)):
            if isinstance(step, ShownFile):
                path = directory / step.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(step.text, encoding="utf-8")
            else:
                type_and_compare(session, step)
        assert session.enter("jobs -pr") == (0, ""), "the page leaves a program behind"


def type_and_compare(session: Session, command: Command) -> None:
    shown = "\n".join(command.printed)
    status, output = session.enter(
        command.text, until=(lambda text: matches(command.printed, text)) if command.goes_on else None
    )
    told = f"line {command.line}: $ {command.text}\nshown:\n{shown}\nprinted (status {status}):\n{output}"
    assert matches(command.printed, output), told
    assert status == 0 or command.checks_status, told


def test_there_is_a_guide_for_each_system() -> None:
    assert {guide.stem.removeprefix("coming-from-") for guide in GUIDES} == SYSTEMS


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_every_command_of_a_guide_does_what_the_guide_shows(
    guide: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    follow(guide.read_text(encoding="utf-8"), tmp_path / "here", environ)


# --- That this can fail


def page(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


def test_files_variables_ports_and_jobs_are_those_of_the_page(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    text = page(
        "Save this as `a/hello.txt`:",
        "",
        "```text",
        "hello 9324",
        "```",
        "",
        "```console",
        "$ cd a && export WHO=world",
        "$ cat \\",
        "    hello.txt; echo $WHO",
        "hello 9324",
        "...",
        "$ (echo listening --port 9324; sleep 600) &",
        "listening --port ...",
        "$ kill %1; wait %1",
        "$ echo $?",
        "143",
        "```",
    )
    follow(text, tmp_path / "here", environ)


@pytest.mark.parametrize(
    ("session", "said"),
    [
        (("$ echo one", "two"), "line 2: [$] echo one"),
        (("$ echo one",), "line 2: [$] echo one"),
        (("$ echo one", "one", "..."), None),
        (("$ false",), "status 1"),
        (("$ false", "$ echo $?", "1"), None),
        (("$ pip install 'cloud-tasks[sqs,fakes]'",), None),
        (("$ pip install 'cloud-tasks[nothing]'",), "nothing"),
        (("$ pip install something",), "something"),
        (("$ sleep 600 &",), "leaves a program behind"),
    ],
)
def test_what_is_not_so_is_noticed(
    session: tuple[str, ...], said: str | None, tmp_path: Path, environ: dict[str, str]
) -> None:
    text = page("```console", *session, "```")
    if said is None:
        follow(text, tmp_path / "here", environ)
    else:
        with pytest.raises(AssertionError, match=said):
            follow(text, tmp_path / "here", environ)


@pytest.mark.parametrize(
    "block",
    [
        ("```python", "print(1)", "```"),
        ("```sh", "$ ls", "```"),
        ("```console", "ls", "```"),
        ("```console", "```"),
        ("``` console", "$ ls", "```"),
        ("```console", "$ ls"),
    ],
)
def test_no_block_is_skipped(block: tuple[str, ...]) -> None:
    with pytest.raises(ReadingError):
        steps(page("Look at this:", "", *block))
