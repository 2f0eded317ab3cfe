"""Arguments on the wire: JSON there, the annotated types on both sides."""

from __future__ import annotations

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
from cloud_tasks.task_app.arguments import Parameters


class Colour(enum.Enum):
    RED = "red"


class Point(msgspec.Struct):
    x: float
    y: float


class Named(TypedDict):
    name: str


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
    with pytest.raises(ConfigurationError, match="its annotations cannot be resolved: name 'Missing' is not"):
        Parameters(takes_unknown, "takes_unknown").types()


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
