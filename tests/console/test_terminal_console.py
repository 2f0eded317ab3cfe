from __future__ import annotations

import fcntl
import json
import struct
import termios
from collections.abc import Callable
from functools import partial

from cloud_tasks.console import Console, Level, Stream, choose_console
from cloud_tasks.console.plain import PlainConsole
from tests.console.ends import Pipe, Terminal
from tests.console.factories import completed, raised, record, summary_of

ENVIRON = {"TERM": "xterm-256color"}
BARS = "━╸╺"


def bars(screen: list[str]) -> list[str]:
    return [line for line in screen if any(mark in line for mark in BARS)]


def shows(text: str, screen: list[str]) -> bool:
    return any(text in line for line in screen)


def choose(terminal: Terminal, **environ: str) -> Console:
    return choose_console(terminal.stream, terminal.stream, ENVIRON | environ)


async def test_the_bar_shows_how_far_the_work_is(terminal: Terminal) -> None:
    console = choose(terminal)
    console.checking(500, 1000, 12_345)
    terminal.wait_for(lambda screen: any("50 %  12,345 tasks" in line for line in bars(screen)))
    console.open(4)
    console.task_started("a")
    terminal.wait_for(lambda screen: any("0/4  0 %  0 failed  1 running" in line for line in bars(screen)))
    await console.emit([record(completed("a")), record(raised("b"))])
    terminal.wait_for(lambda screen: any("2/4  50 %  1 failed  0 running" in line for line in bars(screen)))
    terminal.wait_for(lambda screen: any(" left" in line for line in bars(screen)))
    assert len(bars(terminal.screen())) == 1
    console.open(None)
    terminal.wait_for(lambda screen: any(" 2  1 failed" in line for line in bars(screen)))
    await console.aclose()
    assert bars(terminal.last_screen()) == []


async def test_running_tasks_show_their_own_progress(terminal: Terminal) -> None:
    console = choose(terminal)
    console.open(100)
    for number in range(10):
        console.task_started(f"task-{number}")
    console.task_progress("task-3", 34, 100)
    console.task_progress("task-4", 1234.5, None)
    console.task_progress("not-running", 1, 2)
    terminal.wait_for(lambda screen: len(bars(screen)) == 3)
    screen = terminal.screen()
    assert any("task-3" in line and "34/100" in line for line in screen)
    assert any("task-4" in line and "1,234.5" in line for line in screen)
    await console.emit([record(completed("task-3"))])
    terminal.wait_for(lambda screen: len(bars(screen)) == 2)
    for number in range(10):
        console.task_progress(f"task-{number}", 1, 2)
    terminal.wait_for(lambda screen: len(bars(screen)) == 5)
    await console.aclose()


async def test_what_is_written_stands_above_the_bar_and_is_not_harmed_by_it(terminal: Terminal) -> None:
    console = choose(terminal)
    console.open(200)
    for number in range(200):
        task_id = f"task-{number}"
        console.task_started(task_id)
        console.task_progress(task_id, 1, 2)
        console.output(task_id, Stream.STDOUT, b"out %d\n" % number)
        console.output(task_id, Stream.STDERR, b"err %d" % number)
        await console.emit([record(completed(task_id))])
        if number % 20 == 0:
            terminal.wait_for(partial(shows, f" {number + 1}/200 "))
            assert bars(terminal.screen()[-5:])
    console.message(Level.ERROR, "something [red]is[/red] wrong")
    console.finish(summary_of(completed("a", 1.0), completed("b", 2.0), raised("c"), total=3))
    await console.aclose()
    screen = terminal.last_screen()
    assert bars(screen) == []
    written = [line for line in screen if line.startswith(("out ", "err "))]
    assert written == [f"{kind} {number}" for number in range(200) for kind in ("out", "err")]
    assert "error: something [red]is[/red] wrong" in screen
    assert [line.split() for line in screen if line.split()[:1] == ["completed"]] == [
        ["completed", "2", "66", "%"]
    ]
    assert any("ValueError: bad value" in line for line in screen)
    assert "2 of 3 tasks completed in 500 ms (6.0/s), 1 failed" in screen


