"""The program's own arguments, next to ours."""

from __future__ import annotations

import argparse
import subprocess
import sys

import pytest

from cloud_tasks.config.resolve import resolve
from cloud_tasks.config.table import OPTIONS
from cloud_tasks.errors import ConfigurationError
from tests.config.problems import problems_of, resolve_local


def test_both_are_in_the_namespace() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--my-arg", type=int, required=True)
    parser.add_argument("names", nargs="*")
    argv = ["--my-arg", "5", "--max-runtime", "10m", "--memory", "16", "--no-is-spot", "one", "two"]
    namespace = resolve(argv, {}, parser=parser, local_source=True).namespace
    assert (namespace.my_arg, namespace.names) == (5, ["one", "two"])
    assert (namespace.max_runtime, namespace.memory, namespace.is_spot) == (600, 16.0, False)
    assert (namespace.verbose, namespace.task_file, namespace.retry_on_exit) == (False, None, None)


def test_the_namespace_has_every_argument_of_ours_and_nothing_of_the_variables() -> None:
    namespace = resolve_local(RMS_CLOUD_TASKS_MAX_RUNTIME="5").namespace
    assert set(vars(namespace)) == {option.dest for option in OPTIONS}
    assert namespace.max_runtime is None


def test_flags_may_be_shortened_as_in_argparse() -> None:
    assert resolve_local("--num-sim", "3").settings.num_simultaneous_tasks == 3


def test_this_process_s_own_arguments_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["program", "--num-simultaneous-tasks", "7"])
    assert resolve(None, {}, local_source=True).settings.num_simultaneous_tasks == 7


@pytest.mark.parametrize(
    ("flags", "options", "theirs", "ours"),
    [
        (("--price",), {}, "--price", "--price"),
        (("-v", "--version"), {}, "-v/--version", "--verbose/-v"),
        (("--name",), {"dest": "job_id"}, "--name", "--job-id"),
        (("task_file",), {}, "task_file", "--task-file"),
        (("--no-is-spot",), {"dest": "on_demand"}, "--no-is-spot", "--is-spot/--no-is-spot"),
    ],
)
def test_a_clash_names_both(flags: tuple[str, ...], options: dict[str, str], theirs: str, ours: str) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(*flags, **options)  # type: ignore[arg-type] # argparse's overloads
    (problem,) = problems_of([], parser=parser)
    assert f"the program's argument {theirs} clashes with the worker's {ours}:" in problem.message


def test_an_argument_of_a_subcommand_clashes_by_its_name_too() -> None:
    parser = argparse.ArgumentParser()
    parser.add_subparsers().add_parser("go").add_argument("--where", dest="provider")
    (problem,) = problems_of([], parser=parser)
    assert "clashes with the worker's --provider" in problem.message


def test_a_flag_of_ours_after_a_subcommand_is_told_where_it_belongs() -> None:
    parser = argparse.ArgumentParser()
    parser.add_subparsers().add_parser("go")
    (problem,) = problems_of(["go", "--event-log-file", "x.log"], parser=parser)
    assert problem.message == 'the flag "--event-log-file" is not of the subcommand that it stands after'
    assert problem.helps == ("put it before the subcommand",)


def test_all_clashes_come_at_once() -> None:
    parser = argparse.ArgumentParser(conflict_handler="resolve")
    parser.add_argument("--price")
    parser.add_argument("--memory")
    assert len(problems_of([], parser=parser)) == 2


def test_a_parser_can_be_used_twice() -> None:
    parser = argparse.ArgumentParser()
    for seconds in (5, 6):
        resolved = resolve(["--max-runtime", str(seconds)], {}, parser=parser, local_source=True)
        assert resolved.settings.max_runtime == seconds


def test_what_the_program_s_own_parser_refuses_comes_with_the_rest() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int)
    problems = problems_of(["--count", "x"], {"RMS_CLOUD_TASKS_JSON": "ja"}, parser=parser)
    assert [problem.message for problem in problems] == [
        "--count: invalid int value: 'x'",
        'RMS_CLOUD_TASKS_JSON: expected a boolean, got "ja"',
    ]


def test_a_missing_argument_of_the_program_s() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--my-arg", required=True)
    (problem,) = problems_of([], parser=parser)
    assert problem.message == "the following arguments are required: --my-arg"


def test_a_parser_with_its_own_way_of_failing_keeps_it() -> None:
    class Strict(argparse.ArgumentParser):
        def error(self, message: str) -> None:  # type: ignore[override] # as programs write it
            raise LookupError(message)

    with pytest.raises(LookupError, match="expected one argument"):
        resolve(["--max-runtime"], {}, parser=Strict())


def test_a_parser_fails_in_its_own_way_again_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    resolve([], {}, parser=parser, local_source=True)
    with pytest.raises(SystemExit):
        parser.parse_args(["--unheard-of"])
    assert "unrecognized arguments" in capsys.readouterr().err


def test_a_default_that_the_program_gives_our_option_is_below_the_variable() -> None:
    def parser(**defaults: object) -> argparse.ArgumentParser:
        parser = argparse.ArgumentParser()
        parser.set_defaults(**defaults)
        return parser

    resolved = resolve([], {}, parser=parser(max_runtime=5, is_spot=True), local_source=True)
    assert (resolved.settings.max_runtime, resolved.settings.is_spot) == (5, True)
    assert str(resolved.origins["max_runtime"]) == "set by the program"
    variables = {"RMS_CLOUD_TASKS_MAX_RUNTIME": "7"}
    resolved = resolve([], variables, parser=parser(max_runtime=5), local_source=True)
    assert resolved.settings.max_runtime == 7
    (problem,) = problems_of([], parser=parser(max_runtime="soon"))
    assert problem.message.startswith("the program's default for --max-runtime: expected a duration")


def test_the_help_shows_both_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--my-arg", help="An argument of the program's.")
    with pytest.raises(SystemExit) as ended:
        resolve(["-h"], {}, parser=parser)
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "An argument of the program's." in shown
    for option in OPTIONS:
        for name in (*option.flags, option.variable):
            assert name in shown


@pytest.mark.parametrize("shell", ["bash", "ZSH"])
def test_a_completion_script_is_printed(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        resolve(["--print-completion", shell], {}, prog="add.py")
    assert ended.value.code == 0
    assert "--num-simultaneous-tasks" in capsys.readouterr().out


def test_a_shell_that_nobody_knows() -> None:
    with pytest.raises(
        ConfigurationError, match='--print-completion: expected bash, zsh or tcsh, got "fish"'
    ):
        resolve(["--print-completion", "fish"], {})


def test_completion_without_shtab_says_what_is_missing() -> None:
    program = (
        "import sys; sys.modules['shtab'] = None\n"
        "from cloud_tasks.config.resolve import resolve\n"
        "from cloud_tasks.errors import ConfigurationError\n"
        "try: resolve(['--print-completion', 'bash'], {})\n"
        "except ConfigurationError as error: print(error)"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "--print-completion needs the package shtab"
