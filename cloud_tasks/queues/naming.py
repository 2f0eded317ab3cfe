"""Names of queues: what a backend cannot have is refused by name, before anybody is asked."""

from __future__ import annotations

from cloud_tasks.errors import ConfigurationError, Problem

_SHOWN_MAX = 60


def check_name(queue: str, backend: str, allowed: str, *, fits: bool) -> str:
    """Check the name of a queue.

    Args:
        queue: It.
        backend: Whose queue it is to be.
        allowed: What a name may be, in words.
        fits: Whether it is that.

    Returns:
        The name.

    Raises:
        ConfigurationError: It is none.
    """
    if not fits:
        message = f"{_shown(queue)} is no name of a queue of {backend}"
        raise ConfigurationError(Problem(message, helps=(f"a name has {allowed}",)))
    return queue


def is_text(name: str) -> bool:
    """Whether it is more than nothing, and can be written in UTF-8: halves of characters cannot."""
    return bool(name) and name.encode("utf-8", "replace").decode() == name


def _shown(queue: str) -> str:
    if len(queue) <= _SHOWN_MAX:
        return repr(queue)
    return f"{queue[:_SHOWN_MAX]!r}... ({len(queue)} characters)"
