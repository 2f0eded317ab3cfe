"""`attempt.md`, from the transition table."""

from __future__ import annotations

from collections.abc import Iterator

from cloud_tasks.core.actions import ACTIONS
from cloud_tasks.core.attempt import SIGNAL_MEANINGS, TRANSITIONS, Signal, State
from pieces import NOTICE, code, table

STATE_MEANINGS = {
    State.LEASED: "A lease has been taken, and the run asked for.",
    State.RUNNING: "The user's function runs.",
    State.STOPPING: "The run was asked to end (SIGTERM), and is killed if it does not.",
    State.SETTLING: "The outcome is known: it is recorded, and then the lease is settled.",
    State.SETTLED: "The lease is settled; the slot is free once nothing is left of the run.",
    State.WAITING: "Not started: an older run of the task has not gone yet, or a failed start is tried anew.",
    State.LOST: "Somebody else has the task: the run ends, and nothing is settled.",
}

INTRODUCTION = """\
All that can happen to an attempt. The machine looks nothing else up: what is not in these tables cannot
happen. Signals that leave the state as it is are left out of the picture."""


def attempt_page() -> str:
    """The states of an attempt, as a picture and as tables."""
    parts = [NOTICE, "# The states of an attempt", INTRODUCTION, _picture()]
    for state in State:
        parts += [f"## {_name(state)}", STATE_MEANINGS[state]]
        parts.append(table(("What happens", "Then", "And"), _rows(state)))
    parts += ["## What is done", table(("Action", "Meaning"), _actions())]
    return "\n\n".join(parts) + "\n"


def _picture() -> str:
    labels: dict[tuple[State, State], list[str]] = {}
    for row in TRANSITIONS:
        if row.next is not row.state:
            labels.setdefault((row.state, row.next), []).append(_name(row.signal))
    edges = [
        f"    {_name(start)} --> {_name(end)}: {', '.join(names)}" for (start, end), names in labels.items()
    ]
    lines = [
        "stateDiagram-v2",
        f"    [*] --> {_name(State.LEASED)}",
        *edges,
        f"    {_name(State.SETTLED)} --> [*]",
    ]
    return "\n".join(["```mermaid", *lines, "```"])


def _rows(state: State) -> Iterator[tuple[str, ...]]:
    for row in TRANSITIONS:
        if row.state is state:
            goes_to = "" if row.next is state else _name(row.next)
            yield f"`{_name(row.signal)}`: {SIGNAL_MEANINGS[row.signal]}", goes_to, code(*row.does)


def _actions() -> Iterator[tuple[str, ...]]:
    for name, action in ACTIONS.items():
        yield code(name), (action.__doc__ or "").partition("\n\n")[0]


def _name(what: State | Signal) -> str:
    return what.name.lower()
