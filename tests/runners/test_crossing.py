"""The program's arguments cross to task processes as JSON."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
from decimal import Decimal
from pathlib import Path

import pytest
from filecache import FCPath
from hypothesis import given
from hypothesis import strategies as st

from cloud_tasks.errors import ProgramError
from cloud_tasks.runners.crossing import decode_arguments, encode_arguments
from cloud_tasks.runners.process import ProcessRunner
from cloud_tasks.runners.program import Program
from cloud_tasks.runners.worker_data import WorkerData
from tests.runners import programs
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
    values = {
        "path": Path("/x"),
        "day": dt.date(2026, 1, 2),
        "price": Decimal("1.10"),
        "colour": programs.Colour.RED,
    }
    worker_data.args = argparse.Namespace(**values)
    runner = ProcessRunner(Program(programs.arguments, worker_data), start_method=method, output=Written())
    await runner.open()
    try:
        recorder = await finish(runner)
        assert recorder.result == {name: repr(value) for name, value in values.items()}
    finally:
        await runner.aclose()


async def test_an_argument_that_cannot_cross_is_found_before_the_first_task() -> None:
    worker_data = WorkerData()
    worker_data.args = argparse.Namespace(log=object())
    with pytest.raises(ProgramError, match="argument `log`"):
        await ProcessRunner(Program(programs.arguments, worker_data), output=Written()).open()
