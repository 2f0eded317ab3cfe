"""`--show-config` and `--print-completion` of a program whose output is full, or read by nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.programs import ROOT, Programs
from tests.e2e.test_mistakes import PLAIN

ASKED = [("--show-config",), ("--print-completion", "bash")]


def ended(program: Path, *arguments: str, stdout: int) -> tuple[int, str]:
    done = subprocess.run(  # noqa: S603 - the program of the test
        [sys.executable, str(program), *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=program.parent,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("asked", ASKED)
def test_nobody_who_reads_is_no_traceback(programs: Programs, asked: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert ended(programs.write(PLAIN), *asked, stdout=writer) == (1, "")
    finally:
        os.close(writer)


@pytest.mark.skipif("sys.platform != 'linux'", reason="there is no /dev/full")
@pytest.mark.parametrize("asked", ASKED)
def test_a_full_disk_is_told_in_words(programs: Programs, asked: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        status, told = ended(programs.write(PLAIN), *asked, stdout=full.fileno())
    assert (status, told) == (1, "error: cannot write to <stdout>: No space left on device\n")
