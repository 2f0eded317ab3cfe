"""`FaultSource`: how faults are drawn, recorded and played again.

Every decision has a name that says what it is about: the second ack of task 7, the first run of task 3.
Whether a fault strikes there follows from the seed and that name alone, so nothing that is added, removed or
reordered elsewhere moves it, and a fault that was recorded can be played again in another run by its name.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable

from simulation.faults import Chances, Fault, FaultClass
from simulation.shares import mixed, share_of

Name = tuple[FaultClass, str, int]
_CODES = {kind: zlib.crc32(kind.value.encode()) for kind in FaultClass}


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
        return mixed(self.seed, self._occasion + _CODES[kind])

    def note(self, fault: Fault) -> None:
        """A fault that was planned by time has struck."""
        self.injected.append(fault)

    def had_effect(self, kind: FaultClass) -> None:
        """A fault made a difference."""
        self.effective[kind] += 1
