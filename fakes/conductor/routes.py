"""From a path to an operation."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from fakes.conductor.calls import Call
from fakes.conductor.errors import not_found
from fakes.conductor.operations import Operation
from fakes.conductor.workflow_operations import OPERATIONS

_PREFIX: Final = "/api"
_PLACE: Final = "{}"


class Routes:
    """Finds operations."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, int], list[tuple[list[str], Operation]]] = {}
        for operation in OPERATIONS.values():
            for path in operation.paths:
                words = path.split("/")
                self._routes.setdefault((operation.method, len(words)), []).append((words, operation))

    def find(self, method: str, target: str, body: bytes) -> tuple[Operation, Call]:
        """The operation that a request is about, and the call.

        Raises:
            ConductorError: There is none.
        """
        path, _, query = target.partition("?")
        words = path.removeprefix(_PREFIX).split("/")
        if path.startswith(_PREFIX):
            for route, operation in self._routes.get((method, len(words)), ()):
                if all(mine in (word, _PLACE) for mine, word in zip(route, words, strict=True)):
                    places = [
                        unquote(word) for mine, word in zip(route, words, strict=True) if mine == _PLACE
                    ]
                    return operation, Call(places, query, body)
        raise not_found(f"this stand-in has no {method} {path}")
