"""Arguments on the wire: JSON there, the annotated types on both sides."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import uuid
from typing import Any, Literal, TypedDict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.task_app.arguments import Parameters, as_json


class Colour(enum.Enum):
    RED = "red"


class Point(msgspec.Struct):
    x: float
    y: float


class Named(TypedDict):
    name: str


class Level(enum.IntEnum):
    LOW = -1
    HIGH = 7


class Numbered(enum.Enum):
    ONE = 1


@dataclasses.dataclass
class Invoice:
    lines: dict[int, str]
    by_level: dict[Level, list[dict[dt.date, int]]]


KEYS: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    bytes: st.binary(),
    Level: st.sampled_from(Level),
    Numbered: st.sampled_from(Numbered),
    Colour: st.sampled_from(Colour),
    Literal[1, 2]: st.sampled_from([1, 2]),
    Literal["a", "b"]: st.sampled_from(["a", "b"]),
    int | None: st.integers(-(2**63), 2**63 - 1),
    dt.date: st.dates(),
    dt.datetime: st.datetimes(timezones=st.just(dt.UTC)),
    dt.time: st.times(),
    dt.timedelta: st.timedeltas(dt.timedelta(-99), dt.timedelta(99)),
    decimal.Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    uuid.UUID: st.uuids(),
}
"""What keys of dictionaries may be, as far as JSON can carry them as text that tells them apart."""


def typed(  # noqa: PLR0917 - one parameter for each kind of value
    when: dt.datetime,
    key: uuid.UUID,
    price: decimal.Decimal,
    colour: Colour,
    point: Point | None,
    names: list[Named],
    mode: Literal["a", "b"],
    raw: bytes,
    pair: tuple[int, str],
    numbers: set[int],
) -> None: ...


VALUES: dict[str, Any] = {
    "when": dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
    "key": uuid.UUID(int=7),
    "price": decimal.Decimal("1.10"),
    "colour": Colour.RED,
    "point": Point(1.0, 2.5),
    "names": [{"name": "x"}],
    "mode": "a",
    "raw": b"\x00\xff",
    "pair": (1, "b"),
    "numbers": {1, 2},
}


def over_the_wire(
    parameters: Parameters, *args: object, **kwargs: object
) -> tuple[list[Any], dict[str, Any]]:
    listed, named = parameters.encode(args, kwargs)
    listed, named = msgspec.json.decode(msgspec.json.encode([listed, named]))
    return parameters.decode(listed, named)


def test_types_survive_the_wire() -> None:
    args, kwargs = over_the_wire(Parameters(typed, "typed"), **VALUES)
    assert dict(zip(VALUES, args, strict=False)) | kwargs == VALUES


def test_a_wrong_value_is_told_with_its_parameter() -> None:
    for name, wrong in {
        "when": "yesterday",
        "colour": "blue",
        "mode": "c",
        "pair": [1],
        "point": {"x": 1},
    }.items():
        with pytest.raises(TypeError, match=rf"typed\(\): `{name}`: "):
            Parameters(typed, "typed").encode((), {**VALUES, name: wrong})


class Anything:
    pass


def takes_anything(thing: Anything) -> None: ...
def takes_unknown(thing: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821 - that is the mistake


def test_a_type_that_json_cannot_carry_is_told() -> None:
    with pytest.raises(ConfigurationError, match="parameter `thing` is Anything, which JSON cannot carry"):
        Parameters(takes_anything, "takes_anything").types()


def test_an_annotation_that_cannot_be_resolved_is_told() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Parameters(takes_unknown, "takes_unknown").types()
    (problem,) = caught.value.problems
    line = takes_unknown.__code__.co_firstlineno
    assert problem.message == (
        f"the task function `takes_unknown` ({__file__}:{line}): the annotation of its parameter `thing` "
        "cannot be resolved: name 'Missing' is not defined"
    )
    assert "not under `if TYPE_CHECKING:`" in problem.helps[0]


def takes_several(
    first: Missing,  # type: ignore[name-defined]  # noqa: F821 - that is the mistake
    second: dt.nothing,  # type: ignore[name-defined] # likewise
    third: "int |",  # type: ignore[valid-type]  # noqa: F722 - likewise
    fourth: Anything,
) -> None: ...


def test_every_parameter_that_cannot_be_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Parameters(takes_several, "takes_several").types()
    told = [problem.message for problem in caught.value.problems]
    assert [
        name for one in told for name in ("first", "second", "third", "fourth") if f"`{name}`" in one
    ] == [
        "first",
        "second",
        "third",
        "fourth",
    ]


def gives_unknown(thing: int) -> Missing: ...  # type: ignore[name-defined]  # noqa: F821 - nobody needs it


def test_what_a_function_returns_may_be_annotated_with_anything() -> None:
    assert over_the_wire(Parameters(gives_unknown, "gives_unknown"), 1) == ([1], {})


def takes_objects(thing: object, *rest: object, **more: "object | None") -> None: ...  # noqa: UP037 - as some do


def test_object_is_whatever_json_can_carry() -> None:
    given = ({"a": [1, None]}, "x", 2.5)
    got, named = over_the_wire(Parameters(takes_objects, "takes_objects"), *given, last=[True])
    assert (got, named) == (list(given), {"last": [True]})


def many(first, *rest: int, last: int = 0, **more: float) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    first=JSON,
    rest=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3),
    last=st.none() | st.integers(-(2**63), 2**63 - 1),
    more=st.dictionaries(
        st.text(alphabet="abc", min_size=1), st.floats(allow_nan=False, allow_infinity=False), max_size=3
    ),
)
def test_whatever_fits_arrives(first: Any, rest: list[int], last: int | None, more: dict[str, float]) -> None:
    kwargs: dict[str, Any] = dict(more) if last is None else {**more, "last": last}
    got, named = over_the_wire(Parameters(many, "many"), first, *rest, **kwargs)
    assert got == [first, *rest]
    assert named == kwargs


def keyed(kind: Any) -> Parameters:
    def function(plain: Any, within: Any) -> None: ...

    function.__annotations__ = {"plain": dict[kind, int], "within": list[dict[str, dict[kind, str]]]}
    return Parameters(function, "keyed")


@pytest.mark.parametrize("kind", KEYS, ids=str)
@given(data=st.data())
def test_keys_arrive_with_their_types(kind: Any, data: st.DataObject) -> None:
    keys = data.draw(st.lists(KEYS[kind], max_size=3))
    plain, within = dict.fromkeys(keys, 1), [{"x": dict.fromkeys(keys, "y")}]
    (got, got_within), _ = over_the_wire(keyed(kind), plain, within)
    assert (got, got_within) == (plain, within)
    assert [type(key) for key in got] == [type(key) for key in plain]


@dataclasses.dataclass
class Box:
    inside: list[dict[Any, int]]


def takes_any(thing: Any) -> None: ...


@pytest.mark.parametrize(
    "thing", [{1: 1, "1": 2}, [{"x": {1.5: 1, "1.5": 2}}], Box([{Numbered.ONE: 1, 1: 2}])]
)
def test_keys_of_which_json_would_make_one_are_refused(thing: object) -> None:
    """One of the values would be lost."""
    with pytest.raises(
        TypeError, match=r"argument 1 cannot be written as JSON: .* keys of which JSON makes one"
    ):
        Parameters(takes_any, "takes_any").encode((thing,), {})


def takes_invoice(invoice: Invoice) -> None: ...


def test_keys_inside_of_dataclasses_do_as_well() -> None:
    invoice = Invoice({1: "one", 2: "two"}, {Level.LOW: [{dt.date(2026, 1, 2): 3}]})
    assert over_the_wire(Parameters(takes_invoice, "takes_invoice"), invoice) == ([invoice], {})


@given(
    thing=st.recursive(
        st.text() | st.integers() | st.floats(allow_nan=False),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text() | st.integers(-9, 9) | st.floats(allow_nan=False), inner, max_size=4)
        ),
        max_leaves=6,
    )
)
def test_nothing_is_lost_and_nothing_refused_without_need(thing: Any) -> None:
    def clashes(value: Any) -> bool:
        if isinstance(value, list):
            return any(map(clashes, value))
        if not isinstance(value, dict):
            return False
        whole = len(msgspec.to_builtins(value, str_keys=True)) < len(value)
        return whole or any(map(clashes, value.values()))

    if clashes(thing):
        with pytest.raises(ValueError, match="keys of which JSON makes one"):
            as_json(thing)
    else:
        assert as_json(thing) == msgspec.to_builtins(thing, str_keys=True)
