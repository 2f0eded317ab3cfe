"""What is told before the first task when credentials, region, queues or permissions are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from cloud_tasks.clock import SystemClock
from cloud_tasks.diagnostics import render
from cloud_tasks.errors import ConfigurationError, NotYetError, QueueUnavailableError
from cloud_tasks.queues.sqs.backend import SqsBackend
from cloud_tasks.queues.sqs.settings import SqsSettings
from tests.queues.sqs.harness import stand_in_settings
from tests.queues.sqs.scripted import FOUND, URL, Answer, Scripted, refused

NOBODY = "http://127.0.0.1:9"
"""The discard port: nobody listens there."""


async def problems(settings: SqsSettings, *, create: bool = False, events: bool = False) -> str:
    backend = SqsBackend(settings, SystemClock())
    try:
        with pytest.raises(ConfigurationError) as caught:
            await backend.check(tasks=True, events=events, create=create)
    finally:
        await backend.aclose()
    return render(caught.value.problems)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment that holds nothing of AWS."""
    for name in (
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION",
        "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.usefixtures("bare")
class TestWhereNothingIsConfigured:
    async def test_input_14_no_credentials(self) -> None:
        told = await problems(SqsSettings(task_queue="job", region="us-east-1"))
        assert "no AWS credentials found" in told
        assert told.index("access_key") < told.index("AWS_ACCESS_KEY_ID") < told.index("role of the machine")

    async def test_no_region(self) -> None:
        told = await problems(SqsSettings(task_queue="job", access_key="k", secret_key="s3cret"))  # noqa: S106
        assert "no AWS region is known" in told
        assert "--region" in told
        assert "s3cret" not in told

    async def test_the_region_of_containers_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_REGION", "eu-west-3")
        settings = SqsSettings(task_queue="job", access_key="k", secret_key="s", endpoint_url=NOBODY)  # noqa: S106
        with pytest.raises(QueueUnavailableError):
            await SqsBackend(settings, SystemClock()).check(tasks=True, events=False, create=False)

    async def test_a_profile_that_is_not_there(self) -> None:
        told = await problems(SqsSettings(task_queue="job", region="us-east-1", profile="nobody"))
        assert "nobody" in told
        assert "AWS_PROFILE" in told

    async def test_an_address_that_is_none(self) -> None:
        settings = stand_in_settings("not an address")
        assert "AWS_ENDPOINT_URL_SQS" in await problems(settings)


async def test_input_16_no_such_queue_names_those_that_are_like_it(moto_url: str) -> None:
    settings = stand_in_settings(moto_url)
    made = SqsBackend(settings, SystemClock())
    await made.check(tasks=True, events=False, create=True)
    name = settings.task_queue
    told = await problems(structs.replace(settings, task_queue=name[:-1]), events=True)
    assert f"there is no queue {name[:-1]} in region us-east-1 ({moto_url})" in told
    assert f"did you mean `{name}`?" in told
    assert f"there is no queue {name[:-1]}-events" in told
    assert "--create-queue" in told
    await (await made.inspector("tasks")).delete()
    await made.aclose()


async def test_a_queue_of_the_other_kind_is_named() -> None:
    there = (200, {"QueueUrls": [f"{URL}aaa", f"{URL}one.fifo", f"{URL}two"]})
    with Scripted({"GetQueueUrl": refused("QueueDoesNotExist"), "ListQueues": there}).served() as url:
        told = await problems(stand_in_settings(url, task_queue="one"))
        assert "did you mean `one.fifo`?" in told
        assert "one.fifo is what is used with --exactly-once-queue" in told
        told = await problems(stand_in_settings(url, task_queue="two", exactly_once=True))
        assert "two is what is used without --exactly-once-queue" in told


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("ReceiveMessage", "sqs:ReceiveMessage"),
        ("DeleteMessage", "sqs:DeleteMessage"),
        ("ChangeMessageVisibility", "sqs:ChangeMessageVisibility"),
        ("GetQueueAttributes", "sqs:GetQueueAttributes"),
        ("GetQueueUrl", "sqs:GetQueueUrl"),
    ],
)
async def test_input_15_a_missing_permission_is_named(operation: str, action: str) -> None:
    script = Scripted({**FOUND, operation: refused("AccessDeniedException", "not authorized", 403)})
    with script.served() as url:
        told = await problems(structs.replace(stand_in_settings(url), task_queue="job"))
    assert f"permission {action} is missing" in told
    assert f'"Action": ["{action}"]' in told
    assert "not authorized" in told


async def test_all_missing_permissions_are_told_at_once() -> None:
    denied = refused("AccessDenied", status=403)
    script = Scripted(
        {**FOUND, "ReceiveMessage": denied, "DeleteMessage": denied, "ChangeMessageVisibility": denied}
    )
    with script.served() as url:
        assert (await problems(stand_in_settings(url))).count("error: permission") == 3


@pytest.mark.parametrize("code", ["InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken"])
async def test_input_14_credentials_that_are_not_accepted(code: str) -> None:
    with Scripted({"GetQueueUrl": refused(code, "the token is bad", 403)}).served() as url:
        told = await problems(stand_in_settings(url))
    assert f"not accepted: {code}: the token is bad" in told


async def test_a_standard_queue_where_exactly_once_was_asked_for() -> None:
    with Scripted(FOUND).served() as url:
        assert "is no FIFO queue" in await problems(stand_in_settings(url, exactly_once=True))


@pytest.mark.parametrize(
    "answer", [refused("RequestThrottled", status=400), refused("InternalError", status=500)]
)
async def test_an_outage_is_no_mistake_of_the_user(answer: Answer) -> None:
    with Scripted({"GetQueueUrl": answer}).served() as url:
        backend = SqsBackend(stand_in_settings(url), SystemClock())
        with pytest.raises(QueueUnavailableError):
            await backend.check(tasks=True, events=False, create=False)
        await backend.aclose()


async def test_a_queue_that_was_deleted_a_moment_ago_can_be_made_later() -> None:
    nothing = refused("QueueDoesNotExist")
    with Scripted({"GetQueueUrl": nothing, "CreateQueue": refused("QueueDeletedRecently")}).served() as url:
        backend = SqsBackend(stand_in_settings(url), SystemClock())
        with pytest.raises(NotYetError, match="a minute after its end") as caught:
            await backend.check(tasks=True, events=False, create=True)
        await backend.aclose()
    assert 0 < caught.value.wait_s <= 60


async def test_nothing_is_created_without_being_asked_for() -> None:
    script = Scripted({"GetQueueUrl": refused("QueueDoesNotExist"), "ListQueues": (200, {})})
    with script.served() as url:
        await problems(stand_in_settings(url), events=True)
    assert not [operation for operation, _ in script.asked if operation == "CreateQueue"]


def test_keys_are_not_in_what_is_shown() -> None:
    assert "hidden" not in repr(SqsSettings(task_queue="job", access_key="hidden", secret_key="hidden"))  # noqa: S106
