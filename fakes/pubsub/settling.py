"""Acks, nacks and extensions: which ack ids of a subscription still count, and what is said of the others."""

from __future__ import annotations

from collections.abc import Iterable

from fakes.deadlines import Deadlines
from fakes.pubsub.ack_ids import AckId, decode_ack_id
from fakes.pubsub.backlog import Backlog
from fakes.pubsub.errors import INVALID_ACK_ID, UNORDERED_ACK_ID
from fakes.pubsub.message import Place


class Settling:
    """Carries out what is asked about ack ids. It learns from others what time it is.

    Args:
        backlog: The subscription's messages.
    """

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._confirmed: set[AckId] = set()
        self._confirmations: Deadlines[AckId] = Deadlines()

    def ack(self, now: float, ack_ids: Iterable[str]) -> dict[str, str]:
        """Ack deliveries; returns which were refused, and why."""
        refused = {}
        read = [(text, decode_ack_id(text)) for text in ack_ids]
        if self._backlog.settings.ordered:
            read.sort(key=_message_number)  # so that one request may ack several messages of a key
        for text, ack_id in read:
            if (reason := self._ack(now, ack_id)) is not None:
                refused[text] = reason
        return refused

    def extend(self, now: float, ack_ids: Iterable[tuple[str, float]]) -> dict[str, str]:
        """Let leases end so many seconds from now, 0: at once; returns which were refused, and why."""
        refused = {}
        for text, seconds in ack_ids:
            if (reason := self._extend(now, decode_ack_id(text), seconds)) is not None:
                refused[text] = reason
        return refused

    def give_away(self, ack_ids: Iterable[str]) -> None:
        """Let leased messages be taken by others too."""
        for text in ack_ids:
            entry = self._backlog.find(decode_ack_id(text))
            if entry is not None:
                self._backlog.give_away(entry)

    @property
    def _takes_late(self) -> bool:
        """Whether the newest ack id is of use when its lease is over: where that disturbs no promise."""
        settings = self._backlog.settings
        return not (settings.exactly_once or settings.ordered)

    def _ack(self, now: float, ack_id: AckId | None) -> str | None:
        entry, strict = self._backlog.find(ack_id), self._backlog.settings.exactly_once
        if ack_id is None or entry is None or (entry.place is not Place.LEASED and not self._takes_late):
            return self._refusal(now, ack_id)
        if strict and not self._backlog.may_ack(entry):
            return UNORDERED_ACK_ID
        if strict and entry.timer is not None:
            self._forget_confirmed(now)
            self._confirm(ack_id, entry.timer.moment)
        self._backlog.settle(entry)
        return None

    def _extend(self, now: float, ack_id: AckId | None, seconds: float) -> str | None:
        entry = self._backlog.find(ack_id)
        if entry is None or (entry.place is not Place.LEASED and not self._takes_late):
            return self._refusal(now, ack_id)
        if seconds:
            self._backlog.extend(entry, now + seconds)
        elif entry.place is Place.LEASED:
            self._backlog.fail(entry, now)
        return None

    def _refusal(self, now: float, ack_id: AckId | None) -> str | None:
        """Why an ack id that is of no use is refused; None if it is passed over in silence."""
        if ack_id is None or ack_id.subscription != self._backlog.number:
            return INVALID_ACK_ID
        self._forget_confirmed(now)
        forgiven = not self._backlog.settings.exactly_once or ack_id in self._confirmed
        return None if forgiven else INVALID_ACK_ID

    def _confirm(self, ack_id: AckId, until: float) -> None:
        """Remember an ack for as long as its lease would have lasted: acking twice is no error."""
        self._confirmed.add(ack_id)
        self._confirmations.add(until, ack_id)

    def _forget_confirmed(self, now: float) -> None:
        while (old := self._confirmations.pop_due(now)) is not None:
            self._confirmed.discard(old)


def _message_number(read: tuple[str, AckId | None]) -> int:
    return 0 if read[1] is None else read[1].message
