"""Programs in files of their own, started as a user starts them: start methods, imports, early errors."""

# The interpreter is started with programs written here.
# ruff: noqa: S603

from __future__ import annotations

import asyncio
import functools
import gc
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from cloud_tasks.errors import ConfigurationError, ProgramError
from cloud_tasks.runners import importing
from cloud_tasks.runners.process import ProcessRunner
from tests.runners import programs
from tests.runners.driving import PATIENCE_S, Written, is_alive, pids_in, program, until

ROOT = Path(__file__).parents[2]

DRIVER = """
import asyncio, json, sys
from cloud_tasks.core.task import Task
from cloud_tasks.errors import ProgramError
from cloud_tasks.interfaces import RunSpec
from cloud_tasks.runners.process import ProcessRunner
from cloud_tasks.runners.program import Program
from cloud_tasks.runners.worker_data import WorkerData

class Listener:
    def __init__(self):
        self.over = asyncio.Event()
    def started(self, pid):
        print("started", flush=True)
    def start_failed(self, reason):
        print("start failed:", reason, flush=True)
        self.over.set()
    def progress(self, done, total):
        pass
    def ended(self, end):
        result = end.result if end.result is None else json.loads(bytes(end.result))
        print(end.kind.value, result, end.exception, end.stderr_tail, flush=True)
    def finished(self, end):
        self.ended(end)
        self.gone()
    def gone(self):
        self.over.set()

def show(task_id, stream, chunk):
    getattr(sys, stream).buffer.write(chunk)
    getattr(sys, stream).flush()
    return True

async def drive(function, method, tasks):
    runner = ProcessRunner(Program(function, WorkerData()), start_method=method, output=show)
    await runner.open()
    listeners = []
    for data in tasks:
        listeners.append(Listener())
        runner.start(RunSpec(Task("task", data), 1), listeners[-1])
    for listener in listeners:
        await listener.over.wait()
    await runner.aclose()

def main(function, tasks=({},)):
    try:
        asyncio.run(drive(function, sys.argv[1], tasks))
    except ProgramError as error:
        for problem in error.problems:
            print("PROBLEM", problem.message, problem.place, problem.helps, problem.notes)
        sys.exit(2)
"""


def write_program(tmp_path: Path, text: str) -> Path:
    (tmp_path / "driver.py").write_text(DRIVER)
    path = tmp_path / "users_program.py"
    path.write_text("from driver import main\n" + textwrap.dedent(text))
    return path


def run_program(path: Path, method: str, *, status: int = 0, command: tuple[str, ...] = ()) -> str:
    done = subprocess.run(
        [sys.executable, *(command or (str(path),)), method],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=path.parent,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("method", ["forkserver", "fork", "spawn"])
def test_a_program_runs_its_own_function(tmp_path: Path, method: str) -> None:
    path = write_program(
        tmp_path,
        """
        VALUE = 41
        def task(task_id, data, worker_data):
            global VALUE
            VALUE += 1
            return False, [VALUE, __name__]
        if __name__ == "__main__":
            main(task, ({}, {}))
        """,
    )
    said = run_program(path, method)
    assert said.count("returned [42, ") == 2
    as_module = run_program(path, method, command=("-m", "users_program"))
    assert as_module.count("returned [42, ") == 2


def test_fork_imports_nothing_twice_and_runs_closures(tmp_path: Path) -> None:
    path = write_program(
        tmp_path,
        """
        print("imported")
        def make(value):
            return lambda task_id, data, worker_data: (False, value)
        main(make("closure"))
        """,
    )
    said = run_program(path, "fork")
    assert said.count("imported") == 1
    assert "returned closure" in said


def test_fork_tasks_can_use_asyncio_although_they_were_forked_from_a_loop(tmp_path: Path) -> None:
    path = write_program(
        tmp_path,
        """
        import asyncio
        async def task(task_id, data, worker_data):
            process = await asyncio.create_subprocess_exec("echo", "hi", stdout=asyncio.subprocess.PIPE)
            return False, (await process.communicate())[0].decode()
        main(task, ({}, {}, {}))
        """,
    )
    assert run_program(path, "fork").count("returned hi") == 3


def test_fork_refuses_a_program_with_threads(tmp_path: Path) -> None:
    path = write_program(
        tmp_path,
        """
        import threading, time
        def task(task_id, data, worker_data):
            return False, None
        threading.Thread(target=time.sleep, args=(600,), daemon=True, name="helper").start()
        main(task)
        """,
    )
    said = run_program(path, "fork", status=2)
    assert "needs a program without threads, and it has 1: helper" in said
    assert "forkserver" in said


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_program_without_a_main_guard_is_no_fork_bomb(tmp_path: Path, method: str) -> None:
    path = write_program(
        tmp_path,
        """
        from cloud_tasks.errors import Problem, ProgramError
        from cloud_tasks.runners.importing import importing_program
        def task(task_id, data, worker_data):
            return False, None
        print("imported")
        if importing_program():
            problem = Problem("program starts a Worker when it is imported", helps=("put it under a guard",))
            raise ProgramError(problem)
        main(task)
        """,
    )
    said = run_program(path, method, status=2)
    assert "PROBLEM program starts a Worker when it is imported None ('put it under a guard',)" in said
    assert 1 <= said.count("imported\n") <= 2


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("import no_such_module_anywhere", "No module named 'no_such_module_anywhere'"),
        ("raise SystemExit(3)", "it calls sys.exit(3) when it is imported"),
        ("x = 1 / 0", "division by zero"),
    ],
)
def test_a_program_that_cannot_be_imported_shows_the_users_line(
    tmp_path: Path, method: str, line: str, words: str
) -> None:
    path = write_program(
        tmp_path,
        f"""
        def task(task_id, data, worker_data):
            return False, None
        if __name__ != "__main__":
            {line}
        else:
            main(task)
        """,
    )
    said = run_program(path, method, status=2)
    assert words in said
    assert f"{path}:6:1" in said
    assert "search path" in said


