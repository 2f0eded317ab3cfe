"""What `doctor` finds: a value per check."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

Verdict: TypeAlias = Literal["ok", "warn", "fail"]


class Finding(Struct, frozen=True):
    """What one check came to.

    Attributes:
        name: What was looked at.
        verdict: "ok", "warn" (it works, with something to know), "fail" (it will not work).
        text: What was found.
        helps: How to mend it, a line each.
    """

    name: str
    verdict: Verdict
    text: str
    helps: tuple[str, ...] = ()
