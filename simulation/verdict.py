"""What the judges say."""

from __future__ import annotations

from msgspec import Struct


class Violation(Struct, frozen=True):
    """A promise that was not kept.

    Attributes:
        invariant: Its name: S1 to S21, L1 to L7.
        at_s: When it was seen, on true time.
        what: What happened, in a sentence.
        task_id: Whose; "" for none.
        worker: Whose; "" for none.
    """

    invariant: str
    at_s: float
    what: str
    task_id: str = ""
    worker: str = ""
