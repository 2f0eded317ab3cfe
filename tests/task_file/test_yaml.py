"""YAML task files: every valid style, and a clear word on every invalid one; with both parsers of PyYAML."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cloud_tasks.core.task import Task
from cloud_tasks.diagnostics import render
from cloud_tasks.task_file import Limits, open_task_file
from cloud_tasks.task_file.items import Fault
from cloud_tasks.task_file.limits import DEFAULT_LIMITS
from cloud_tasks.task_file.yaml_reader import EventSource, YamlReader, fastest_parser, python_parser
from cloud_tasks.task_file.yaml_text import YamlText
from tests.task_file.files import Write, refused, streamed

Read = Callable[..., list[Task | Fault]]


def read_with(
    parser: Callable[[YamlText], EventSource], text: str | bytes, limits: Limits = DEFAULT_LIMITS
) -> list[Task | Fault]:
    """Read YAML with a parser."""
    source = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    return list(YamlReader(source, "tasks.yaml", limits, parser))


@pytest.fixture(params=[fastest_parser, python_parser])
def items(request: pytest.FixtureRequest) -> Read:
    """Read YAML with one of the two parsers."""
    return functools.partial(read_with, request.param)


def faults(items: list[Task | Fault]) -> str:
    """What a user sees of the faults among the items."""
    return render([problem for item in items if isinstance(item, Fault) for problem in item.problems])


STYLES = {
    "block": "- task_id: a\n  data:\n    x: 1\n- task_id: b\n  data: {}\n",
    "indented": "  - task_id: a\n    data:\n      x: 1\n  - task_id: b\n    data: {}\n",
    "flow": "[{task_id: a, data: {x: 1}}, {task_id: b, data: {}}]",
    "flow over lines": "[\n {task_id: a,\n data: {x: 1}},\n {task_id: b, data: {}}\n]\n",
    "json": '[{"task_id": "a", "data": {"x": 1}}, {"task_id": "b", "data": {}}]',
    "leading marker": "---\n- {task_id: a, data: {x: 1}}\n- {task_id: b, data: {}}\n...\n",
    "directive": "%YAML 1.1\n---\n- {task_id: a, data: {x: 1}}\n- {task_id: b, data: {}}\n",
    "comments": "# one\n\n- task_id: a # two\n\n  # 3\n  data:\n    x: 1\n\n- {task_id: b, data: {}}\n# 4\n",
    "dash alone": "-\n  task_id: a\n  data:\n    x: 1\n-\n  task_id: b\n  data: {}\n",
    "quoted": "- 'task_id': \"a\"\n  ? data\n  : x: 1\n- task_id: b\n  data: {}\n",
    "tags of data": "!!seq\n- !!map\n  task_id: !!str a\n  data: {x: !!int 1}\n- {task_id: ! b, data: {}}\n",
    "anchors": "- task_id: &name a\n  data: &data {x: 1}\n- task_id: b\n  data: {}\n",
    "windows": "- task_id: a\r\n  data:\r\n    x: 1\r\n- task_id: b\r\n  data: {}\r\n",
    "byte order mark": "\ufeff- task_id: a\n  data:\n    x: 1\n- task_id: b\n  data: {}\n",
    "no newline at the end": "- task_id: a\n  data:\n    x: 1\n- task_id: b\n  data: {}",
}


@pytest.mark.parametrize("style", STYLES)
def test_f35_every_valid_style_yields_every_task(items: Read, style: str) -> None:
    assert items(STYLES[style]) == [Task("a", {"x": 1}), Task("b", {})]


def test_f35_strings_over_several_lines(items: Read) -> None:
    text = """
- task_id: a
  data:
    literal: |
      one
        two
    folded: >-
      one
      two
    plain: one
      two
"""
    assert items(text) == [Task("a", {"literal": "one\n  two\n", "folded": "one two", "plain": "one two"})]


def test_f35_anchors_aliases_and_merges(items: Read) -> None:
    text = """
- task_id: a
  data: &base {x: 1, list: &list [1, 2]}
- task_id: b
  data: {<<: *base, x: 2, again: *list}
- task_id: c
  data: {<<: [{y: 1}, {y: 2, z: 3}], s: <<}
