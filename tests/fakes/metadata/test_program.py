"""`python -m fakes.metadata`, as a user runs it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


class Program:
    """The stand-in as a process; none outlives its test."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._processes: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "fakes.metadata", *arguments],
            cwd=self._directory,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        return process

    def refused(self, *arguments: str) -> str:
        stdout, stderr = self.start(*arguments).communicate(timeout=60)
        assert self._processes[-1].returncode == 2, stderr
        assert stdout == ""
        assert "Traceback" not in stderr
        return stderr

    def end(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    one = Program(tmp_path)
    yield one
    one.end()


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("listening on http://127.0.0.1:"), line
    return line.split()[-1]


def status(url: str, **headers: str) -> int:
    request = urllib.request.Request(  # noqa: S310 - the address that the stand-in told
        url, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_when_asked(program: Program, number: signal.Signals) -> None:
    process = program.start("--script", "notice-then-kill.yaml")
    url = url_of(process)
    assert status(f"{url}/computeMetadata/v1/instance/preempted", Metadata_Flavor="Google") == 200
    assert status(f"{url}/latest/meta-data/instance-id") == 401
    assert status(f"{url}/metadata/scheduledevents") == 400
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout, stderr) == (0, "", "")


def test_it_ends_although_somebody_hangs_on(program: Program) -> None:
    process = program.start()
    port = int(url_of(process).rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(
            b"GET /computeMetadata/v1/instance/preempted?wait_for_change=true HTTP/1.1\r\n"
            b"Host: x\r\nMetadata-Flavor: Google\r\n\r\n"
        )
        process.terminate()
        _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (0, "")


def test_one_cloud_can_be_served_alone(program: Program) -> None:
    url = url_of(program.start("--cloud", "gcp"))
    assert status(f"{url}/latest/meta-data/instance-id") == 404


def test_it_ends_the_group_that_it_was_given(program: Program, tmp_path: Path) -> None:
    (tmp_path / "now.yaml").write_text("timeline:\n- {at_s: 0.2, do: kill}\n")
    victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], process_group=0)
    try:
        process = program.start("--script", "now.yaml", "--instance-pgid", str(victim.pid))
        url = url_of(process)
        assert victim.wait(timeout=30) == -signal.SIGKILL
        assert process.stderr is not None
        assert process.stderr.readline().endswith("s: kill\n")
        assert status(f"{url}/metadata/scheduledevents") == 400, "it goes on"
    finally:
        victim.kill()
        victim.wait()


def test_it_ends_when_a_step_fails(program: Program, tmp_path: Path) -> None:
    """Who waits for the next step would wait for ever: here nobody can be told of them any more."""
    (tmp_path / "two.yaml").write_text("timeline:\n- {at_s: 0, do: notice}\n- {at_s: 0, do: heal}\n")
    process = program.start("--script", "two.yaml")
    assert process.stderr is not None
    process.stderr.close()
    process.stderr = None
    assert process.wait(timeout=30) != 0


def test_a_bad_script_is_told_with_its_line(program: Program, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("timeline:\n- {at_s: 1, do: kill, hard: true}\n")
    told = program.refused("--script", "bad.yaml")
    assert "error: unknown key `hard`" in told
    assert "bad.yaml:2:23" in told


def test_a_busy_port_is_told(program: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"cannot listen on 127.0.0.1, port {port}" in program.refused("--port", str(port))


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--port", "70000"), "--port: expected 0 to 65535"),
        (("--port", "x"), "--port: expected 0 to 65535"),
        (("--cloud", "other"), "invalid choice"),
        (("--script", "no-such"), "there is no script `no-such`"),
        (("--instance-pgid", "1"), "process group 1 is none that may be ended"),
        (("--instance-pgid", "4194305"), "process group 4194305: No such process"),
    ],
)
def test_other_mistakes_are_told(program: Program, arguments: tuple[str, ...], what: str) -> None:
    assert what in program.refused(*arguments)


def test_a_missing_library_is_named_with_the_extra_that_brings_it() -> None:
    run = "runpy.run_module('fakes.metadata', run_name='__main__')"
    program = f"import runpy, sys; sys.modules['aiohttp'] = None; {run}"
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr == (
        "error: the stand-in needs the package aiohttp, which is not installed\n"
        " help: pip install 'cloud-tasks[fakes]'\n"
    )
