"""Wording of what can be wrong with an address, a password, and tables."""

from __future__ import annotations

from collections.abc import Collection

from cloud_tasks.errors import Problem

NOTHING_TAKEN = "nothing started; 0 tasks taken"
_NOTES = (NOTHING_TAKEN,)
_EXAMPLES = {
    "PostgreSQL": "postgresql://user:password@host/database",
    "MySQL": "mysql://user:password@host:3306/database",
}
_ADDRESSES = tuple(_EXAMPLES.values())


def library_missing(kind: str, extra: str, error: ImportError) -> Problem:
    """A package that the database needs cannot be imported."""
    return Problem(
        f"{kind} needs the package {error.name or 'sqlalchemy'}, which cannot be imported",
        helps=(f"pip install 'cloud-tasks[{extra}]'",),
        notes=(str(error), *_NOTES),
    )


def dsn_unknown(option: str, scheme: str = "") -> Problem:
    """An address that begins like none that we know. The rest of it is not shown: there may be a password."""
    begins = f": it begins with {scheme}://" if scheme else ""
    return Problem(f"{option}: this is not the address of a database{begins}", helps=_ADDRESSES, notes=_NOTES)


def dsn_of_another(option: str, kind: str) -> Problem:
    """The address of another kind of database than the driver is for."""
    return Problem(
        f"{option}: this is not the address of a database of {kind}",
        helps=(_EXAMPLES.get(kind, "the path of a file"), "or choose the driver that it is for"),
        notes=_NOTES,
    )


def dsn_of_library(option: str, right: str, extra: str, given: str) -> Problem:
    """An address that names one of SQLAlchemy's drivers as well: which is used is not the user's choice."""
    without = f", without {extra}" if extra else ""
    return Problem(
        f"{option}: an address that begins with {given}:// is not known",
        helps=(f"write {right}://{without}",),
        notes=_NOTES,
    )


def dsn_unreadable(option: str) -> Problem:
    """An address whose parts cannot be told apart. Nothing of it is shown: any part may be a password."""
    return Problem(
        f"{option}: the host, the port and the password of the address cannot be made out",
        helps=("write / ? # @ : and % in a password as %2F %3F %23 %40 %3A and %25", *_ADDRESSES),
        notes=_NOTES,
    )


def parameters_unknown(option: str, where: str, names: Collection[str]) -> Problem:
    """The address has parameters that nobody knows. Their values are not shown."""
    what = ", ".join(sorted(names))
    return Problem(
        f"{where} cannot be used: its address has a parameter that is not known: {what}",
        helps=(f"look at what follows the ? in the address; it is given with {option}",),
        notes=_NOTES,
    )


def refused(option: str, where: str, text: str, help_: str) -> Problem:
    """The database is there and does not let us in, or its address leads nowhere."""
    return Problem(
        f"{where} cannot be used: {text}", helps=(help_, f"it is given with {option}"), notes=_NOTES
    )


def tables_missing(option: str, where: str, names: Collection[str], migrate: str) -> Problem:
    """Tables are not there."""
    tables = ", ".join(sorted(names))
    what = f"the table {tables} is" if len(names) == 1 else f"the tables {tables} are"
    return Problem(
        f"{what} not in {where}",
        helps=(f"make them with: {migrate}", f"or name another database with {option}"),
        notes=_NOTES,
    )


def tables_foreign(where: str, names: Collection[str], elsewhere: str) -> Problem:
    """Tables of our names are another program's."""
    tables = ", ".join(sorted(names))
    what = f"the table {tables} in {where} is" if len(names) == 1 else f"the tables {tables} in {where} are"
    return Problem(
        f"{what} not of this program: columns are missing",
        helps=(elsewhere,),
        notes=("no table was touched", NOTHING_TAKEN),
    )


def columns_missing(where: str, table: str, names: Collection[str], elsewhere: str) -> Problem:
    """A table of ours is not as we made it."""
    columns = ", ".join(sorted(names))
    what = f"column {columns}" if len(names) == 1 else f"columns {columns}"
    return Problem(
        f"the table {table} in {where} has no {what}",
        helps=("give the table its columns back, or bring back a copy of it", f"or {elsewhere}"),
        notes=("no table was touched", NOTHING_TAKEN),
    )


def indexes_missing(where: str, names: Collection[str], migrate: str) -> Problem:
    """Tables of ours lack indexes: without them a queue is slow, or cannot be read at all."""
    indexes = ", ".join(sorted(names))
    what = f"the index {indexes} is" if len(names) == 1 else f"the indexes {indexes} are"
    return Problem(f"{what} not in {where}", helps=(f"make what is missing with: {migrate}",), notes=_NOTES)


def tables_old(where: str, version: int, newest: int, migrate: str) -> Problem:
    """The tables are of an older version."""
    return Problem(
        f"the tables in {where} are of version {version}, and this program needs version {newest}",
        helps=(f"upgrade them with: {migrate}",),
        notes=_NOTES,
    )


def tables_new(where: str, version: int, newest: int) -> Problem:
    """The tables are of a version that we do not know."""
    return Problem(
        f"the tables in {where} are of version {version}, and this program knows version {newest}",
        helps=("use the version of cloud-tasks that made them, or a newer one",),
        notes=_NOTES,
    )