"""
    assert items(text) == [
        Task("a", {"x": 1, "list": [1, 2]}),
        Task("b", {"x": 2, "list": [1, 2], "again": [1, 2]}),
        Task("c", {"y": 1, "z": 3, "s": "<<"}),
    ]


def test_what_one_task_does_to_aliased_data_never_reaches_another(items: Read) -> None:
    first, second = items("- {task_id: a, data: &d {x: [1]}}\n- {task_id: b, data: *d}\n")
    assert isinstance(first, Task)
    assert isinstance(second, Task)
    first.data["x"].append(2)  # type: ignore[union-attr]
    assert second.data == {"x": [1]}


def test_f34_a_tag_never_runs_code(items: Read, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    text = f"- task_id: a\n  data: !!python/object/apply:os.mkdir ['{proof}']\n- task_id: b\n  data: {{}}\n"
    shown = faults(items(text))
    assert "the YAML tag `!!python/object/apply:os.mkdir` is refused" in shown
    assert "--> tasks.yaml:2:9" in shown
    assert "task files hold data only" in shown
    assert not proof.exists()


@pytest.mark.parametrize(
    "tag", ["!custom x", "!!binary aGk=", "!!set {a}", "!!omap [a: 1]", "!!timestamp 2001-01-01"]
)
def test_input_10_other_tags_are_refused(items: Read, tag: str) -> None:
    assert "error: task 1:" in faults(items(f"- task_id: a\n  data: {{x: {tag}}}\n"))


def test_input_10_an_alias_bomb_is_refused(items: Read) -> None:
    lines = ["- task_id: bomb", "  data:", "    a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"    a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    found = items("\n".join([*lines, "- {task_id: fine, data: {}}"]), Limits(task_size_bytes_max=100_000))
    assert "its aliases make it too large" in faults(found)
    assert found[-1] == Task("fine", {})


def test_input_10_a_bomb_over_many_tasks_is_refused(items: Read) -> None:
    lines = [f"- &a0 {{task_id: t0, data: {{x: {'y' * 1000}}}}}"]
    lines += [f"- &a{n} {{task_id: t{n}, data: {{x: *a{n - 1}, y: *a{n - 1}}}}}" for n in range(1, 40)]
    shown = faults(items("\n".join(lines), Limits(anchors_size_bytes_max=100_000)))
    assert "the anchors of the file name more than 100,000 bytes" in shown


def test_input_10_an_alias_inside_what_it_names(items: Read) -> None:
    assert "`*a` stands inside what it names" in faults(items("- task_id: a\n  data: &a {x: *a}\n"))
    assert "`*all` stands inside what it names" in faults(items("&all\n- task_id: a\n  data: {x: *all}\n"))


def test_an_alias_for_nothing(items: Read) -> None:
    assert "no `&b` comes before it" in faults(items("- task_id: a\n  data: *b\n"))


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n", "---\n...\n"])
def test_input_02_empty_yaml(items: Read, text: str) -> None:
    assert "expected a list of tasks, but the file is empty" in faults(items(text))


def test_input_02_an_empty_yaml_list_is_no_tasks(items: Read) -> None:
    assert items("[]") == []


def test_input_04_a_yaml_mapping_at_the_top(items: Read) -> None:
    shown = faults(items("# x\ntasks:\n  - task_id: a\n"))
    assert "expected a list of tasks, found the key `tasks` of a mapping" in shown
    assert "--> tasks.yaml:2:1\n 2 | tasks:\n   | ^^^^^" in shown


@pytest.mark.parametrize("text", ["hello\n", "{}", "3", "|\n  x"])
def test_input_04_other_yaml_at_the_top(items: Read, text: str) -> None:
    assert "error: expected a list of tasks, found" in faults(items(text))


def test_input_05_duplicate_yaml_keys_show_both_places(items: Read) -> None:
    shown = faults(items("- task_id: a\n  data:\n    x: 1\n    y: {x: 2}\n    x: 3\n"))
    assert "task 1: the key `x` is there twice" in shown
    assert "--> tasks.yaml:5:5\n 5 |     x: 3\n   |     ^ first at 3:5" in shown
    assert shown.count("error:") == 1


def test_input_06_duplicate_yaml_ids_show_both_places(write: Write) -> None:
    path = write("- task_id: a\n  data: {}\n- {data: {}, task_id: a}\n", "tasks.yml")
    shown = refused(path)
    assert (
        "--> tasks.yml:3:23\n 3 | - {data: {}, task_id: a}\n   |                       ^ first at 1:12"
        in shown
    )
    assert [task.task_id for task in open_task_file(path, on_duplicate="skip")] == ["a"]


@pytest.mark.parametrize(
    ("item", "message", "place"),
    [
        ("{data: {}}", "no `task_id`", "1:3"),
        ("{task_id: '', data: {}}", "it is empty", "1:13"),
        ("{task_id: 012, data: {}}", "expected a string, got the integer 10", "1:13"),
        ("{task_id: no, data: {}}", "expected a string, got the boolean false", "1:13"),
        ("{task_id: , data: {}}", "expected a string, got null", "1:"),
        ("{task_id: a/b, data: {}}", "`a/b` holds `/`", "1:13"),
        ('{task_id: "a\\0", data: {}}', "holds a NUL character", "1:13"),
        ("{id: a, data: {}}", "did you mean `task_id`?", "1:4"),
        ("{task_id: a, payload: {}}", "did you mean `data`?", "1:16"),
        ("{task_id: a, data: [1]}", "`data`: expected a mapping, got a list of 1", "1:22"),
        ("three", 'expected a mapping with `task_id` and `data`, got the string "three"', "1:3"),
    ],
)
def test_inputs_07_and_08_in_yaml(items: Read, item: str, message: str, place: str) -> None:
    shown = faults(items(f"- {item}\n"))
    assert message in shown
    assert f"--> tasks.yaml:{place}" in shown


@pytest.mark.parametrize(
    ("value", "message", "help_line"),
    [
        ("2020-01-01", "2020-01-01 is a date in YAML", 'quote it: "2020-01-01"'),
        (".nan", ".nan has no place in JSON", "write null"),
        ("-.inf", "-.inf has no place in JSON", "write null"),
        ("9" * 5000, "an integer of 5000 digits is too long", "write it as a string"),
        ("!!int x", "`x` is no !!int", ""),
        ("!!float ''", "`` is no !!float", ""),
        ("{1: x}", "keys are strings, got the integer 1", 'quote it: "1"'),
        ("{yes: x}", "keys are strings, got the boolean true", 'quote it: "yes"'),
        ("{[a]: x}", "keys are strings, got a list of 1", ""),
        ("{<<: 3}", "`<<` merges mappings", ""),
    ],
)
def test_input_11_what_json_cannot_hold(items: Read, value: str, message: str, help_line: str) -> None:
    shown = faults(items(f"- task_id: a\n  data:\n    x: {value}\n"))
    assert message in shown
    assert help_line in shown
    assert "--> tasks.yaml:3:" in shown


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (b"\xff", "byte 0xff at byte offset 49 is not valid UTF-8"),
        (b"\x01", "the character U+0001 is not allowed"),
    ],
)
def test_input_11_bytes_that_yaml_cannot_hold(items: Read, bad: bytes, message: str) -> None:
    found = items(b"- task_id: a\n  data: {}\n- task_id: b\n  data:\n" + b"    " + bad + b"\n- task_id: c\n")
    assert found[0] == Task("a", {})
    assert len(found) == 2
    assert message in faults(found)
    assert "--> tasks.yaml:5:5" in faults(found)


def test_input_11_bad_bytes_never_shorten_a_string(items: Read) -> None:
    found = items(b"- task_id: a\n  data: {}\n- task_id: b\n  data:\n    x: |\n      one\xfftwo\n")
    assert [item.task_id for item in found if isinstance(item, Task)] == ["a"]


def test_input_12_too_large_and_too_deep_in_yaml(items: Read) -> None:
    text = "\n".join(
        [
            f"- {{task_id: a, data: {{x: {'y' * 2000}}}}}",
            f"- {{task_id: b, data: {{x: {'[' * 300}{']' * 300}}}}}",
            "- {task_id: c, data: {}}",
        ]
    )
    found = items(text, Limits(task_size_bytes_max=1000))
    assert "task 1 is too large" in faults(found)
    assert "task 2: it is nested too deep: the limit is 100 levels" in faults(found)
    assert found[-1] == Task("c", {})


def test_yaml_syntax_errors_have_a_place(items: Read) -> None:
    found = items("- task_id: a\n  data: {}\n- task_id: b\n\tdata: {}\n")
    assert found[0] == Task("a", {})
    assert "not valid YAML" in faults(found)
    assert "--> tasks.yaml:4:1" in faults(found)


def test_a_second_document_is_refused(items: Read) -> None:
    shown = faults(items("- {task_id: a, data: {}}\n---\n- {task_id: b, data: {}}\n"))
    assert "a second document begins here" in shown
    assert "--> tasks.yaml:2:1" in shown


def test_places_are_right_far_into_a_file() -> None:
    text = (
        "".join(f"- task_id: t{n}\n  data: {{x: {'é' * 50}}}\r\n" for n in range(6_000))
        + "- task_id: t\n  dta: {}\n"
    )
    found = read_with(fastest_parser, text)
    assert len(found) == 6_001
    assert "--> tasks.yaml:12002:3\n 12002 |   dta: {}\n       |   ^^^ did you mean `data`?" in faults(found)


def test_places_are_right_far_into_a_line() -> None:
    text = (
        "[" + ", ".join(f"{{task_id: t{n}, data: {{}}}}" for n in range(12_000)) + ", {task_id: 7, data: {}}]"
    )
    shown = faults(read_with(fastest_parser, text))
    assert f"--> tasks.yaml:1:{text.rindex('7') + 1}" in shown
    line, caret = shown.splitlines()[2:4]
    assert line[caret.index("^")] == "7"


def test_a_yaml_file_streams_until_its_first_fault(write: Write) -> None:
    path = write("- {task_id: a, data: {}}\n- {task_id: b, data: {}}\n- [\n", "tasks.yaml")
    ids, shown = streamed(path)
    assert ids == ["a", "b"]
    assert "`--tasks-to-skip 2`" in shown


def test_the_fast_parser_is_used_where_there_is_one() -> None:
    assert yaml.__with_libyaml__
