"""Queues for programs without an event loop."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.transports import open_transport
from cloud_tasks.errors import ConfigurationError, MessageRefusedError
from cloud_tasks.workers import Transport, get_transport
from tests.e2e.programs import ROOT


@pytest.fixture
def transport(tmp_path: Path) -> Transport:
    return get_transport(f"sqlite:///{tmp_path / 'queues.db'}")


def test_first_in_first_out(transport: Transport) -> None:
    assert transport.get_task("foo") is None
    assert not transport.poll_queue("foo")
    for number in range(12):
        transport.submit_task("foo", {"n": number, "nested": {"list": [1, None, "é"]}})
    assert transport.poll_queue("foo")
    assert not transport.poll_queue("other")
    taken = [transport.get_task("foo") for _ in range(13)]
    assert taken == [*({"n": number, "nested": {"list": [1, None, "é"]}} for number in range(12)), None]


def test_one_object_for_one_address(transport: Transport) -> None:
    assert get_transport(transport.url) is transport
    transport.submit_task("foo", {"n": 1})
    transport.close()
    assert transport.get_task("foo") == {"n": 1}


@pytest.mark.parametrize(
    "name", ["", "a", "Foo", "1foo", "foo_", "foo__bar", "foo-bar", "föö", "foo\n"], ids=repr
)
def test_names_of_queues_are_checked(transport: Transport, name: str) -> None:
    for call in (transport.get_task, transport.poll_queue):
        with pytest.raises(ValueError, match="is no name of a queue"):
            call(name)
    with pytest.raises(ValueError, match="is no name of a queue"):
        transport.submit_task(name, {})


@pytest.mark.parametrize("name", ["ab", "a1", "foo_bar_2", "f00"])
def test_names_that_are_fine(transport: Transport, name: str) -> None:
    transport.submit_task(name, {})
    assert transport.get_task(name) == {}


@pytest.mark.parametrize("payload", [[1], "text", None, 1])
def test_payloads_are_objects(transport: Transport, payload: Any) -> None:
    with pytest.raises(TypeError, match="a payload is a dict"):
        transport.submit_task("foo", payload)


def test_what_json_cannot_hold_is_refused(transport: Transport) -> None:
    payload: Any = {"object": object()}
    with pytest.raises(MessageRefusedError):
        transport.submit_task("foo", payload)
    assert transport.get_task("foo") is None


async def test_what_is_no_payload_is_put_aside(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queues.db'}"
    driver = open_transport(url, SystemClock())
    await driver.connect()
    connection = driver._parts.database  # type: ignore[attr-defined] # what no sender of ours would send
    insert = driver._parts.statements.insert_soon  # type: ignore[attr-defined] # what no sender of ours would send

    async def send_nonsense(one: Any) -> None:
        await one.execute(insert, {"b_queue": "foo", "b_body": b"nonsense", "b_delay": 0})

    await connection.call(send_nonsense)
    transport = get_transport(url)
    transport.submit_task("foo", {"n": 1})
    assert transport.get_task("foo") == {"n": 1}
    (letter,) = await driver.dead_letters("foo").oldest(10)
    assert letter.body == b"nonsense"
    await driver.disconnect()
    transport.close()


def test_threads_share_it(transport: Transport) -> None:
    def submit(first: int) -> None:
        for number in range(first, first + 10):
            transport.submit_task("foo", {"n": number})

    threads = [threading.Thread(target=submit, args=(10 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {transport.get_task("foo")["n"] for _ in range(40)}  # type: ignore[index] # there are forty
    assert found == set(range(40))


def test_a_mistake_in_the_address_is_told() -> None:
    with pytest.raises(ConfigurationError, match="is the address of no transport"):
        get_transport("nonsense:x")


PROGRAM = """
import os, sys
from cloud_tasks.workers import get_transport
try:
    get_transport()
except Exception as error:
    print(type(error).__name__, error, flush=True)  # what is not written yet, the child would write too
url = sys.argv[1]
get_transport(url).submit_task("foo", {"by": "parent"})
if os.fork() == 0:
    get_transport(url).submit_task("foo", {"by": "child"})
    sys.exit(0)
print(os.wait()[1], get_transport(url).get_task("foo"), get_transport(url).get_task("foo"))
"""


def test_a_fork_has_connections_of_its_own_and_a_program_ends(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if name != "ASYNCTASK_TRANSPORT"}
    done = subprocess.run(  # noqa: S603 - our own program
        # Python 3.12 and later warn of each fork in a program that has threads, as ours has here.
        [
            sys.executable,
            "-W",
            "ignore::DeprecationWarning",
            "-c",
            PROGRAM,
            f"sqlite:///{tmp_path / 'queues.db'}",
        ],
        env={**clean, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.splitlines() == [
        "ConfigurationError nobody has said where the queues are",
        "0 {'by': 'parent'} {'by': 'child'}",
    ]
    assert (done.returncode, done.stderr) == (0, "")