@pytest.mark.parametrize("method", ["forkserver", "fork", "spawn"])
def test_paths_and_arguments_that_are_no_text_arrive_as_they_are(tmp_path: Path, method: str) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xe9"))
    odd.mkdir()
    path = write_program(
        odd,
        """
        import os, sys
        def task(task_id, data, worker_data):
            texts = [os.getcwd(), __file__, *sys.argv[2:]]
            return False, " ".join(os.fsencode(text).hex() for text in texts)
        if __name__ == "__main__":
            main(task)
        """,
    )
    said = run_program(path, method, command=(str(path), method, os.fsdecode(b"caf\xe9")))
    texts = [str(odd), str(path), os.fsdecode(b"caf\xe9"), method]
    assert " ".join(os.fsencode(text).hex() for text in texts) in said
    if method != "fork":
        path.write_text(
            path.read_text().replace("import os, sys", "import os, sys; 1 / (__name__ == '__main__')")
        )
        assert "d\\udce9/users_program.py`" in run_program(path, method, status=2)


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_working_directory_that_is_gone_is_told(tmp_path: Path, method: str) -> None:
    path = write_program(
        tmp_path,
        """
        import os, tempfile
        def task(task_id, data, worker_data):
            return False, None
        if __name__ == "__main__":
            with tempfile.TemporaryDirectory() as gone:
                os.chdir(gone)
            main(task)
        """,
    )
    assert "the working directory is not there any more" in run_program(path, method, status=2)


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_function_that_is_only_there_in_the_main_program_is_not_found(tmp_path: Path, method: str) -> None:
    path = write_program(
        tmp_path,
        """
        if __name__ == "__main__":
            def task(task_id, data, worker_data):
                return False, None
            main(task)
        """,
    )
    said = run_program(path, method, status=2)
    assert "function `task` is not in module `__main__` when task processes import it" in said
    assert "--start-method fork" in said


def test_a_program_that_kills_its_process_while_it_is_imported_is_told(tmp_path: Path) -> None:
    path = write_program(
        tmp_path,
        """
        import os
        def task(task_id, data, worker_data):
            return False, None
        if __name__ != "__main__":
            os._exit(1)
        main(task)
        """,
    )
    assert "died while it imported it" in run_program(path, "forkserver", status=2)


def test_a_program_from_standard_input_cannot_be_imported(tmp_path: Path) -> None:
    text = write_program(
        tmp_path,
        """
        def task(task_id, data, worker_data):
            return False, "done"
        main(task)
        """,
    ).read_text()
    said = run_program(tmp_path / "x", "forkserver", status=2, command=("-c", text))
    assert "the program is not a file" in said
    assert "returned done" in run_program(tmp_path / "x", "fork", command=("-c", text))


def _outer() -> object:
    def inner() -> None: ...

    return inner


class _Callable:
    def __init__(self) -> None:
        self.lock = threading.Lock()  # so that it cannot be made again elsewhere

    def __call__(self) -> None: ...

    def method(self) -> None: ...


@pytest.mark.parametrize(
    "function",
    [
        lambda: None,
        _outer(),
        functools.partial(programs.echo, "a", {"lock": threading.Lock()}),
        _Callable(),
        _Callable().method,
    ],
    ids=["lambda", "nested", "partial", "object", "bound method"],
)
@pytest.mark.parametrize("method", ["forkserver", "spawn"])
async def test_a_function_without_a_name_is_refused_at_once(function: object, method: str) -> None:
    assert callable(function)
    runner = ProcessRunner(program(function), start_method=method, output=Written())
    with pytest.raises(ProgramError, match="cannot be found by name") as caught:
        await runner.open()
    assert "--start-method fork" in " ".join(caught.value.problems[0].helps)


def test_an_unknown_start_method_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="unknown start method `thread`"):
        ProcessRunner(program(programs.echo), start_method="thread", output=Written())


def test_nothing_is_being_imported_here() -> None:
    assert not importing.importing_program()


