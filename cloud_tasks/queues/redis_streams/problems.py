"""Wording of what can be wrong with the address, the password and the server."""

from __future__ import annotations

from cloud_tasks.errors import Problem

OLDEST_VERSION = (6, 2)
_NOTES = ("nothing started; 0 tasks taken",)


def library_missing(error: ImportError) -> Problem:
    """The library that the driver needs cannot be imported."""
    return Problem(
        "driver redis needs the package redis, which cannot be imported",
        helps=("pip install 'cloud-tasks[redis]'",),
        notes=(str(error), *_NOTES),
    )


def bad_url(reason: str, *, has_flags: bool) -> Problem:
    """The address is none."""
    give = "give --redis-url as" if has_flags else "an address is"
    return Problem(
        f"the address of Redis cannot be used: {reason}",
        helps=(f"{give} redis://[[user]:password@]host[:port][/db], rediss://... or unix:///path",),
        notes=_NOTES,
    )


def unknown_host(host: str, reason: str, *, has_flags: bool) -> Problem:
    """Nobody knows the host."""
    place = "--redis-url" if has_flags else "the address"
    return Problem(
        f"there is no host {host}: {reason}", helps=(f"look at the host in {place}",), notes=_NOTES
    )


def refused(where: str, reason: str, *, has_flags: bool) -> Problem:
    """The server does not let us in."""
    by_flags = "give the password with --redis-password, or user and password in --redis-url"
    return Problem(
        f"Redis at {where} refuses the credentials: {reason}",
        helps=(by_flags if has_flags else "give user and password in the address",),
        notes=_NOTES,
    )


def no_database(where: str, db: int, reason: str, *, has_flags: bool) -> Problem:
    """There is no such database."""
    place = "with --redis-db" if has_flags else "in the address"
    return Problem(
        f"Redis at {where} has no database {db}: {reason}",
        helps=(f"give another {place}; servers have 16 by default, clusters one",),
        notes=_NOTES,
    )


def too_old(where: str, version: str) -> Problem:
    """The server cannot do what is needed."""
    needed = ".".join(str(part) for part in OLDEST_VERSION)
    return Problem(
        f"Redis at {where} is version {version}, and {needed} is needed",
        helps=("upgrade the server, or use Valkey",),
        notes=_NOTES,
    )
