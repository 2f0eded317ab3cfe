"""What happened, as the judges hear it: everything that can be seen from outside a worker, in order."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeAlias

from simulation.happenings import CallAnswered, CallIssued, Happening, QueueChanged

Listener: TypeAlias = Callable[[Any], None]
_TOPICS: dict[type, Callable[[Any], object]] = {
    CallIssued: attrgetter("operation"),
    CallAnswered: attrgetter("operation"),
    QueueChanged: attrgetter("fact.kind"),
}
"""What happenings of one type differ in, where most listeners care for some of them only."""


class History:
    """Tells each happening to those who asked for it, in the order in which they asked.

    Attributes:
        count: How many there were.
        kept: All of them, if they are to be kept.
    """

    def __init__(self, *, keep: bool = False) -> None:
        self.count = 0
        self.kept: list[Happening] | None = [] if keep else None
        self._asked: dict[type, list[tuple[frozenset[object], Listener]]] = {}
        self._of_all: list[Listener] = []
        self._hearers: dict[type, tuple[Listener, ...]] = {}
        self._hearers_of: dict[type, dict[object, tuple[Listener, ...]]] = {kind: {} for kind in _TOPICS}
        """Who hears of what, of types that have topics: found out when it happens for the first time."""

    def on(self, kind: type[Happening], listener: Listener, *topics: object) -> None:
        """Tell `listener` the happenings of that type.

        Args:
            kind: The type.
            listener: Told of each.
            topics: Of calls, these operations only; of messages, these kinds of facts only. None given: all.
        """
        self._asked.setdefault(kind, []).append((frozenset(topics), listener))
        self._find_anew()

    def on_all(self, listener: Listener) -> None:
        """Tell `listener` everything."""
        self._of_all.append(listener)
        self._find_anew()

    def tell(self, happening: Happening) -> None:
        """Something happened."""
        self.count += 1
        kind = type(happening)
        topic_of = _TOPICS.get(kind)
        if topic_of is None:
            hearers = self._hearers.get(kind)
        else:
            hearers = self._hearers_of[kind].get(topic_of(happening))
        for listener in self._find_hearers(happening) if hearers is None else hearers:
            listener(happening)

    def _find_anew(self) -> None:
        self._hearers.clear()
        for hearers in self._hearers_of.values():
            hearers.clear()

    def _find_hearers(self, happening: Happening) -> tuple[Listener, ...]:
        kind = type(happening)
        topic_of = _TOPICS.get(kind)
        topic = None if topic_of is None else topic_of(happening)
        kept = [] if self.kept is None else [self.kept.append]
        asked = [one for topics, one in self._asked.get(kind, ()) if not topics or topic in topics]
        hearers = (*kept, *asked, *self._of_all)
        if topic_of is None:
            self._hearers[kind] = hearers
        else:
            self._hearers_of[kind][topic] = hearers
        return hearers
