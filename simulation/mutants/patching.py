"""Putting a change of behaviour on, and taking it off again without a trace."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any

from cloud_tasks.core import actions, machine
from cloud_tasks.core.actions import ACTIONS
from cloud_tasks.core.attempt import Signal, State

Replacement = Callable[..., Any]
"""What takes the place of a function or method."""


@contextmanager
def swapped(owner: object, name: str, replacement: Replacement) -> Generator[None, None, None]:
    """Another function in the place of one of a module or a class.

    Raises:
        KeyError: There is none of that name; a mutant that replaces nothing would prove nothing.
    """
    original = vars(owner)[name]
    setattr(owner, name, replacement)
    try:
        yield
    finally:
        setattr(owner, name, original)


@contextmanager
def rewired(
    state: State, signal: Signal, next_state: State, *does: Replacement
) -> Generator[None, None, None]:
    """Another row in the table of transitions, or one more."""
    rows = machine._TABLE[signal]  # noqa: SLF001 - the table is compiled once, before any mutant
    original = rows.get(state)
    rows[state] = (next_state, does)
    try:
        yield
    finally:
        if original is None:
            del rows[state]
        else:
            rows[state] = original


@contextmanager
def instead_of(name: str, action: Replacement) -> Generator[None, None, None]:
    """Another action wherever the one of that name is called: by the table, and by other actions."""
    original = ACTIONS[name]
    with ExitStack() as stack:
        stack.enter_context(swapped(actions, name, action))
        for signal, rows in machine._TABLE.items():  # noqa: SLF001 - the table is compiled once, before any mutant
            for state, (next_state, does) in list(rows.items()):
                if original in does:
                    new = tuple(action if one is original else one for one in does)
                    stack.enter_context(rewired(state, signal, next_state, *new))
        yield
