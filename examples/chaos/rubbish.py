"""Tasks that return what nobody can use."""

from __future__ import annotations

from cloud_tasks.worker import WorkerData
from kinds import COMPLETED, EXCEPTION, EXITED, Answer, Expectation, kind

_RUBBISH = Expectation(events=(EXCEPTION,), exception_kinds=("wrong_return", "not_serializable"))


@kind("rubbish", _RUBBISH)
def returns_none(_: WorkerData) -> Answer:
    """Return nothing."""
    return None


@kind("rubbish", _RUBBISH)
def returns_two_letters(_: WorkerData) -> Answer:
    """Return a string that unpacks into two."""
    return "ab"


@kind("rubbish", _RUBBISH)
def returns_one(_: WorkerData) -> Answer:
    """Return one value in place of two."""
    return (False,)


@kind("rubbish", _RUBBISH)
def returns_three(_: WorkerData) -> Answer:
    """Return three values in place of two."""
    return False, "result", "and more"


@kind("rubbish", _RUBBISH)
def returns_word_for_retry(_: WorkerData) -> Answer:
    """Return a word where a boolean belongs: one that a careless worker takes for its own tag."""
    return "exception", "everything is fine"


@kind("rubbish", _RUBBISH)
def returns_none_for_retry(_: WorkerData) -> Answer:
    """Return None where a boolean belongs."""
    return None, "result"


@kind("rubbish", _RUBBISH)
def returns_nan(_: WorkerData) -> Answer:
    """Return what JSON has no word for."""
    return False, {"mean": float("nan")}


@kind("rubbish", _RUBBISH)
def returns_set(_: WorkerData) -> Answer:
    """Return a set."""
    return False, {1, 2, 3}


@kind("rubbish", _RUBBISH)
def returns_function(_: WorkerData) -> Answer:
    """Return something that can be sent nowhere."""
    return False, {"function": lambda: None}


@kind("rubbish", _RUBBISH)
def returns_circle(_: WorkerData) -> Answer:
    """Return a list that holds itself."""
    circle: list[object] = []
    circle.append(circle)
    return False, circle


@kind("rubbish", Expectation(events=(EXCEPTION, EXITED)))
def returns_tower(_: WorkerData) -> Answer:
    """Return lists in lists, deeper than Python recurses."""
    tower: list[object] = []
    for _storey in range(20_000):
        tower = [tower]
    return False, tower


@kind("rubbish", Expectation(events=(EXCEPTION, COMPLETED)))
def returns_huge_integer(_: WorkerData) -> Answer:
    """Return an integer of 5,000 digits."""
    return False, 10**5000


@kind("rubbish", Expectation(events=(EXCEPTION, COMPLETED)))
def returns_lone_surrogate(_: WorkerData) -> Answer:
    """Return text that UTF-8 cannot hold."""
    return False, "\ud800"
