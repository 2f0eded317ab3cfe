"""`@task`: what it refuses, what it leaves alone, and what it puts into a queue."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import functools
import pickle
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from cloud_tasks.config.table import COUNT_MAX, DURATION_S_MAX
from cloud_tasks.core.task import Task
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.runners.worker_data import WorkerData
from cloud_tasks.task_app import outbox, registry
from cloud_tasks.task_app.calling import call_task_on_loop
from cloud_tasks.task_app.definition import task
from cloud_tasks.task_app.options import ATTEMPTS_MAX, SECONDS_MAX
from cloud_tasks.task_app.serializing import Serializer, path_of
from cloud_tasks.tasks import close_sync


@dataclasses.dataclass
class Order:
    number: int
    due: dt.date


@task(queue="orders", max_attempts=5)
async def ship(order: Order, *notes: str, express: bool = False, **labels: int) -> str:
    """Ship an order."""
    await asyncio.sleep(0)
    return f"{order.number} {order.due:%Y} {notes} {express} {labels}"


@task
def double(number: int) -> int:
    return 2 * number


@task(name="old-name", process=True)
def renamed(anything) -> object:  # type: ignore[no-untyped-def]  # noqa: ANN001 - users write such functions
    return anything


@task(process=True, mode="pool")
def twice_said() -> None: ...


class PickleJar:
    """A serializer for those who trust each other."""

    def serialize(self, value: object) -> bytes:
        return pickle.dumps(value)

    def deserialize(self, data: bytes) -> object:
        return pickle.loads(data)  # noqa: S301 - the test's own


class Outbox:
    """Takes what is dispatched."""

    serializer: Serializer | None = None

    def __init__(self) -> None:
        self.sent: list[tuple[str | None, Task, float, str]] = []
        self.closed = False

    async def send(self, queue: str | None, sent: Task, delay_s: float, name: str) -> None:
        self.sent.append((queue, sent, delay_s, name))

    async def aclose(self) -> None:
        self.closed = True


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Outbox]:
    taking = Outbox()

    async def opener() -> Outbox:
        return taking

    before = outbox.opener()
    outbox.set_opener(opener)
    yield taking
    await outbox.close_outbox()
    outbox.set_opener(before)


async def test_a_task_function_is_still_the_function() -> None:
    assert double(4) == 8
    order = Order(1, dt.date(2026, 1, 2))
    assert await ship(order, "a", express=True, x=1) == "1 2026 ('a',) True {'x': 1}"
    assert ship.__doc__ == "Ship an order."
    assert repr(double) == f"<task {double.name}>"


def test_its_name_is_that_of_module_and_function() -> None:
    assert double.name == f"{__name__}.double"
    assert renamed.name == "old-name"
    assert registry.find("old-name") is renamed


def test_the_way_of_running_follows_the_function() -> None:
    assert (ship.mode, double.mode, renamed.mode) == ("async", "thread", "pool")


async def test_dispatch_puts_a_call_into_the_functions_queue(box: Outbox) -> None:
    task_id = await ship.dispatch(Order(7, dt.date(2026, 2, 3)), "quickly", express=True, weight=3)
    assert box.sent == [
        (
            "orders",
            Task(
                task_id,
                {
                    "task": ship.name,
                    "args": [{"number": 7, "due": "2026-02-03"}, "quickly"],
                    "kwargs": {"express": True, "weight": 3},
                },
            ),
            0.0,
            ship.name,
        )
    ]


async def test_dispatch_takes_a_delay_a_queue_and_an_id(box: Outbox) -> None:
    assert await double.dispatch(1, delay=60, queue="slow", task_id="mine") == "mine"
    ((queue, sent, delay_s, _),) = box.sent
    assert (queue, sent.task_id, delay_s) == ("slow", "mine", 60)


async def test_a_function_without_a_queue_leaves_it_to_the_settings(box: Outbox) -> None:
    await double.dispatch(1)
    assert box.sent[0][0] is None


async def test_a_serializer_of_ones_own_packs_the_arguments(box: Outbox) -> None:
    box.serializer = PickleJar()
    await ship.dispatch(Order(7, dt.date(2026, 2, 3)), "quickly", weight=3)
    ((_, sent, _, _),) = box.sent
    assert set(sent.data) == {"task", "packed"}
    worker_data = WorkerData()
    with pytest.raises(TypeError, match="packed by a serializer, and this worker has none"):
        await call_task_on_loop("", sent.data, worker_data)
    worker_data.handed_down = msgspec.json.encode({"serializer": path_of(PickleJar())}).decode()
    retry, result = await call_task_on_loop("", sent.data, worker_data)
    assert (retry, result) == (False, "7 2026 ('quickly',) False {'weight': 3}")


@task
async def clashing() -> object:
    return {1: "one", "1": "other"}


async def test_a_result_of_which_json_would_lose_a_part_is_left_to_who_tells_so() -> None:
    """Turned into text beforehand, the two keys would be one, and nobody would know."""
    _, result = await call_task_on_loop("", {"task": clashing.name, "args": [], "kwargs": {}}, WorkerData())
    assert result == {1: "one", "1": "other"}


async def test_two_dispatches_have_two_ids(box: Outbox) -> None:
    assert await double.dispatch(1) != await double.dispatch(1)


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ((), {}, "missing a required argument: 'number'"),
        ((1, 2), {}, "too many positional arguments"),
        ((1,), {"wrong": 1}, "got an unexpected keyword argument 'wrong'"),
        (("one",), {}, "`number`: Expected `int`, got `str`"),
        ((object(),), {}, "argument 1 cannot be written as JSON"),
        ((), {"number": object()}, "`number` cannot be written as JSON"),
    ],
)
async def test_what_does_not_fit_is_told_where_it_is_dispatched(
    box: Outbox, args: tuple[object, ...], kwargs: dict[str, object], words: str
) -> None:
    with pytest.raises(TypeError, match=words) as caught:
        await double.dispatch(*args, **kwargs)  # type: ignore[arg-type] # any, on purpose
    assert double.name in str(caught.value)
    assert box.sent == []


@pytest.mark.parametrize("delay", [-1.0, float("nan"), float("inf")])
async def test_a_delay_that_cannot_be_is_refused(box: Outbox, delay: float) -> None:
    with pytest.raises(ValueError, match="delay"):
        await double.dispatch(1, delay=delay)


@pytest.mark.parametrize("task_id", ["", "a/b", "a\0"])
async def test_an_id_that_cannot_be_is_refused(box: Outbox, task_id: str) -> None:
    with pytest.raises(ValueError, match="is not a task id"):
        await double.dispatch(1, task_id=task_id)


def test_a_program_without_a_loop_dispatches_too() -> None:
    boxes: list[Outbox] = []

    async def opener() -> Outbox:
        boxes.append(Outbox())
        return boxes[-1]

    before = outbox.opener()
    outbox.set_opener(opener)
    try:
        first, second = double.dispatch_sync(1), double.dispatch_sync(2, delay=3)
    finally:
        close_sync()
        outbox.set_opener(before)
    (only,) = boxes
    assert [sent.task_id for _, sent, _, _ in only.sent] == [first, second]
    assert only.closed


async def test_who_has_said_nothing_is_told_so() -> None:
    before = outbox.opener()
    outbox.set_opener(None)
    try:
        with pytest.raises(outbox.NotConnectedError, match=r"import `task` from cloud_tasks\.tasks"):
            await double.dispatch(1)
    finally:
        outbox.set_opener(before)


async def test_two_that_connect_at_once_share_one_connection() -> None:
    boxes: list[Outbox] = []

    async def opener() -> Outbox:
        opened = Outbox()
        boxes.append(opened)
        await asyncio.sleep(0)
        return opened

    before = outbox.opener()
    outbox.set_opener(opener)
    try:
        await asyncio.gather(double.dispatch(1), double.dispatch(2))
        await outbox.close_outbox()
    finally:
        outbox.set_opener(before)
    assert sorted(len(one.sent) for one in boxes) == [0, 2]
    assert all(one.closed for one in boxes)


# --- What the decorator refuses


def problem_of(**options: Any) -> str:
    def function(number: int) -> int:
        return number

    function.__qualname__ = "function"
    function.__module__ = "app"
    with pytest.raises(ConfigurationError) as caught:
        task(**options)(function)
    return "\n".join(problem.message for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_attempts": 0}, "max_attempts is 0, and must be at least 1"),
        ({"max_attempts": "3"}, "Expected `int | null`, got `str` - at `$.max_attempts`"),
        ({"retry_delay": -1.0}, "retry_delay is -1.0, and must be 0 or more, in seconds"),
        ({"retry_strategy": "linear"}, "retry_strategy is 'linear', and must be one of fixed, exponential"),
        ({"timeout": 0.0}, "timeout is 0.0, and must be more than 0, in seconds"),
        (
            {"visibility_timeout": float("inf")},
            "visibility_timeout is inf, and must be more than 0, in seconds",
        ),
        ({"max_attempts": 10**30}, f"max_attempts is {10**30}, and must be at most 1000000000"),
        ({"timeout": 1e10}, "timeout is 10000000000.0, and must be at most 3153600000, in seconds"),
        ({"retry_delay": 1e10}, "retry_delay is 10000000000.0, and must be at most 3153600000, in seconds"),
        ({"mode": "fiber"}, "mode is 'fiber', and must be one of async, thread, pool, process"),
        ({"mode": "async"}, 'mode is "async", and it is no coroutine function'),
        ({"queue": ""}, "queue is '', and must be the name of a queue"),
        ({"name": 5}, "name is 5, and must be a text"),
        ({"name": ""}, "name is '', and must be a text"),
        ({"name": " "}, "name is ' ', and must be a text"),
        ({"name": b"f"}, "name is b'f', and must be a text"),
        ({"process": True, "mode": "thread"}, 'process=True is mode="pool", and mode is "thread"'),
        ({"process": "no"}, "process is 'no', and must be True or False"),
        ({"attempts": 3}, "there is no option `attempts`"),
    ],
)
def test_an_option_that_cannot_be_is_refused(options: dict[str, Any], words: str) -> None:
    assert problem_of(**options) == f"@task on `app.function`: {words}"


def test_the_same_said_twice_is_no_contradiction() -> None:
    assert twice_said.mode == "pool"


class Caller:
    def __call__(self, number: int) -> None: ...


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        (functools.partial(double, 1), "partial"),
        (Caller(), "Caller"),
        (Caller, "type"),
        (5, "int"),
        (double, "TaskDefinition"),
    ],
)
@pytest.mark.parametrize("name", [None, "named"])
def test_only_functions_can_be_marked(what: Any, kind: str, name: str | None) -> None:
    with pytest.raises(
        ConfigurationError, match=f"@task marks functions, not a value of type {kind}"
    ) as caught:
        task(name=name)(what)
    assert caught.value.problems[0].helps == ("write a function with `def` that calls it, and mark that",)
    assert registry.get("named") is None


def test_bounds_are_those_of_the_command_line() -> None:
    assert (ATTEMPTS_MAX, SECONDS_MAX) == (COUNT_MAX, DURATION_S_MAX)


def test_every_problem_is_told_at_once() -> None:
    assert problem_of(max_attempts=0, timeout=-1.0).count("\n") == 1


def test_a_function_that_no_worker_can_find_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="defined inside another function"):

        @task
        def inner() -> None: ...


def test_a_parameter_with_a_name_of_ours_is_refused() -> None:
    def function(delay: float) -> None: ...

    function.__qualname__ = "function"
    with pytest.raises(
        ConfigurationError, match=r"its parameter `delay` has the name of an argument of dispatch"
    ):
        task(function)


def test_two_functions_of_one_name_are_refused() -> None:
    def one() -> None: ...
    def other() -> None: ...

    one.__qualname__, other.__qualname__ = "one", "other"
    task(name="twice")(one)
    with pytest.raises(ConfigurationError, match="two task functions are called `twice`") as caught:
        task(name="twice")(other)
    assert all(__file__ in note for note in caught.value.problems[0].notes)
    task(name="twice")(one)  # a module that is imported twice
