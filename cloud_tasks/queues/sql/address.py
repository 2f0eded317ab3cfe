"""Addresses of databases, looked at before any library does. Nothing that may be a password is shown."""

from __future__ import annotations

import re

from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.queues.sql import problems
from cloud_tasks.queues.sql.settings import SqlSettings

_KINDS = {
    "sqlite": ("SQLite", "sqlite"),
    "postgresql": ("PostgreSQL", "postgres"),
    "postgres": ("PostgreSQL", "postgres"),
    "mysql": ("MySQL", "mysql"),
    "mariadb": ("MySQL", "mysql"),
}
"""Kind of database and extra, by the beginning of an address."""
_OPTIONS = {"SQLite": "--sqlite-path", "PostgreSQL": "--postgres-dsn", "MySQL": "--mysql-dsn"}
_ANY_OPTION = "--postgres-dsn or --mysql-dsn"
_SCHEME = re.compile(r"([A-Za-z]+)(\+[A-Za-z0-9_]+)?")
_USER = re.compile(r"[^:/]*(?P<password>:[^@]*)?@")
"""User and password, as SQLAlchemy reads them."""
_NO_FILE = re.compile(r"(postgres|postgresql|mysql|mariadb):|[^/:@\s]+:[^/@]*@|\s*\w+\s*=\s*\S+\s+\w+\s*=")
"""What is no path of a file, as it can only be an address that somebody wrote in another way."""


def kind_of(settings: SqlSettings) -> tuple[str, str]:
    """The kind of database at the address of the settings, and the extra that it needs.

    Raises:
        ConfigurationError: The address is none, or of another kind than is wanted, or it cannot be told where
            its password ends.
    """
    kind, extra = _kind_of(settings)
    if settings.kind not in ("", kind):
        option = _given_with(_OPTIONS[settings.kind], settings)
        raise ConfigurationError(problems.dsn_of_another(option, settings.kind))
    return kind, extra


def _kind_of(settings: SqlSettings) -> tuple[str, str]:
    scheme, separator, rest = settings.dsn.partition("://")
    if not separator and not _NO_FILE.match(settings.dsn):
        return _KINDS["sqlite"]
    if scheme not in _KINDS or not separator:
        raise ConfigurationError(_unknown(scheme if separator else "", settings))
    kind, extra = _KINDS[scheme]
    if kind != "SQLite" and _is_ambiguous(rest):
        raise unreadable(kind, settings)
    return kind, extra


def unreadable(kind: str, settings: SqlSettings) -> ConfigurationError:
    """The parts of an address cannot be made out. What is in the place of one may be a password."""
    return ConfigurationError(problems.dsn_unreadable(_given_with(_OPTIONS[kind], settings)))


def _is_ambiguous(rest: str) -> bool:
    """Whether there is an `@` behind user and password: it and what is before it may be of the password."""
    user = _USER.match(rest)
    if user is None:
        return "@" in rest.partition("?")[0]
    behind = rest[user.end() :]
    return "@" in (behind if user["password"] else behind.partition("?")[0])


def _unknown(scheme: str, settings: SqlSettings) -> Problem:
    name = _SCHEME.fullmatch(scheme)
    known = _KINDS.get(name[1].lower()) if name else None
    option = _given_with(_ANY_OPTION if known is None else _OPTIONS[known[0]], settings)
    if name is None:
        return problems.dsn_unknown(option)
    if known is None:
        return problems.dsn_unknown(option, scheme)
    return problems.dsn_of_library(option, name[1].lower(), name[2] or "", scheme)


def _given_with(option: str, settings: SqlSettings) -> str:
    return option if settings.has_flags else "the address of the transport"
