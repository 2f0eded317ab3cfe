"""Stack traces are those of Python, however often the same place fails."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial

import pytest

from cloud_tasks.shell import traces
from cloud_tasks.shell.traces import PLACES_MAX, trace_of


def _fails(depth: int, what: str) -> None:
    if depth:
        _fails(depth - 1, what)
    raise ValueError(what)


def _fails_elsewhere(what: str) -> None:
    raise ValueError(
        what,
    )


def _fails_for_a_cause() -> None:
    try:
        _fails(1, "the cause")
    except ValueError as error:
        raise RuntimeError("what came of it") from error


def _fails_on_the_way() -> None:
    try:
        _fails(1, "before")
    except ValueError:
        _fails_elsewhere("after")


def _fails_with_a_note() -> None:
    error = ValueError("noted")
    error.add_note("see there")
    raise error


def _fails_as_a_group() -> None:
    raise ExceptionGroup("several", [ValueError("one"), KeyError("two")])


def _told(fail: Callable[[], None]) -> tuple[str, str]:
    """What we say of a failure, and what Python says."""
    try:
        fail()
    except Exception as error:  # noqa: BLE001 - any of them
        return trace_of(error), traceback.format_exc()
    raise AssertionError("it did not fail")


@pytest.mark.parametrize(
    "fail",
    [
        pytest.param(lambda: _fails(0, "here"), id="here"),
        pytest.param(lambda: _fails(3, "deep"), id="deep"),
        pytest.param(lambda: _fails(9, "folded"), id="so deep that frames are folded"),
        pytest.param(lambda: _fails_elsewhere("there"), id="on several lines"),
        pytest.param(_fails_for_a_cause, id="with a cause"),
        pytest.param(_fails_on_the_way, id="while another was handled"),
        pytest.param(_fails_with_a_note, id="with a note"),
        pytest.param(_fails_as_a_group, id="as a group"),
    ],
)
def test_a_trace_is_that_of_python_the_first_time_and_every_other(fail: Callable[[], None]) -> None:
    for _ in range(3):
        ours, theirs = _told(fail)
        assert ours == theirs


def test_another_message_from_the_same_place_is_told() -> None:
    told = []
    for what in ("one", "other"):
        with pytest.raises(ValueError, match=what) as raised:
            _fails(0, what)
        told.append(trace_of(raised.value))
    assert [text.splitlines()[-1] for text in told] == ["ValueError: one", "ValueError: other"]


def test_what_was_never_raised_has_no_stack() -> None:
    assert trace_of(ValueError("made up")) == "ValueError: made up\n"


def test_places_are_not_kept_without_end() -> None:
    for depth in range(PLACES_MAX + 10):
        _told(partial(_fails, depth, "deep"))
    assert len(traces._texts) <= PLACES_MAX
