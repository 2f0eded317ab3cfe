"""Programs that are told to stop at any time, by signals and by threads of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.compose.conductor.hosting import Program, Rig

ROOT = Path(__file__).parents[3]
HEAD = """
import os, signal, sys, threading, time
from cloud_tasks.conductor import Configuration, Worker, WorkerHost
def nothing(): return None
def say(text): os.write(1, f"{text}\\n".encode())
host = None
def go():
    global host
    there = Configuration(server_api_url=sys.argv[1], results_dir=sys.argv[2])
    host = WorkerHost([Worker("a", nothing), Worker("b", nothing, runner="thread")], there)
"""
SLOW = """
if __name__ != "__main__":
    time.sleep(1.0)
"""
BY_SIGNAL = """
if __name__ == "__main__":
    go()
    with host:
        say("starting")
        host.start_processes()
    say("ended")
"""
BY_THREAD = """
def stop():
    host.stop_processes()
    say("stopped")
if __name__ == "__main__":
    go()
    threading.Timer(0.5, stop).start()
    host.start_processes()
    host.join_processes()
    say("ended")
"""
DEAF = """
def stop():
    host.stop_processes()
    say("stopped")
if __name__ == "__main__":
    before = signal.getsignal(signal.SIGTERM)
    go()
    host.start_processes()
    stopper = threading.Thread(target=stop)
    stopper.start()
    stopper.join()
    if "join" in sys.argv:
        host.join_processes()
        assert signal.getsignal(signal.SIGTERM) is before
    say("waiting")
    time.sleep(60)
"""
FORKING = """
if __name__ == "__main__":
    go()
    host.start_processes()
    child = os.fork()
    if not child:
        say("forked")
        time.sleep(60)
        os._exit(0)
    time.sleep(0.5)
    os.kill(child, signal.SIGTERM)
    say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    host.stop_processes()
    say("ended")
"""


@pytest_asyncio.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path / "results")
    async with rig.server:
        yield rig


async def start(rig: Rig, program: str, tmp_path: Path, *more: str) -> Program:
    path = tmp_path / "program.py"
    path.write_text(HEAD + program)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(path),
        rig.server.url,
        str(rig.results),
        *more,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return Program(process)


def words(program: Program) -> list[str]:
    """What the program itself said, without the log."""
    assert not any("Traceback" in line for line in program.said), "\n".join(program.said)
    return [line for line in program.said if " " not in line]


async def test_a_signal_while_workers_are_being_started_ends_the_program(rig: Rig, tmp_path: Path) -> None:
    program = await start(rig, SLOW + BY_SIGNAL, tmp_path)
    try:
        await program.line("starting")
        await asyncio.sleep(0.3)
        async with asyncio.timeout(10.0):
            assert await program.stop(signal.SIGINT) == 0, program.said
    finally:
        await program.kill()
    assert words(program) == ["starting", "ended"]


@pytest.mark.parametrize("slowly", [True, False])
async def test_another_thread_may_stop_the_workers(rig: Rig, tmp_path: Path, *, slowly: bool) -> None:
    program = await start(rig, (SLOW if slowly else "") + BY_THREAD, tmp_path)
    try:
        async with asyncio.timeout(10.0):
            assert await program.end() == 0, program.said
    finally:
        await program.kill()
    assert sorted(words(program)) == ["ended", "stopped"]


@pytest.mark.parametrize("more", [(), ("join",)])
async def test_a_program_whose_workers_another_thread_has_stopped_hears_signals(
    rig: Rig, tmp_path: Path, more: tuple[str, ...]
) -> None:
    program = await start(rig, DEAF, tmp_path, *more)
    try:
        await program.line("waiting")
        async with asyncio.timeout(5.0):
            assert await program.stop() == -signal.SIGTERM, program.said
    finally:
        await program.kill()
    assert words(program) == ["stopped", "waiting"]


async def test_a_signal_to_a_fork_of_the_program_is_not_for_its_workers(rig: Rig, tmp_path: Path) -> None:
    """What `multiprocessing` forks and terminates went on: the handler of its parent asked nobody to end."""
    program = await start(rig, FORKING, tmp_path)
    try:
        async with asyncio.timeout(10.0):
            assert await program.end() == 0, program.said
    finally:
        await program.kill()
    assert words(program) == ["forked", f"{-signal.SIGTERM}", "ended"]
