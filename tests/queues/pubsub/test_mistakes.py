"""What a user is told before the first task: credentials, project, queues, permissions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from google.pubsub_v1 import types

from cloud_tasks.clock import SystemClock
from cloud_tasks.diagnostics import render
from cloud_tasks.errors import ConfigurationError, QueueUnavailableError
from cloud_tasks.interfaces import QueueBackend
from cloud_tasks.queues.pubsub import PubSubSettings, open_backend
from tests.queues.pubsub.scripted import Answer, ScriptedServer, fails, gives, scripted

TOPIC = "projects/p/topics/jobs-topic"
SUBSCRIPTION = "projects/p/subscriptions/jobs-subscription"
NO_TOPIC = fails("NOT_FOUND", "Topic not found")
TOPICS = gives(types.ListTopicsResponse(topics=[types.Topic(name="projects/p/topics/job-topic")]))
SUBSCRIPTIONS = gives(types.ListSubscriptionsResponse(subscriptions=[]))


def subscription(**fields: object) -> Answer:
    return gives(types.Subscription({"name": SUBSCRIPTION, "topic": TOPIC, **fields}))


@asynccontextmanager
async def backend_of(**settings: object) -> AsyncIterator[tuple[ScriptedServer, QueueBackend]]:
    async with scripted() as (server, _):
        given = {"project_id": "p", "task_queue": "jobs", "emulator_host": f"127.0.0.1:{server.port}"}
        backend = open_backend(PubSubSettings(**{**given, **settings}), SystemClock())  # type: ignore[arg-type]
        server.script("GetTopic", gives(types.Topic(name=TOPIC)))
        yield server, backend
        await backend.aclose()


async def told(backend: QueueBackend, *, tasks: bool = True, events: bool = False) -> str:
    with pytest.raises(ConfigurationError) as caught:
        await backend.check(tasks=tasks, events=events, create=False)
    return render(caught.value.problems)


class TestQueues:
    async def test_all_well(self) -> None:
        async with backend_of() as (server, backend):
            server.script("GetSubscription", subscription())
            await backend.check(tasks=True, events=False, create=False)

    async def test_no_such_queue_tells_name_project_and_near_names(self) -> None:
        async with scripted() as (server, _):
            server.script("GetTopic", NO_TOPIC)
            server.script("GetSubscription", fails("NOT_FOUND"))
            server.script("ListTopics", TOPICS)
            server.script("ListSubscriptions", SUBSCRIPTIONS)
            settings = PubSubSettings(
                project_id="p", task_queue="jobs", emulator_host=f"127.0.0.1:{server.port}"
            )
            backend = open_backend(settings, SystemClock())
            text = await told(backend)
            await backend.aclose()
        assert "queue jobs: there is no topic jobs-topic in project p" in text
        assert "did you mean `job-topic`?" in text
        assert "queue jobs: there is no subscription jobs-subscription in project p" in text
        assert "a worker that is told --create-queue" in text
        assert "nothing started; 0 tasks taken" in text

    async def test_permission_denied_tells_what_is_missing_where_and_which_role_grants_it(self) -> None:
        async with backend_of() as (server, backend):
            server.script("GetSubscription", fails("PERMISSION_DENIED", "User not authorized."))
            text = await told(backend)
        assert f"permission pubsub.subscriptions.get is missing on {SUBSCRIPTION}" in text
        assert "roles/pubsub.viewer grants it" in text
        assert "User not authorized." in text

    async def test_who_may_not_create_is_told_what_that_needs(self) -> None:
        async with backend_of() as (server, backend):
            server.script("CreateTopic", fails("PERMISSION_DENIED", "User not authorized."))
            with pytest.raises(ConfigurationError, match=r"pubsub\.topics\.create is missing"):
                await backend.check(tasks=True, events=False, create=True)

    async def test_a_name_that_pubsub_does_not_take(self) -> None:
        async with backend_of() as (server, backend):
            server.script("GetSubscription", fails("INVALID_ARGUMENT", "Invalid resource name"))
            text = await told(backend)
        assert "Invalid resource name" in text
        assert "begin with a letter" in text

    async def test_later_a_refusal_names_the_permission_too(self) -> None:
        async with backend_of() as (server, backend):
            server.script("GetSubscription", subscription())
            server.script("Pull", fails("PERMISSION_DENIED", "no"))
            queue = await backend.tasks()
            with pytest.raises(QueueUnavailableError, match=r"pubsub\.subscriptions\.consume is missing"):
                await queue.receive(1, 1.0)

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"topic": "_deleted-topic_"}, "was deleted"),
            ({"topic": "projects/p/topics/other"}, "hangs on another topic, other"),
            ({"detached": True}, "was detached"),
            ({"push_config": {"push_endpoint": "https://example.org"}}, "pushes to an address"),
        ],
    )
    async def test_a_subscription_that_cannot_be_used(self, fields: dict[str, object], words: str) -> None:
        async with backend_of() as (server, backend):
            server.script("GetSubscription", subscription(**fields))
            assert words in await told(backend)

    async def test_exactly_once_is_not_taken_for_given(self) -> None:
        async with backend_of(exactly_once=True) as (server, backend):
            server.script("GetSubscription", subscription())
            assert "exactly-once delivery was asked for" in await told(backend)

    async def test_an_event_queue_without_subscription_would_lose_events(self) -> None:
        async with backend_of(event_queue="jobs-events") as (server, backend):
            server.script("GetSubscription", fails("NOT_FOUND"))
            server.script("ListSubscriptions", SUBSCRIPTIONS)
            text = await told(backend, tasks=False, events=True)
        assert "there is no subscription jobs-events-subscription" in text

    async def test_nobody_answers(self) -> None:
        async with backend_of() as (server, backend):
            server.script("GetSubscription", fails("UNAVAILABLE", "away"))
            with pytest.raises(QueueUnavailableError, match="away"):
                await backend.check(tasks=True, events=False, create=False)

    async def test_a_port_where_nobody_listens(self, unused_tcp_port: int) -> None:
        settings = PubSubSettings(
            project_id="p", task_queue="jobs", emulator_host=f"127.0.0.1:{unused_tcp_port}"
        )
        backend = open_backend(settings, SystemClock())
        with pytest.raises(QueueUnavailableError, match="UNAVAILABLE"):
            await backend.check(tasks=True, events=False, create=False)
        await backend.aclose()


class TestCredentials:
    @pytest.fixture(autouse=True)
    def _nothing_around(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "PUBSUB_EMULATOR_HOST"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("NO_GCE_CHECK", "true")
        monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
        monkeypatch.setenv("PATH", "")

    async def test_none_found_tells_the_sources_in_order(self) -> None:
        text = await told(open_backend(PubSubSettings(task_queue="jobs"), SystemClock()))
        assert "no Google Cloud credentials found" in text
        places = ["credentials_file", "GOOGLE_APPLICATION_CREDENTIALS (is not set)", "gcloud's", "metadata"]
        tried = text[text.index("tried, in this order") :]
        assert [tried.index(place) for place in places] == sorted(tried.index(place) for place in places)
        assert "gcloud auth application-default login" in text

    async def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        path = tmp_path / "key.json"
        settings = PubSubSettings(task_queue="jobs", credentials_file=str(path))
        text = await told(open_backend(settings, SystemClock()))
        assert f"the credentials file {path} cannot be used" in text

    async def test_a_file_that_is_no_key_keeps_its_secrets(self, tmp_path: Path) -> None:
        path = tmp_path / "key.json"
        path.write_text('{"type": "service_account", "private_key": "very secret"}')
        settings = PubSubSettings(task_queue="jobs", credentials_file=str(path))
        text = await told(open_backend(settings, SystemClock()))
        assert "cannot be used" in text
        assert "very secret" not in text

    async def test_the_variable_names_a_file_that_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
        text = await told(open_backend(PubSubSettings(task_queue="jobs"), SystemClock()))
        assert "GOOGLE_APPLICATION_CREDENTIALS (names /nowhere/key.json)" in text

    async def test_no_project(self) -> None:
        settings = PubSubSettings(task_queue="jobs", emulator_host="127.0.0.1:1")
        text = await told(open_backend(settings, SystemClock()))
        assert "no Google Cloud project is known" in text
        assert "--project-id" in text


def python(program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own program


def test_a_library_that_is_not_there_is_named_with_the_extra_that_brings_it() -> None:
    program = """
import sys
sys.modules["google"] = sys.modules["grpc"] = None
from cloud_tasks.clock import SystemClock
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.queues.pubsub import PubSubSettings, open_backend
try:
    open_backend(PubSubSettings(task_queue="jobs"), SystemClock())
except ConfigurationError as error:
    print(error, error.problems[0].helps)
"""
    done = python(program)
    assert "needs the package google-cloud-pubsub" in done.stdout
    assert "the extra `pubsub` brings it" in done.stdout


def test_the_package_is_imported_without_the_library() -> None:
    program = (
        "import sys, cloud_tasks.queues.pubsub; print([n for n in sys.modules if n in ('grpc', 'google')])"
    )
    done = python(program)
    assert done.stdout == "[]\n"
