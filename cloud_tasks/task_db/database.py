"""`Database`: an open task database, as a context."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from cloud_tasks.task_db.schema import connect, errors_told


class Database:
    """What all books of a job have in common.

    Args:
        path: The database; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            ConfigurationError: It is no database, or cannot be written; every other method raises this, too.
        """
        self._path = path
        self._db = connect(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it or nothing."""
        with errors_told(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            with self._db:
                yield
