"""Faults in words: sentences that mean the same after any refactoring."""

from __future__ import annotations

from collections.abc import Callable

from simulation.faults import Fault, FaultClass

_FIRST = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_TEENS = range(11, 14)
_SUFFIXES = {1: "st", 2: "nd", 3: "rd"}


def words_of(fault: Fault) -> str:
    """What goes wrong, for whom and when, in a sentence without a full stop."""
    return _WORDS[fault.kind](fault)


def ordinal(number: int) -> str:
    """A number as a place in a line: "second", "21st"."""
    if 1 <= number <= len(_FIRST):
        return _FIRST[number - 1]
    suffix = "th" if number % 100 in _TEENS else _SUFFIXES.get(number % 10, "th")
    return f"{number}{suffix}"


def seconds(value: float) -> str:
    """A time, exactly."""
    return f"{value!r} s".replace(".0 s", " s")


def _occasion(fault: Fault) -> str:
    return f"the {ordinal(fault.which)} {fault.whom}"


def _run(fault: Fault) -> str:
    return f"the {ordinal(fault.which)} run of {fault.whom}"


def _storing(fault: Fault) -> str:
    return f"the {ordinal(fault.which)} time that {fault.whom} stores events"


def _since(fault: Fault) -> str:
    return f"at {seconds(fault.at_s)}"


def _worker(fault: Fault) -> str:
    """Faults that strike at a time count round among the workers that run then."""
    return f"worker {fault.which} of those that run, counted from 0 and round"


def _notice(fault: Fault) -> str:
    return f"{_since(fault)} the machine of {_worker(fault)}, is told to go in {seconds(fault.size)}"