async def test_no_colour_where_none_is_wanted(terminal: Terminal) -> None:
    console = choose(terminal, NO_COLOR="1")
    console.open(2)
    await console.emit([record(raised("b"))])
    terminal.wait_for(lambda screen: "failed: b: ValueError: bad value" in screen)
    console.finish(summary_of(raised("b")))
    await console.aclose()
    terminal.close()
    assert b"\x1b[38;" not in terminal.data
    assert b"\x1b[31m" not in terminal.data
    assert b"\x1b[1;31m" not in terminal.data


async def test_colour_where_nothing_is_said(terminal: Terminal) -> None:
    console = choose(terminal)
    console.message(Level.ERROR, "hello")
    await console.aclose()
    terminal.close()
    assert b"\x1b[1;31merror: \x1b[0mhello" in terminal.data


async def test_tasks_cannot_steer_the_terminal_through_their_ids(terminal: Terminal) -> None:
    console = choose(terminal)
    console.open(2)
    console.task_started("\x1b[2J")
    console.task_progress("\x1b[2J", 1, 2)
    terminal.wait_for(lambda screen: len(bars(screen)) == 2)
    await console.emit([record(raised("\x1b[2J\n"))])
    console.finish(summary_of(raised("\x1b[2J\n")))
    await console.aclose()
    terminal.close()
    assert b"\x1b[2J" not in terminal.data
    assert b"\\x1b[2J\\n" in terminal.data


async def test_a_narrow_terminal_does_not_wrap_the_bar(terminal: Terminal) -> None:
    fcntl.ioctl(terminal.stream.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", 10, 30, 0, 0))
    terminal.columns = 30
    console = choose(terminal)
    console.open(1_000_000)
    console.task_started("a-task-with-a-rather-long-name-indeed")
    console.task_progress("a-task-with-a-rather-long-name-indeed", 1, 2)
    terminal.wait_for(lambda screen: len(screen) == 3)
    await console.aclose()
    assert terminal.last_screen() == [""]


async def test_stdout_in_a_pipe_beside_a_bar(terminal: Terminal, pipes: Callable[[], Pipe]) -> None:
    out = pipes()
    out.read()
    console = choose_console(out.stream, terminal.stream, ENVIRON)
    console.open(2)
    console.output("a", Stream.STDOUT, b"data\n")
    terminal.wait_for(lambda screen: len(bars(screen)) == 1)
    await console.aclose()
    assert out.text() == "data\n"
    assert b"data" not in terminal.data


async def test_json_beside_a_bar(terminal: Terminal, pipes: Callable[[], Pipe]) -> None:
    out = pipes()
    out.read()
    console = choose_console(out.stream, terminal.stream, ENVIRON, json=True)
    console.open(2)
    console.output("a", Stream.STDOUT, b"printed\n")
    terminal.wait_for(lambda screen: "printed" in screen and len(bars(screen)) == 1)
    console.finish(summary_of(completed("a")))
    await console.aclose()
    assert json.loads(out.text())["counts"]["completed"] == 1
    assert terminal.last_screen() == ["printed", "1 task completed in 500 ms (2.0/s)", ""]


async def test_a_terminal_that_goes_away_harms_nobody() -> None:
    terminal = Terminal()
    console = choose(terminal)
    console.open(2)
    terminal.wait_for(lambda screen: len(bars(screen)) == 1)
    terminal.close()
    console.message(Level.INFO, "hello")
    console.finish(summary_of())
    await console.aclose()


async def test_a_dumb_terminal_gets_plain_lines(terminal: Terminal) -> None:
    console = choose(terminal, TERM="dumb")
    assert isinstance(console, PlainConsole)
    console.message(Level.ERROR, "hello")
    await console.aclose()
    terminal.wait_for(lambda screen: screen == ["error: hello", ""])
    assert b"\x1b" not in terminal.data