def _modules(task_id: str, data: dict[str, object], worker_data: object) -> tuple[bool, object]:
    return False, sorted(sys.modules)


def test_the_template_is_lean(tmp_path: Path) -> None:
    """Every module that the template holds costs every task; none of these has a place in it."""
    path = write_program(
        tmp_path,
        """
        def task(task_id, data, worker_data):
            import sys
            return False, sorted(sys.modules)
        if __name__ == "__main__":
            main(task)
        """,
    ).with_name("task_module.py")
    path.write_text(
        "import sys\ndef task(task_id, data, worker_data):\n    return False, sorted(sys.modules)\n"
    )
    starter = path.with_name("starter.py")
    starter.write_text("from driver import main\nimport task_module\nmain(task_module.task)\n")
    modules = run_program(starter, "forkserver").split("returned ")[1]
    for heavy in (
        "asyncio",
        "threading",
        "logging",
        "msgspec",
        "argparse",
        "socket",
        "subprocess",
        "pathlib",
    ):
        assert f"'{heavy}'" not in modules


@pytest.mark.skipif(sys.platform != "linux", reason="orphans can be adopted on Linux only")
@pytest.mark.parametrize("method", ["forkserver", "fork", "spawn"])
def test_f18_kill_9_of_the_worker_leaves_no_process_behind(tmp_path: Path, method: str) -> None:
    pids = tmp_path / "pids"
    path = write_program(
        tmp_path,
        f"""
        import os, subprocess, sys, time
        from tests.runners import programs
        def task(task_id, data, worker_data):
            with open({str(pids)!r} + data["name"], "w") as file:
                file.write(f"{{os.getpid()}}\\n{{os.getppid()}}\\n")
            behind = {{"path": {str(pids)!r} + data["name"], "hang": True}}
            return programs.do_leave_behind(behind, worker_data)
        if __name__ == "__main__":
            main(task, ({{"name": "1"}}, {{"name": "2"}}))
        """,
    )
    worker = subprocess.Popen(
        [sys.executable, str(path), method],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )

    def all_pids() -> list[int]:
        return pids_in(Path(f"{pids}1")) + pids_in(Path(f"{pids}2"))

    async def killed() -> None:
        await until(lambda: len(all_pids()) == 10)
        assert [is_alive(pid) for pid in all_pids()].count(True) == 10
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        # One second on a machine that has nothing else to do.
        await until(lambda: not any(is_alive(pid) for pid in all_pids()), 5.0)

    asyncio.run(killed())


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_f18_kill_9_of_the_worker_while_the_program_is_imported(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    path = write_program(
        tmp_path,
        f"""
        import os, time
        def task(task_id, data, worker_data):
            return False, None
        if __name__ != "__main__":
            open({str(pids)!r}, "w").write(str(os.getpid()))
            time.sleep(600)
        main(task)
        """,
    )
    worker = subprocess.Popen(
        [sys.executable, str(path), "forkserver"], env={**os.environ, "PYTHONPATH": str(ROOT)}
    )

    async def killed() -> None:
        await until(lambda: pids_in(pids) != [])
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        await until(lambda: not is_alive(pids_in(pids)[0]), 5.0)

    asyncio.run(killed())


def test_fork_from_here_leaves_the_loop_alone(tmp_path: Path) -> None:
    """In a program of its own: the process of the tests may have threads of others' libraries."""
    path = write_program(
        tmp_path,
        """
        import asyncio, os
        from driver import Listener, ProcessRunner, Program, RunSpec, Task, WorkerData, show

        async def drive():
            program = Program(lambda task_id, data, worker_data: (False, data), WorkerData())
            runner = ProcessRunner(program, start_method="fork", output=show)
            await runner.open()
            for number in range(3):
                listener = Listener()
                runner.start(RunSpec(Task("task", {"a": number}), 1), listener)
                await listener.over.wait()
            reader, writer = os.pipe()
            seen = asyncio.Event()
            asyncio.get_running_loop().add_reader(reader, seen.set)
            os.write(writer, b"x")
            await asyncio.wait_for(seen.wait(), 30)
            print("the loop sees its readers", flush=True)
            await runner.aclose()

        asyncio.run(drive())
        """,
    )
    lines = run_program(path, "fork").splitlines()
    assert [line.rstrip() for line in lines if line != "started"] == [
        "returned {'a': 0}",
        "returned {'a': 1}",
        "returned {'a': 2}",
        "the loop sees its readers",
    ]


@pytest.mark.parametrize("_", range(5))
async def test_a_runner_that_is_closed_at_once_leaves_no_socket(_: int) -> None:
    """The process that was to import the program has answered then, and has not ended."""
    runner = ProcessRunner(program(programs.who), start_method="spawn", output=Written())
    before = open_sockets()
    await runner.open()
    await runner.aclose()
    assert open_sockets() == before


def open_sockets() -> int:
    gc.collect()
    return sum(isinstance(thing, socket.socket) and thing.fileno() >= 0 for thing in gc.get_objects())
