"""Two things that only Linux can do, and that nothing in the standard library asks for."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def _find_prctl() -> Callable[..., int] | None:
    """The C function, looked up once in the template, so that forks have it for nothing."""
    if sys.platform != "linux":
        return None
    from ctypes import CDLL, c_int, c_ulong

    function = CDLL(None).prctl
    function.argtypes = (c_int, c_ulong, c_ulong, c_ulong, c_ulong)
    return function


_prctl = _find_prctl()


def die_with_parent(signal_number: int) -> None:
    """Get this signal when the parent dies; 0: none. Not kept by forks, kept by `exec`."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parents die. Not kept by forks."""
    if _prctl is not None:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
