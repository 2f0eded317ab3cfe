"""Faults, each by itself: what it is, whom it strikes, and how it is drawn, recorded and played again.

Every decision has a name that says what it is about: the second ack of task 7, the first run of task 3.
Whether a fault strikes there follows from the seed and that name alone, so nothing that is added, removed or
reordered elsewhere moves it, and a fault that was recorded can be played again in another run by its name.
"""

from __future__ import annotations

import enum
import zlib
from collections import Counter
from collections.abc import Callable, Mapping

from msgspec import Struct

_MASK = (1 << 64) - 1


class FaultClass(enum.Enum):
    """What can go wrong."""

    __hash__ = object.__hash__  # that of enums is Python code, and this is looked up on every occasion

    REQUEST_LOST = "request_lost"
    """A call fails before its effect."""
    REPLY_LOST = "reply_lost"
    """A call has its effect, and fails."""
    SLOW_CALL = "slow_call"
    """A call takes very long."""
    THROTTLED = "throttled"
    """A call is refused at once."""
    DUPLICATE = "duplicate"
    """A message that was delivered stays visible to others."""
    EMPTY_RECEIVE = "empty_receive"
    """A receive brings nothing although there is something."""
    REORDERED = "reordered"
    """A receive brings another message than the oldest."""
    ACK_FORGOTTEN = "ack_forgotten"
    """An ack is confirmed, and the message comes again all the same."""
    OUTAGE = "outage"
    """No call to the queue succeeds for a while."""
    THROTTLE_BURST = "throttle_burst"
    """Most calls to the queue are refused for a while."""
    PARTITION = "partition"
    """No call of one host succeeds for a while."""
    ONE_WAY = "one_way"
    """All calls of one host have their effect for a while, and no answer comes back."""
    CLOG = "clog"
    """No call of one host gets through for a while, and then all do at once."""
    SINK_FAILS = "sink_fails"
    """Events cannot be stored."""
    SINK_SLOW = "sink_slow"
    """Events take long to be stored."""
    SINK_REPLY_LOST = "sink_reply_lost"
    """Events are stored, and the call fails."""
    DISK_FULL = "disk_full"
    """No event of one host can be stored for a while."""
    CHILD_RAISES = "child_raises"
    """The function raises."""
    CHILD_EXITS = "child_exits"
    """The process exits with a status."""
    CHILD_KILLED = "child_killed"
    """A signal ends the process."""
    CHILD_ASKS_AGAIN = "child_asks_again"
    """The function returns, and asks for another attempt."""
    CHILD_RETURNS_WRONG = "child_returns_wrong"
    """The function returns something else than `(retry, result)`."""
    CHILD_RESULT_UNFIT = "child_result_unfit"
    """The function returns what JSON cannot hold."""
    CHILD_HITS_LIMIT = "child_hits_limit"
    """The function runs into its memory limit."""
    CHILD_HANGS = "child_hangs"
    """The function never returns."""
    CHILD_IGNORES_STOP = "child_ignores_stop"
    """SIGTERM makes no impression."""
    CHILD_LINGERS = "child_lingers"
    """What it started outlives it."""
    CHILD_CANNOT_START = "child_cannot_start"
    """There is no process to be had."""
    CHILD_SLOW_START = "child_slow_start"
    """It takes long until the function is called."""
    CHILD_ENDS_AT_DEADLINE = "child_ends_at_deadline"
    """The function returns within a tick of its deadline, or of the end of its lease."""
    WORKER_CRASH = "worker_crash"
    """SIGKILL to a worker."""
    WORKER_STOP = "worker_stop"
    """SIGSTOP to a worker, and SIGCONT later."""
    SUSPEND = "suspend"
    """A machine stands still with all that runs on it, its clock included, and goes on later."""
    STARVED = "starved"
    """A worker gets a tenth of the processor for a while."""
    SIGTERM = "sigterm"
    """Somebody ends a worker."""
    NOTICE = "notice"
    """The provider takes the machine away, and says so."""
    NOTICE_WITHOUT_KILL = "notice_without_kill"
    """The provider says so, and does not."""
    CLOCK_DRIFT = "clock_drift"
    """A clock runs fast or slow."""
    WALL_STEP = "wall_step"
    """The time of day steps."""
    EVENT_TWICE = "event_twice"
    """A message of the event queue is there two times."""
    EVENT_LATE = "event_late"
    """A message of the event queue is not to be seen for a while."""
    EVENTS_DISORDERED = "events_disordered"
    """The event queue hands messages out in another order."""
    EVENT_REFUSED = "event_refused"
    """One event of a batch is not accepted."""
    EVENTS_REQUEST_LOST = "events_request_lost"
    """A call to the event queue fails before its effect."""
    EVENTS_REPLY_LOST = "events_reply_lost"
    """A call to the event queue has its effect, and fails."""
    EVENTS_SLOW = "events_slow"
    """A call to the event queue takes very long."""
    EVENTS_THROTTLED = "events_throttled"
    """A call to the event queue is refused at once."""
    EVENTS_OUTAGE = "events_outage"
    """No call to the event queue succeeds for a while."""
    MONITOR_DIES = "monitor_dies"
    """SIGKILL to the monitor while it stores events."""
    MONITOR_CRASH = "monitor_crash"
    """SIGKILL to the monitor."""
    MONITOR_STOP = "monitor_stop"
    """SIGSTOP to the monitor, and SIGCONT later."""
    MONITOR_SIGTERM = "monitor_sigterm"
    """Somebody ends the monitor, and starts it again."""
    SEND_REFUSED = "send_refused"
    """One task of a batch is not accepted by the queue."""
    PRODUCER_DIES = "producer_dies"
    """SIGKILL to the producer while it writes its progress down."""
    PRODUCER_CRASH = "producer_crash"
    """SIGKILL to the producer."""


