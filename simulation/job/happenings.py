"""What can be seen of the event queue, of the monitor and of producers."""

from __future__ import annotations

from cloud_tasks.core.events import EventRecord
from fakes.history import Fact
from simulation.happenings import Happening


class EventAccepted(Happening, frozen=True, kw_only=True):
    """The event queue has accepted an event.

    Attributes:
        key: Of the message.
        record: The event.
        body: The message, byte for byte.
    """

    key: str
    record: EventRecord
    body: bytes


class EventMoved(Happening, frozen=True, kw_only=True):
    """Something happened to a message, in the event queue itself.

    Attributes:
        fact: What.
        original: Key of the message as it was accepted; its own, unless this is a second copy.
    """

    fact: Fact
    original: str


class EventTakenIn(Happening, frozen=True, kw_only=True):
    """A monitor shows that it has stored an event that was not there before.

    Attributes:
        effect: What it has changed, in its own words.
        event_type: Of the event; "" for what is none.
        task_id: Whose; "" for none.
    """

    effect: str
    event_type: str
    task_id: str


class MonitorBegan(Happening, frozen=True, kw_only=True):
    """A monitor was started."""


class MonitorEnded(Happening, frozen=True, kw_only=True):
    """A monitor has returned.

    Attributes:
        asked: Whether somebody had asked it to.
        total: Tasks in its database, as it says.
        finished: Tasks of which nothing more will come, as it says.
    """

    asked: bool
    total: int
    finished: int


class MonitorKilled(Happening, frozen=True, kw_only=True):
    """A monitor is no more.

    Attributes:
        where: What it was about when it was killed in the middle of a step; "" for between two steps.
    """

    where: str = ""


class MonitorFailed(Happening, frozen=True, kw_only=True):
    """A monitor has ended with an error.

    Attributes:
        error: Which.
    """

    error: str


class MonitorStopped(Happening, frozen=True, kw_only=True):
    """SIGSTOP."""


class MonitorContinued(Happening, frozen=True, kw_only=True):
    """SIGCONT."""


class ProducerBegan(Happening, frozen=True, kw_only=True):
    """A load was started, or is gone on with."""


class ProducerKilled(Happening, frozen=True, kw_only=True):
    """A load was killed.

    Attributes:
        where: What it was about when it was killed in the middle of a step; "" for between two steps.
    """

    where: str = ""


class ProducerEnded(Happening, frozen=True, kw_only=True):
    """A load has returned.

    Attributes:
        unsent: Tasks that are still to be sent, as it says.
        error: Why it gave up; "" if it did not.
    """

    unsent: int
    error: str = ""


class TaskSent(Happening, frozen=True, kw_only=True):
    """The queue has accepted a task from a producer; `worker` is the producer.

    Attributes:
        task_id: Of the task.
        call: Number of the producer's call.
    """

    task_id: str
    call: int


class RunMeant(Happening, frozen=True, kw_only=True):
    """A worker is about to ask for a run of a task that was sent more than once.

    Attributes:
        run: Identity of the run.
        key: Of the message that it is for.
    """

    run: int
    key: str


class SendAnswered(Happening, frozen=True, kw_only=True):
    """A producer has been told what became of a call.

    Attributes:
        call: Its number.
        error: Name of the error; "" for success.
    """

    call: int
    error: str = ""


class ServiceCalled(Happening, frozen=True, kw_only=True):
    """Somebody calls the event queue, or a producer calls the queue.

    Attributes:
        operation: Which call.
        number: Of the call, from 1.
    """

    operation: str
    number: int


class ServiceAnswered(Happening, frozen=True, kw_only=True):
    """The answer to such a call has come.

    Attributes:
        operation: Which call.
        number: Of the call.
        error: Name of the error; "" for success.
    """

    operation: str
    number: int
    error: str = ""
