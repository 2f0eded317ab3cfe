"""What can happen to a machine: the steps of a script, as values."""

from __future__ import annotations

from msgspec import Struct

from fakes.metadata.wire import Instance


class Step(Struct, frozen=True, kw_only=True, tag_field="do"):
    """Something happens."""

    @property
    def word(self) -> str:
        """What a script calls it."""
        return str(self.__struct_config__.tag)


class Notice(Step, frozen=True, kw_only=True, tag="notice"):
    """The provider says that the machine is about to be taken away.

    Attributes:
        ahead_s: Seconds until then; None: as usual with the provider (AWS 120, Azure 30; GCP never tells).
        action: AWS: "terminate", "stop" or "hibernate".
        resources: Azure: the machines that it is about; (): this one.
    """

    ahead_s: float | None = None
    action: str = "terminate"
    resources: tuple[str, ...] = ()


class CancelNotice(Step, frozen=True, kw_only=True, tag="cancel-notice"):
    """The provider takes the notice back."""


class Rebalance(Step, frozen=True, kw_only=True, tag="rebalance"):
    """AWS says that the machine is likely to be taken away."""


class Maintenance(Step, frozen=True, kw_only=True, tag="maintenance"):
    """The provider plans work on the machine.

    Attributes:
        code: What is to happen, in the provider's word; "": a usual one of each.
        ahead_s: Seconds until then.
        lasts_s: How long it takes.
        description: What the provider says about it.
        resources: Azure: the machines that it is about; (): this one.
    """

    code: str = ""
    ahead_s: float = 900.0
    lasts_s: float = 60.0
    description: str = ""
    resources: tuple[str, ...] = ()


class EndMaintenance(Step, frozen=True, kw_only=True, tag="end-maintenance"):
    """The work is done, or is not to be done after all."""


class ExpireTokens(Step, frozen=True, kw_only=True, tag="expire-tokens"):
    """AWS takes no token any more that it has given so far."""


class SoftOff(Step, frozen=True, kw_only=True, tag="soft-off"):
    """The power button is pressed: SIGTERM to the processes of the machine."""


class Kill(Step, frozen=True, kw_only=True, tag="kill"):
    """The machine is gone: SIGKILL to its processes."""


class Fault(Step, frozen=True, kw_only=True):
    """The service itself has a fault.

    Attributes:
        path: Which requests meet it: those whose path begins so.
        times: How many of them; None: all.
        for_s: For how long; None: until `heal`.
    """

    path: str = "/"
    times: int | None = None
    for_s: float | None = None


class Fail(Fault, frozen=True, kw_only=True, tag="fail"):
    """Requests are answered with an error.

    Attributes:
        status: Its HTTP status.
    """

    status: int = 503


class Slow(Fault, frozen=True, kw_only=True, tag="slow"):
    """Requests are answered late.

    Attributes:
        delay_s: By how much.
    """

    delay_s: float = 10.0


class Hang(Fault, frozen=True, kw_only=True, tag="hang"):
    """Requests are answered when the fault is over, and not before."""


class Drop(Fault, frozen=True, kw_only=True, tag="drop"):
    """Connections are closed without an answer."""


class Heal(Step, frozen=True, kw_only=True, tag="heal"):
    """Every fault is over."""


STEPS: tuple[type[Step], ...] = (
    Notice,
    CancelNotice,
    Rebalance,
    Maintenance,
    EndMaintenance,
    ExpireTokens,
    SoftOff,
    Kill,
    Fail,
    Slow,
    Hang,
    Drop,
    Heal,
)


class Moment(Struct, frozen=True):
    """A step and its time.

    Attributes:
        at_s: Seconds after the beginning of the script.
        step: What happens then.
    """

    at_s: float
    step: Step


class Script(Struct, frozen=True, kw_only=True):
    """What happens to one machine.

    Attributes:
        timeline: In order of time.
        instance: The machine.
        about: What it shows, in a sentence.
    """

    timeline: tuple[Moment, ...] = ()
    instance: Instance = Instance()
    about: str = ""
