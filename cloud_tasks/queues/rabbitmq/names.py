"""What queues and exchanges may be called: less than the broker takes, as the library refuses the rest."""

from __future__ import annotations

import re

from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.queues.naming import check_name

NAME_MAX = 238
"""A name has 255 bytes at most, and that of a queue for delays is longer by `.delay.` and ten digits."""
EXCHANGE_MAX = 127
_ALLOWED = re.compile(r"[A-Za-z0-9_.:@#,/+ -]+")
_HOW = "characters of a-z, A-Z, 0-9, space and - _ . : @ # , / +"
_BROKERS = "amq."


def checked(queue: str) -> str:
    """The name of a queue, if it can be one.

    Raises:
        ConfigurationError: It cannot.
    """
    fits = _fits(queue, NAME_MAX) and not queue.startswith(_BROKERS)
    allowed = f"1 to {NAME_MAX} {_HOW}, and does not begin with {_BROKERS}"
    return check_name(queue, "RabbitMQ", allowed, fits=fits)


def check_exchange(name: str) -> None:
    """See that an exchange can be called that.

    Raises:
        ConfigurationError: It cannot.
    """
    if not _fits(name, EXCHANGE_MAX):
        help_ = f"a name has 1 to {EXCHANGE_MAX} {_HOW}"
        raise ConfigurationError(Problem(f"{name!r} is no name of an exchange of RabbitMQ", helps=(help_,)))


def _fits(name: str, characters_max: int) -> bool:
    return len(name) <= characters_max and _ALLOWED.fullmatch(name) is not None
