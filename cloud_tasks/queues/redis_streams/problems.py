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


def bad_url(reason: str) -> Problem:
    """The address is none."""
    return Problem(
        f"the address of Redis cannot be used: {reason}",
        helps=(
            "give --redis-url as redis://[[user]:password@]host[:port][/db], rediss://... or unix://path",
        ),
        notes=_NOTES,
    )


def unknown_host(host: str, reason: str) -> Problem:
    """Nobody knows the host."""
    return Problem(
        f"there is no host {host}: {reason}", helps=("look at the host in --redis-url",), notes=_NOTES
    )


def refused(where: str, reason: str) -> Problem:
    """The server does not let us in."""
    return Problem(
        f"Redis at {where} refuses the credentials: {reason}",
        helps=("give the password with --redis-password, or user and password in --redis-url",),
        notes=_NOTES,
    )


def no_database(where: str, db: int, reason: str) -> Problem:
    """There is no such database."""
    return Problem(
        f"Redis at {where} has no database {db}: {reason}",
        helps=("give another with --redis-db; servers have 16 by default, clusters one",),
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
