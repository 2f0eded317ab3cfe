"""A server that is not there when a program starts: often the address is another than was meant."""

from __future__ import annotations

from cloud_tasks.errors import Problem, QueueUnavailableError, ServerAwayError

_VARIABLES_BEGIN = "ASYNCTASQ_"


def away(error: QueueUnavailableError, option: str, *, has_flags: bool = True) -> ServerAwayError:
    """The error with what says where the server is.

    Args:
        error: Why it cannot be used; names the address, without credentials.
        option: What the address is given with.
        has_flags: Whether it is; else it was given in a program, or as the address of a transport.
    """
    variable = _VARIABLES_BEGIN + option.removeprefix("--").upper().replace("-", "_")
    named = f"name another with {option} ({variable})" if has_flags else "give the address of another"
    return ServerAwayError(
        Problem(
            str(error), helps=(f"start the server, or {named}",), notes=("nothing started; 0 tasks taken",)
        )
    )
