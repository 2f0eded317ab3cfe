"""Wording of what can be wrong with the address, the credentials and the broker."""

from __future__ import annotations

from cloud_tasks.errors import Problem

OLDEST_VERSION = (3, 10)
_NOTES = ("nothing started; 0 tasks taken",)


def library_missing(error: ImportError) -> Problem:
    """The library that the driver needs cannot be imported."""
    return Problem(
        "driver rabbitmq needs the package aiormq, which cannot be imported",
        helps=("pip install 'cloud-tasks[rabbitmq]'",),
        notes=(str(error), *_NOTES),
    )


def bad_url(reason: str, *, has_flags: bool) -> Problem:
    """The address is none."""
    give = "give --rabbitmq-url as" if has_flags else "an address is"
    return Problem(
        f"the address of RabbitMQ cannot be used: {reason}",
        helps=(f"{give} amqp://user:password@host[:port]/[virtual host], or amqps://...",),
        notes=_NOTES,
    )


def unknown_host(where: str, reason: str, *, has_flags: bool) -> Problem:
    """Nobody knows the host."""
    help_ = f"look at the host in {_place(has_flags=has_flags)}"
    return Problem(f"there is no host {where}: {reason}", helps=(help_,), notes=_NOTES)


def refused(where: str, reason: str, *, has_flags: bool) -> Problem:
    """The broker does not let us in."""
    return Problem(
        f"RabbitMQ at {where} refuses the credentials: {reason}",
        helps=(
            f"look at user and password in {_place(has_flags=has_flags)}; guest may come from localhost only",
        ),
        notes=_NOTES,
    )


def no_virtual_host(where: str, name: str, *, has_flags: bool) -> Problem:
    """There is no such virtual host, or it is not ours."""
    place = _place(has_flags=has_flags)
    return Problem(
        f"RabbitMQ at {where} does not open the virtual host {name}",
        helps=(f"look at what follows the last / in {place}; / itself is written %2F or left out",),
        notes=_NOTES,
    )


def bad_exchange(name: str, reason: str, *, has_flags: bool) -> Problem:
    """The exchange is of another kind, or may not be made."""
    given = "with --rabbitmq-exchange-name" if has_flags else "as ?exchange= in the address"
    return Problem(
        f"the exchange {name} cannot be used: {reason}",
        helps=(f"give another {given}: it must be durable, and of type direct",),
        notes=_NOTES,
    )


def too_old(where: str, version: str) -> Problem:
    """The broker cannot do what is needed."""
    needed = ".".join(str(part) for part in OLDEST_VERSION)
    return Problem(
        f"RabbitMQ at {where} is version {version}, and {needed} is needed",
        helps=("upgrade the broker: older quorum queues know no time to live",),
        notes=_NOTES,
    )


def _place(*, has_flags: bool) -> str:
    return "--rabbitmq-url" if has_flags else "the address"
