"""What a line of the page is made of."""

from __future__ import annotations

from msgspec import Struct, field


class Bar(Struct, frozen=True):
    """Something that lasted.

    Attributes:
        from_s: Since when.
        until_s: Until when.
        kind: What it looks like.
        text: What it was.
    """

    from_s: float
    until_s: float
    kind: str
    text: str


class Mark(Struct, frozen=True):
    """Something that happened at a moment.

    Attributes:
        at_s: When.
        kind: What it looks like.
        text: What it was.
    """

    at_s: float
    kind: str
    text: str


class Lane(Struct):
    """A line of the page.

    Attributes:
        name: Of what it is about.
        bars: What lasted.
        marks: What happened.
    """

    name: str
    bars: list[Bar] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
