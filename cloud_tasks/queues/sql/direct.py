"""The few statements that are said all the time, as the driver takes them.

SQLAlchemy writes them, once; its layers for carrying one out cost more than all else of a call. See
decision 72.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine.interfaces import Dialect as SqlalchemyDialect

Found: TypeAlias = Sequence[tuple[Any, ...]]
"""Rows, as the driver makes them."""


Fetch: TypeAlias = Callable[[Any, str, Mapping[str, object]], Awaitable[Found]]
"""Has a driver's own connection carry out a statement; raises what the driver raises."""


class Direct(Struct, frozen=True):
    """A statement that returns rows.

    Attributes:
        text: It.
        constants: The parameters that are always the same.
        fetch: How the driver is told.
    """

    text: str
    constants: Mapping[str, object]
    fetch: Fetch


def written_for(statement: sa.ClauseElement, dialect: SqlalchemyDialect, fetch: Fetch) -> Direct:
    """The statement as the dialect's driver takes it; parameters have names."""
    compiled = statement.compile(dialect=dialect)
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    return Direct(str(compiled), constants, fetch)
