"""The program's arguments cross to task processes as JSON."""

from __future__ import annotations

import argparse
import datetime as dt
import functools
import ipaddress
import json
import logging
import math
import re
import threading
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from filecache import FCPath
from hypothesis import given
from hypothesis import strategies as st

from cloud_tasks.errors import ProgramError
from cloud_tasks.runners.crossing import decode_arguments, encode_arguments
from cloud_tasks.runners.process import ProcessRunner
from cloud_tasks.runners.program import Program
from cloud_tasks.runners.worker_data import WorkerData
from tests.runners import programs, values
from tests.runners.driving import Written, finish


def crossed(value: object) -> object:
    encoded = json.loads(json.dumps(encode_arguments({"value": value})))
    return decode_arguments(encoded).value


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.just(Path("/a/b"))
    | st.just(programs.Colour.RED),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.sets(st.integers() | st.text())
        | st.frozensets(st.text())
    ),
    max_leaves=10,
)


@given(VALUES)
def test_what_crosses_comes_back_equal_and_of_the_same_type(value: object) -> None:
    back = crossed(value)
    assert back == value
    assert type(back) is type(value)


def test_infinities_and_remote_paths_cross() -> None:
    assert crossed(math.inf) == math.inf
    assert math.isnan(float(str(crossed(math.nan))))
    assert str(crossed(FCPath("gs://bucket/key"))) == "gs://bucket/key"
    assert crossed({"$kind": "path", "value": ["x"]}) == {"$kind": "path", "value": ["x"]}


EASTERN = ZoneInfo("America/New_York")
OTHERS = [
    1 + 2j,
    10**5000,
    -(2**70),
    "a\udcff",
    range(1, 9, 2),
    slice(1, None),
    bytearray(b"x"),
    uuid.UUID(int=5),
    Fraction(1, 3),
    ipaddress.ip_address("1.2.3.4"),
    ipaddress.ip_network("2001:db8::/32"),
    re.compile("a+", re.IGNORECASE),
    re.compile(b"a"),
    re.IGNORECASE | re.MULTILINE,
    OrderedDict(b=1, a=2),
    Counter("aab"),
    defaultdict(list, a=[1]),
    deque([1, 2], maxlen=3),
    argparse.Namespace(a=1, b=[Path("x")]),
    dt.UTC,
    dt.timezone(dt.timedelta(hours=2), "here"),
    dt.datetime(2026, 11, 1, 1, 30, tzinfo=EASTERN, fold=1),
    EASTERN,
    logging.getLogger("some.logger"),
    len,
    int,
    programs.echo,
    programs.Colour,
    values.Measure,
    values.Measure.parse,
    values.Point(1, [Path("y")]),
    values.Frozen("a", 2),
    values.Plain("a", [1]),
    values.Measure(3.5, {programs.Colour.RED: values.Point(1, 2)}),
    values.Count(5),
    values.Names(["a", "b"]),
]


@pytest.mark.parametrize(
    "value", OTHERS, ids=[f"{number} {type(value).__name__}" for number, value in enumerate(OTHERS)]
)
def test_what_programs_give_as_arguments_crosses(value: object) -> None:
    back = crossed([value])
    assert back == [value]
    assert isinstance(back, list)
    assert type(back[0]) is type(value)
    assert getattr(back[0], "tzinfo", None) == getattr(value, "tzinfo", None)


def test_a_partial_function_crosses_with_what_it_holds() -> None:
    back = crossed(functools.partial(programs.echo, "a", task_data={"b": Path("c")}))
    assert isinstance(back, functools.partial)
    assert (back.func, back.args, back.keywords) == (programs.echo, ("a",), {"task_data": {"b": Path("c")}})


def test_a_method_crosses_with_its_object() -> None:
    back = crossed(values.Measure(1.0, {}).larger)
    assert callable(back)
    assert back() == 2.0


def test_attributes_that_a_class_does_not_declare_cross_too() -> None:
    value = values.Names(["a"])
    value.origin = Path("/x")
    back = crossed(value)
    assert isinstance(back, values.Names)
    assert back.origin == Path("/x")


@pytest.mark.parametrize(
    "value",
    [lambda: None, threading.Lock(), iter([1]), values.Guarded(), values.Guarded().held],
    ids=["lambda", "lock", "iterator", "an object that holds a lock", "its method"],
)
def test_what_only_this_process_has_does_not_cross(value: object) -> None:
    with pytest.raises(ProgramError, match="argument `value` cannot be handed to task processes") as caught:
        encode_arguments({"value": value})
    assert ["--start-method fork" in text for text in caught.value.problems[0].helps] == [True, False]
    assert "plain data" in caught.value.problems[0].helps[1]


def test_what_the_program_no_longer_has_is_named() -> None:
    encoded = encode_arguments({"colour": programs.Colour.RED, "f": programs.echo})
    text = json.dumps(encoded).replace('"echo"', '"ecco"')
    with pytest.raises(ProgramError, match=r"argument `f` cannot be made again .*`ecco` is not in module"):
        decode_arguments(json.loads(text))


def test_what_cannot_cross_is_named_all_at_once() -> None:
    with pytest.raises(ProgramError) as caught:
        encode_arguments({"fine": 1, "stream": str.upper, "deep": [object()]})
    messages = [problem.message for problem in caught.value.problems]
    assert messages[0].startswith("argument `stream` cannot be handed to task processes")
    assert "builtins.object" in messages[1]
    assert all("--start-method fork" in problem.helps[0] for problem in caught.value.problems)


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
async def test_arguments_arrive_in_the_task(method: str) -> None:
    worker_data = WorkerData()
    given = {
        "path": Path("/x"),
        "day": dt.date(2026, 1, 2),
        "price": Decimal("1.10"),
        "colour": programs.Colour.RED,
    }
    worker_data.args = argparse.Namespace(**given)
    runner = ProcessRunner(Program(programs.arguments, worker_data), start_method=method, output=Written())
    await runner.open()
    try:
        recorder = await finish(runner)
        assert recorder.result == {name: repr(value) for name, value in given.items()}
    finally:
        await runner.aclose()


async def test_an_argument_that_cannot_cross_is_found_before_the_first_task() -> None:
    worker_data = WorkerData()
    worker_data.args = argparse.Namespace(log=object())
    with pytest.raises(ProgramError, match="argument `log`"):
        await ProcessRunner(Program(programs.arguments, worker_data), output=Written()).open()