_WORDS: dict[FaultClass, Callable[[Fault], str]] = {
    FaultClass.REQUEST_LOST: lambda one: f"{_occasion(one)} is lost before it has any effect",
    FaultClass.REPLY_LOST: lambda one: f"the reply to {_occasion(one)} is lost",
    FaultClass.SLOW_CALL: lambda one: f"{_occasion(one)} takes {seconds(one.size)} longer",
    FaultClass.THROTTLED: lambda one: f"{_occasion(one)} is refused as one call too many",
    FaultClass.DUPLICATE: lambda one: (
        f"{one.whom} is shown to others during the lease of its {ordinal(one.which)} delivery"
    ),
    FaultClass.EMPTY_RECEIVE: lambda one: f"{_occasion(one)} brings nothing although there is something",
    FaultClass.REORDERED: lambda one: (
        f"{_occasion(one)} brings a later message first (place {one.size!r} of those that wait)"
    ),
    FaultClass.ACK_FORGOTTEN: lambda one: (
        f"the queue confirms the ack of the {ordinal(one.which)} delivery of {one.whom}, and forgets it"
    ),
    FaultClass.THROTTLE_BURST: lambda one: (
        f"{_since(one)} the queue refuses most calls for {seconds(one.size)}"
    ),
    FaultClass.ONE_WAY: lambda one: (
        f"{_since(one)} {_worker(one)}, gets no answers from the queue for {seconds(one.size)}"
    ),
    FaultClass.CLOG: lambda one: (
        f"{_since(one)} the calls of {_worker(one)}, are held for {seconds(one.size)}"
    ),
    FaultClass.SUSPEND: lambda one: (
        f"{_since(one)} the machine of {_worker(one)}, is suspended for {seconds(one.size)}"
    ),
    FaultClass.STARVED: lambda one: (
        f"{_since(one)} {_worker(one)}, gets a tenth of the processor for {seconds(one.size)}"
    ),
    FaultClass.OUTAGE: lambda one: f"{_since(one)} the queue stops answering for {seconds(one.size)}",
    FaultClass.DISK_FULL: lambda one: (
        f"{_since(one)} {_worker(one)}, can store no event for {seconds(one.size)}"
    ),
    FaultClass.PARTITION: lambda one: (
        f"{_since(one)} {_worker(one)}, is cut off from the queue for {seconds(one.size)}"
    ),
    FaultClass.SINK_FAILS: lambda one: f"{_storing(one)}, none is stored",
    FaultClass.SINK_SLOW: lambda one: f"{_storing(one)}, it takes {seconds(one.size)} longer",
    FaultClass.SINK_REPLY_LOST: lambda one: f"{_storing(one)}, they are stored and the reply is lost",
    FaultClass.CHILD_RAISES: lambda one: f"{_run(one)} raises",
    FaultClass.CHILD_EXITS: lambda one: f"{_run(one)} exits with a status",
    FaultClass.CHILD_KILLED: lambda one: f"{_run(one)} is ended by SIGKILL",
    FaultClass.CHILD_ASKS_AGAIN: lambda one: f"{_run(one)} returns, and asks for another attempt",
    FaultClass.CHILD_RETURNS_WRONG: lambda one: f"{_run(one)} returns something else than (retry, result)",
    FaultClass.CHILD_RESULT_UNFIT: lambda one: f"{_run(one)} returns what JSON cannot hold",
    FaultClass.CHILD_HITS_LIMIT: lambda one: f"{_run(one)} runs into its memory limit",
    FaultClass.CHILD_HANGS: lambda one: f"{_run(one)} never returns",
    FaultClass.CHILD_IGNORES_STOP: lambda one: f"{_run(one)} ignores SIGTERM",
    FaultClass.CHILD_LINGERS: lambda one: f"something is left of {_run(one)} for {seconds(one.size)}",
    FaultClass.CHILD_CANNOT_START: lambda one: f"{_run(one)} finds no process to run in",
    FaultClass.CHILD_SLOW_START: lambda one: f"{_run(one)} takes {seconds(one.size)} to start",
    FaultClass.CHILD_ENDS_AT_DEADLINE: lambda one: (
        f"{_run(one)} ends within a tick of a deadline (place {one.size!r} on the list of them)"
    ),
    FaultClass.WORKER_CRASH: lambda one: f"{_since(one)} {_worker(one)}, is ended by SIGKILL",
    FaultClass.WORKER_STOP: lambda one: f"{_since(one)} {_worker(one)}, is stopped for {seconds(one.size)}",
    FaultClass.SIGTERM: lambda one: f"{_since(one)} {_worker(one)}, gets SIGTERM",
    FaultClass.NOTICE: lambda one: f"{_notice(one)}, and goes",
    FaultClass.NOTICE_WITHOUT_KILL: lambda one: f"{_notice(one)}, and stays",
    FaultClass.CLOCK_DRIFT: lambda one: (
        f"the clock of {one.whom} runs {'slow' if one.size < 0 else 'fast'} by {abs(one.size)!r} millionths"
    ),
    FaultClass.WALL_STEP: lambda one: (
        f"{_since(one)} the time of day of {_worker(one)}, steps by {seconds(one.size)}"
    ),
    FaultClass.EVENT_TWICE: lambda one: (
        f"{_occasion(one)} comes a second time, {seconds(one.size)} after the first"
    ),
    FaultClass.EVENT_LATE: lambda one: f"{_occasion(one)} comes {seconds(one.size)} late",
    FaultClass.EVENTS_DISORDERED: lambda one: f"{_occasion(one)} brings them in the opposite order",
    FaultClass.EVENT_REFUSED: lambda one: f"{_occasion(one)} is not accepted, unlike others in its batch",
    FaultClass.EVENTS_REQUEST_LOST: lambda one: f"{_occasion(one)} is lost on its way to the event queue",
    FaultClass.EVENTS_REPLY_LOST: lambda one: f"the reply of the event queue to {_occasion(one)} is lost",
    FaultClass.EVENTS_SLOW: lambda one: f"{_occasion(one)} takes the event queue {seconds(one.size)} longer",
    FaultClass.EVENTS_THROTTLED: lambda one: (
        f"{_occasion(one)} is refused as one call to the event queue too many"
    ),
    FaultClass.EVENTS_OUTAGE: lambda one: (
        f"{_since(one)} the event queue stops answering for {seconds(one.size)}"
    ),
    FaultClass.MONITOR_DIES: lambda one: (
        f"the {ordinal(one.which)} time that the {one.whom} stores events, it is ended by SIGKILL"
        f" (at {one.size!r} of the way)"
    ),
    FaultClass.MONITOR_CRASH: lambda one: f"{_since(one)} the monitor is ended by SIGKILL",
    FaultClass.MONITOR_STOP: lambda one: f"{_since(one)} the monitor is stopped for {seconds(one.size)}",
    FaultClass.MONITOR_SIGTERM: lambda one: f"{_since(one)} the monitor gets SIGTERM",
    FaultClass.SEND_REFUSED: lambda one: (
        f"{_occasion(one)} is not accepted by the queue, unlike others in its batch"
    ),
    FaultClass.PRODUCER_DIES: lambda one: (
        f"the {ordinal(one.which)} time that the {one.whom} writes its progress down, it is ended by SIGKILL"
        f" ({'before' if one.size < 0.5 else 'after'} that)"  # noqa: PLR2004 - one half
    ),
    FaultClass.PRODUCER_CRASH: lambda one: f"{_since(one)} the producer is ended by SIGKILL",
}
