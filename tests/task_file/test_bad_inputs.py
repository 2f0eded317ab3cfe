"""One test for each bad input of a JSON task file; the number in a name is the input's number in the list."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cloud_tasks.core.task import Task
from cloud_tasks.task_file import Limits, open_task_file
from tests.task_file.files import Write, read, refused, streamed

GOOD = '{"task_id": "good", "data": {"a": 1}}'


def test_input_01_missing_file_names_path_working_directory_and_a_near_name(write: Write) -> None:
    write("[]", "tasks.json")
    shown = refused("taks.json")
    assert "there is no task file `taks.json`" in shown
    assert "did you mean `tasks.json`?" in shown
    assert f"the working directory is {Path.cwd()}" in shown


def test_input_01_missing_folder(write: Write) -> None:
    write("[]")
    assert "there is no folder `elsewhere`" in refused("elsewhere/tasks.json")


def test_input_01_a_folder_is_not_a_file(write: Write) -> None:
    write("[]")
    Path("folder.json").mkdir()
    assert "`folder.json` is a folder" in refused("folder.json")


@pytest.mark.parametrize("content", ["", "  \n\n"])
@pytest.mark.parametrize("name", ["tasks.json", "tasks.jsonl"])
def test_input_02_empty_file(write: Write, content: str, name: str) -> None:
    shown = refused(write(content, name))
    assert shown.startswith("error: expected a list of tasks, but the file is empty")


@pytest.mark.parametrize("content", ["[]", " [ \n ] \n"])
def test_input_02_an_empty_list_is_no_tasks(write: Write, content: str) -> None:
    tasks = open_task_file(write(content))
    assert (tasks.count, list(tasks)) == (0, [])


def test_input_03_json_cut_short_inside_a_task(write: Write) -> None:
    path = write(f'[\n{GOOD},\n{{"task_id": "second", "da')
    assert refused(path).splitlines() == [
        'error: the file is cut short: it ends inside task 2 ("second")',
        "  --> tasks.json:3:25",
        ' 3 | {"task_id": "second", "da',
        "   |                         ^ the file ends here",
        " help: `--allow-partial` runs the valid tasks alone",
        " note: 1 task was valid, none queued; nothing started",
    ]


@pytest.mark.parametrize("end", ["", ",", ",\n ", "\n"])
def test_input_03_json_cut_short_between_tasks(write: Write, end: str) -> None:
    shown = refused(write(f"[{GOOD}{end}"))
    assert "the file is cut short: it ends after task 1, before the closing `]`" in shown


def test_input_03_every_cut_is_refused(write: Write) -> None:
    whole = json.dumps(
        [{"task_id": "ä\n", "data": {"x": [True, None, -1.5e3, "\u20ac\U0001f600"]}}, json.loads(GOOD)]
    )
    assert len(read(write(whole))) == 2
    for length in range(1, len(whole)):
        assert "cut short" in refused(write(whole[:length])), whole[:length]


def test_input_03_allow_partial_takes_what_is_valid(write: Write) -> None:
    tasks = open_task_file(write(f"[{GOOD}, {GOOD[:20]}"), allow_partial=True)
    assert tasks.count == 1
    assert list(tasks) == [Task("good", {"a": 1})]
    assert "cut short" in tasks.problems[0].message


def test_input_03_allow_partial_of_nothing_is_refused(write: Write) -> None:
    assert "cut short" in refused(write("["), allow_partial=True)


def test_input_04_a_mapping_at_the_top(write: Write) -> None:
    shown = refused(write(f'{{\n  "tasks": [{GOOD}]\n}}')).splitlines()
    assert shown[:4] == [
        "error: expected a list of tasks, found the key `tasks` of a mapping",
        "  --> tasks.json:2:3",
        f' 2 |   "tasks": [{GOOD}]',
        "   |   ^^^^^^^",
    ]


@pytest.mark.parametrize("content", ['"tasks"', "12", "null", "{}", "- task_id: a", "tasks:"])
def test_input_04_anything_else_at_the_top(write: Write, content: str) -> None:
    assert "error: expected a list of tasks, found" in refused(write(content))


def test_input_05_a_duplicate_key_shows_both_places(write: Write) -> None:
    path = write('[{"task_id": "a", "data": {"x": 1,\n   "x": 2}}]')
    assert refused(path).splitlines() == [
        "error: task 1: the key `x` is there twice",
        "  --> tasks.json:2:4",
        ' 2 |    "x": 2}}]',
        "   |    ^^^ first at 1:28",
        " note: the first is at tasks.json:1:28",
        " note: 0 tasks were valid, none queued; nothing started",
    ]


@pytest.mark.parametrize(
    "data",
    [
        r'{"x": 1, "\u0078": 2}',
        '{"x" : 1, "x": 2}',
        '{"x"\n: 1, "x": "a \\": b"}',
        '{"x": {"y": {"z": 1, "z": 2}}}',
        '{"x": [{"z": 1}, {"z": 1, "z": 2}]}',
        '{"x": "{{", "x": ": : :"}',
        '{"x:": 1, "x:": ":"}',
    ],
)
def test_input_05_no_duplicate_key_hides(write: Write, data: str) -> None:
    assert "is there twice" in refused(write(f'[{{"task_id": "a", "data": {data}}}]'))


@pytest.mark.parametrize("name", ["tasks.json", "tasks.jsonl"])
def test_input_05_a_duplicate_task_id_key(write: Write, name: str) -> None:
    item = '{"task_id": "a", "task_id": "b", "data": {}}'
    assert "the key `task_id` is there twice" in refused(
        write(item if name.endswith("l") else f"[{item}]", name)
    )


def test_input_06_a_duplicate_task_id_shows_both_places(write: Write) -> None:
    path = write(f"[\n{GOOD},\n{GOOD}]")
    assert refused(path).splitlines() == [
        "error: the task id `good` is there twice",
        "  --> tasks.json:3:13",
        f" 3 | {GOOD}]",
        "   |             ^^^^^^ first at 2:13",
        " help: `--on-duplicate skip` runs the first of each alone",
        " note: the first is at tasks.json:2:13",
        " note: 1 task was valid, none queued; nothing started",
    ]


def test_input_06_duplicates_can_be_skipped(write: Write) -> None:
    other = GOOD.replace("good", "other")
    tasks = open_task_file(write(f"[{GOOD},{other},{GOOD},{GOOD}]"), on_duplicate="skip")
    assert tasks.count == 2
    assert [task.task_id for task in tasks] == ["good", "other"]
    assert [str(problem.place) for problem in tasks.problems] == ["tasks.json:1:91", "tasks.json:1:129"]


def test_input_06_very_many_duplicates_are_counted(write: Write) -> None:
    shown = refused(write("[" + ",".join([GOOD] * 500) + "]"))
    assert shown.count("the task id `good` is there twice") == 20
    assert "479 more problems in the same file" in shown


@pytest.mark.parametrize("skip", [False, True])
def test_input_06_duplicates_are_found_without_a_check(write: Write, skip: bool) -> None:  # noqa: FBT001
    path = write(f"[\n{GOOD},\n{GOOD}]")
    if skip:
        tasks = open_task_file(path, check=False, on_duplicate="skip")
        assert [task.task_id for task in tasks] == ["good"]
        assert str(tasks.problems[0].place) == "tasks.json:3:13"
    else:
        ids, shown = streamed(path)
        assert ids == ["good"]
        assert "first at 2:13" in shown


@pytest.mark.parametrize(
    ("item", "message", "place"),
    [
        ('{"data": {}}', "task 1: no `task_id`", "1:2"),
        ('{"task_id": "", "data": {}}', "it is empty", "1:14"),
        ('{"task_id": 12, "data": {}}', "expected a string, got the integer 12", "1:14"),
        ('{"task_id": null, "data": {}}', "expected a string, got null", "1:14"),
        ('{"task_id": true, "data": {}}', "expected a string, got the boolean true", "1:14"),
        ('{"task_id": ["a"], "data": {}}', "expected a string, got a list of 1", "1:14"),
        ('{"task_id": "a/b", "data": {}}', "`a/b` holds `/`", "1:14"),
        ('{"task_id": "a\\u0000", "data": {}}', "holds a NUL character", "1:14"),
    ],
)
def test_input_07_bad_task_ids(write: Write, item: str, message: str, place: str) -> None:
    shown = refused(write(f"[{item}]"))
    assert message in shown
    assert f"--> tasks.json:{place}" in shown


@pytest.mark.parametrize("key", ["id", "taskid", "task-id", "Task_ID"])
def test_input_07_a_key_that_was_meant_to_be_task_id(write: Write, key: str) -> None:
    shown = refused(write(f'[{{"{key}": "a", "data": {{}}}}]'))
    assert "--> tasks.json:1:3" in shown
    assert "did you mean `task_id`?" in shown


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ('"three"', 'task 1: expected a mapping with `task_id` and `data`, got the string "three"'),
        ("3", "expected a mapping with `task_id` and `data`, got the integer 3"),
        ("[1, 2]", "expected a mapping with `task_id` and `data`, got a list of 2"),
        ('{"task_id": "a"}', "task 1: no `data`"),
        ('{"task_id": "a", "data": [1]}', "`data`: expected a mapping, got a list of 1"),
        ('{"task_id": "a", "data": null}', "`data`: expected a mapping, got null"),
    ],
)
def test_input_08_wrong_types(write: Write, item: str, message: str) -> None:
    assert message in refused(write(f"[{item}]"))


def test_input_08_other_keys_of_a_task_are_left_alone(write: Write) -> None:
    assert read(write('[{"task_id": "a", "priority": 3, "data": {}}]')) == [Task("a", {})]


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_input_11_not_a_number(write: Write, word: str) -> None:
    shown = refused(write(f'[{{"task_id": "ä", "data": {{"x": {word}}}}}]'))
    assert f"task 1: {word} at byte offset 33 is not JSON" in shown
    assert "--> tasks.json:1:33" in shown
    assert "write null" in shown


def test_input_11_a_number_beyond_floating_point(write: Write) -> None:
    assert "too large for a floating-point number" in refused(
        write('[{"task_id": "a", "data": {"x": 1e999}}]')
    )


def test_input_11_a_very_long_integer(write: Write) -> None:
    shown = refused(write(f'[{{"task_id": "a", "data": {{"x": {"9" * 5000}}}}}, {GOOD}, 3]'))
    assert "an integer of 5000 digits, at byte offset 32, is too long" in shown
    assert "write it as a string" in shown
    assert "task 3: expected a mapping" in shown


@pytest.mark.parametrize(
    "where", ['"x\\ud83d": 1', '"x": "\\\\\\\\\\udc00z"', '"x": ["ok", "\\uD800\\uD800"]']
)
def test_input_11_a_lone_surrogate(write: Write, where: str) -> None:
    shown = refused(write(f'[{{"task_id": "a", "data": {{{where}}}}}]'))
    assert "a lone surrogate, at byte offset " in shown
    assert "two escapes" in shown


def test_input_11_a_pair_of_surrogates_is_fine(write: Write) -> None:
    assert read(write(r'[{"task_id": "a", "data": {"x": "\ud83d\ude00 \\ud800"}}]')) == [
        Task("a", {"x": "😀 \\ud800"})
    ]


@pytest.mark.parametrize("name", ["tasks.json", "tasks.jsonl"])
def test_input_11_a_byte_order_mark(write: Write, name: str) -> None:
    shown = refused(write(b"\xef\xbb\xbf" + GOOD.encode(), name))
    assert "byte order mark (bytes EF BB BF at byte offset 0)" in shown
    assert f"tail -c +4 {name}" in shown


def test_input_11_utf_16(write: Write) -> None:
    shown = refused(write(f"[{GOOD}]".encode("utf-16")))
    assert "byte 0xff at byte offset 0 is not valid UTF-8" in shown
    assert "iconv -f UTF-16 -t UTF-8" in shown


@pytest.mark.parametrize("name", ["tasks.json", "tasks.jsonl"])
def test_input_11_bad_utf_8(write: Write, name: str) -> None:
    first = GOOD if name.endswith("l") else f"[{GOOD},"
    content = f"{first}\n".encode() + '{"task_id": "ä", "data": {"x": "'.encode() + b'\xff"}}]'
    path = write(content, name)
    shown = refused(path)
    assert f"byte 0xff at byte offset {content.index(0xFF)} is not valid UTF-8" in shown
    assert f"--> {name}:2:33" in shown
    assert "save the file as UTF-8" in shown
    assert "1 task was valid" in shown
    assert streamed(path)[0] == ["good"]


def test_input_12_too_large(write: Write) -> None:
    item = json.dumps({"task_id": "a", "data": {"x": "ä" * 600}}, ensure_ascii=False)
    limits = Limits(task_size_bytes_max=1000)
    shown = refused(write(f"[{item}, {GOOD}]"), limits=limits)
    assert f"task 1 is too large: {len(item.encode()):,} bytes, and the limit is 1,000" in shown
    assert "pass a URL" in shown
    assert len(read(write(f"[{item}, {GOOD}]"))) == 2


@pytest.mark.parametrize("name", ["tasks.json", "tasks.jsonl"])
def test_input_12_a_task_that_never_ends_is_not_read_into_memory(write: Write, name: str) -> None:
    start = "" if name.endswith("l") else "["
    path = write(start + '{"task_id": "a", "data": {"x": "' + "y" * 3_000_000, name)
    shown = refused(path, limits=Limits(task_size_bytes_max=100_000))
    assert re.search(r"task 1 is too large: at least [0-9,]+ bytes, and the limit is 100,000", shown)


@pytest.mark.parametrize("depth", [200, 2_000, 100_000])
@pytest.mark.parametrize("name", ["tasks.json", "tasks.jsonl"])
def test_input_12_too_deep(write: Write, depth: int, name: str) -> None:
    item = '{"task_id": "deep", "data": {"x": ' + "[" * depth + "]" * depth + "}}"
    content = f"{item}\n{GOOD}" if name.endswith("l") else f"[{item}, {GOOD}]"
    shown = refused(write(content, name))
    assert "task 1 is nested too deep" in shown
    assert "the limit is 100" in shown
    assert "1 task was valid" in shown


def test_input_12_a_hundred_levels_are_fine(write: Write) -> None:
    assert len(read(write('[{"task_id": "deep", "data": {"x": ' + "[" * 98 + "]" * 98 + "}}]"))) == 1
    assert "101 levels" in refused(write('[{"task_id": "deep", "data": {"x": ' + "[" * 99 + "]" * 99 + "}}]"))


def test_all_problems_of_a_file_are_told_at_once(write: Write) -> None:
    shown = refused(write(f'[3, {GOOD}, {{"task_id": "/"}}, {{"id": 1, "data": {{"a": 1, "a": 2}}}}, nope]'))
    assert shown.count("error:") == 6
    assert "1 task was valid, none queued" in shown.splitlines()[-1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"[{GOOD} {GOOD}]", "expected `,` or `]` after task 1"),
        (f"[{GOOD},]", "expected another task after the comma"),
        (f"[{GOOD}] x", "there is more text after the list"),
        (f"[{GOOD}][{GOOD}]", "there is more text after the list"),
        ('[{"task_id": "a", "data": {"x": True}}]', "`True` is Python; JSON says `true`"),
        ("[{'task_id': 'a'}]", 'JSON quotes with "'),
        ('[{"task_id": "a", // no\n"data": {}}]', "JSON has no comments"),
        ('[{"task_id": "a", "data": {"x": 1,}}]', "comma"),
    ],
)
def test_text_that_is_not_json(write: Write, content: str, message: str) -> None:
    assert message in refused(write(content))


def test_an_unknown_suffix(write: Write) -> None:
    shown = refused(write("[]", "tasks.jsn"))
    assert ".json, .jsonl, .ndjson, .yaml, .yml" in shown
    assert "did you mean `.json`?" in shown


def test_json_lines_go_on_after_a_bad_line(write: Write) -> None:
    content = f'{GOOD}\n\nnope\n{{"task_id": "open",\n  "data": {{}}}}\n{GOOD.replace("good", "end")} 3\n'
    shown = refused(write(content, "tasks.jsonl"))
    assert shown.count("error:") == 4
    assert "--> tasks.jsonl:3:1" in shown
    assert "task 3: expected one task a line, found one on several lines" in shown
    assert "task 4: expected one task a line, found more text" in shown
    assert "task 5: expected one task a line, found more text" in shown


def test_json_lines_cut_short(write: Write) -> None:
    assert 'cut short: it ends inside task 1 ("good")' in refused(write(GOOD[:-3], "tasks.ndjson"))


def test_a_json_list_in_a_json_lines_file(write: Write) -> None:
    assert "a JSON list goes into a .json file" in refused(write(f"[{GOOD}]", "tasks.jsonl"))
