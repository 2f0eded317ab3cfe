"""In which domain a task goes."""

from __future__ import annotations

from collections.abc import Mapping

from fakes.conductor.values import PollData

_NO_DOMAIN = "NO_DOMAIN"
_ACTIVE_MS = 10_000
"""A domain is active as long as a worker of it has polled so recently."""


class Polls:
    """Who polled last, for each type and domain."""

    def __init__(self) -> None:
        self._last: dict[str, dict[str | None, PollData]] = {}

    def note(self, task_type: str, domain: str | None, worker: str | None, now_ms: int) -> None:
        """A worker polls."""
        of_type = self._last.setdefault(task_type, {})
        last = of_type.get(domain)
        if last is None:
            of_type[domain] = PollData(task_type, domain, worker, now_ms)
        else:
            last.worker_id, last.last_poll_time = worker, now_ms

    def of(self, task_type: str) -> list[PollData]:
        """The last poll of each domain."""
        return list(self._last.get(task_type, {}).values())

    def all(self) -> list[PollData]:
        """The last poll of each type and domain."""
        return [poll for of_type in self._last.values() for poll in of_type.values()]

    def domain_for(self, task_type: str, wanted: Mapping[str, str], now_ms: int) -> str | None:
        """The domain that a task is to go in; None for none.

        Of several that are named, separated by commas, it is the first whose workers poll, or the last.
        """
        named = wanted.get(task_type, wanted.get("*"))
        if not named:
            return None
        domains = [domain.strip() for domain in named.split(",")]
        for domain in domains:
            if domain.upper() != _NO_DOMAIN and self._is_active(task_type, domain, now_ms):
                return domain
        return None if domains[-1].upper() == _NO_DOMAIN else domains[-1]

    def _is_active(self, task_type: str, domain: str, now_ms: int) -> bool:
        last = self._last.get(task_type, {}).get(domain)
        return last is not None and now_ms - last.last_poll_time < _ACTIVE_MS