DRIFT_PPM_MAX = 500.0
"""How many millionths a clock runs fast or slow at most."""
_CODES = {kind: zlib.crc32(kind.value.encode()) for kind in FaultClass}


class Fault(Struct, frozen=True, kw_only=True, gc=False):
    """One fault.

    Attributes:
        kind: What goes wrong.
        whom: A worker, a task or an operation, by name.
        which: Number of the occasion, from 1: the second ack of that task.
        at_s: When, for faults that strike at a time; else 0.
        size: How large it is: seconds, or another measure of its class.
    """

    kind: FaultClass
    whom: str = ""
    which: int = 1
    at_s: float = 0.0
    size: float = 0.0


Name = tuple[FaultClass, str, int]


def share_of_number(seed: int, one: int, other: int) -> float:
    """As `share_of`, for a name that is two numbers below 2**32: in no time."""
    return _mixed(seed, (one << 32) + other)


def share_of(seed: int, *names: object) -> float:
    """A number from 0 to 1 that follows from a seed and some names."""
    # CRC-32 spreads the names, and two rounds of SplitMix64 what CRC leaves alike.
    return _mixed(seed, zlib.crc32("|".join(map(str, names)).encode()))


def shares_of(seed: int, name: str, more: str) -> tuple[float, float]:
    """As `share_of`, for a name that is put together already, and for that with `more` behind it."""
    code = zlib.crc32(name.encode())
    return _mixed(seed, code), _mixed(seed, zlib.crc32(more.encode(), code))


def _mixed(seed: int, code: int) -> float:
    mixed = (seed * 0x9E3779B97F4A7C15 + code) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return (mixed ^ (mixed >> 31)) / 2**64


class Chances(Struct, frozen=True):
    """How often each class strikes, where it is a matter of chance.

    Attributes:
        seed: Of every decision.
        odds: Probability on each occasion.
    """

    seed: int = 0
    odds: Mapping[FaultClass, float] = {}


class FaultSource:
    """Decides on each occasion what strikes; draws by chance, or plays what was recorded.

    Args:
        chances: How often.
        script: Faults to play on their occasions, beside those of chance.

    Attributes:
        injected: Every fault that struck, in order.
        effective: How many of each class made a difference.
        seed: Of every decision.
        occasions: How often each thing that a fault may strike has come about, by its name.
        idle: Whether no fault can strike on any occasion, now or later.
        on: The classes of those that can.
    """

    def __init__(self, chances: Chances, script: tuple[Fault, ...] = ()) -> None:
        self.injected: list[Fault] = []
        self.effective: Counter[FaultClass] = Counter()
        self.occasions: Counter[str] = Counter()
        self.seed = chances.seed
        self._quiet = False
        self._odds = {kind: odds for kind, odds in chances.odds.items() if odds > 0}
        self._script: dict[Name, Fault] = {(fault.kind, fault.whom, fault.which): fault for fault in script}
        self.on = frozenset((*self._odds, *(fault.kind for fault in script)))
        self.idle = not self.on
        self._whom, self._which, self._occasion = "", 0, 0

    @property
    def quiet(self) -> bool:
        """Whether the faults have stopped."""
        return self._quiet

    def draw_anew(self, seed: int) -> None:
        """Chance is another from now on; of what is still to be played by name, about half is."""
        self.seed = seed
        struck = set(self.injected)
        self._script = {
            name: fault
            for name, fault in self._script.items()
            if fault in struck or share_of(seed, "played", fault.kind.value, fault.whom, fault.which) < 0.5  # noqa: PLR2004 - one half
        }

    def stop(self) -> None:
        """No fault strikes any more."""
        self._quiet = self.idle = True
        self.on = frozenset()

    def strikes(
        self, kind: FaultClass, whom: str, which: int, size: Callable[[float], float] | None = None
    ) -> Fault | None:
        """The fault of this class on this occasion; None where there is none.

        Args:
            kind: The class.
            whom: What the occasion is about.
            which: Number of the occasion.
            size: From a number between 0 and 1 to the size of the fault.
        """
        if kind not in self.on:
            return None
        fault = self._script.get((kind, whom, which)) if self._script else None
        if fault is None:
            odds = self._odds.get(kind)
            if odds is None or self._share(kind, whom, which) >= odds:
                return None
            drawn = 0.0 if size is None else size(share_of(self.seed, kind.value, whom, which, "size"))
            fault = Fault(kind=kind, whom=whom, which=which, size=drawn)
        self.injected.append(fault)
        return fault

    def _share(self, kind: FaultClass, whom: str, which: int) -> float:
        """As `share_of`, with what several classes that are asked about one occasion have in common kept."""
        if which != self._which or whom != self._whom:
            self._whom, self._which = whom, which
            self._occasion = zlib.crc32(f"{whom}|{which}".encode()) << 32
        return _mixed(self.seed, self._occasion + _CODES[kind])

    def note(self, fault: Fault) -> None:
        """A fault that was planned by time has struck."""
        self.injected.append(fault)

    def had_effect(self, kind: FaultClass) -> None:
        """A fault made a difference."""
        self.effective[kind] += 1
