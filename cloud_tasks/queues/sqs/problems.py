"""Wording of what can be wrong with credentials, region, queues and permissions."""

from __future__ import annotations

import json
from collections.abc import Sequence

from cloud_tasks.diagnostics import near
from cloud_tasks.errors import Problem
from cloud_tasks.queues.sqs.bodies import one_line
from cloud_tasks.queues.sqs.names import FIFO_SUFFIX

NOTHING_TAKEN = "nothing started; 0 tasks taken"
_NOTES = (NOTHING_TAKEN,)
_SHOWN_NAMES_MAX = 5


def library_missing(error: ImportError) -> Problem:
    """The library that the backend needs cannot be imported."""
    return Problem(
        "provider AWS needs the package boto3, which cannot be imported",
        helps=("the extra `sqs` brings it",),
        notes=(str(error), *_NOTES),
    )


def no_region() -> Problem:
    """Nobody says which region is meant."""
    return Problem(
        "no AWS region is known",
        helps=("give it with --region (region in the configuration), or set AWS_REGION",),
        notes=("tried: --region, AWS_REGION, AWS_DEFAULT_REGION, the region of the profile", *_NOTES),
    )


def bad_region(error: Exception) -> Problem:
    """What is said to be the region cannot be one."""
    return Problem(
        f"this is no AWS region: {one_line(str(error))}",
        helps=("give one as us-east-1, with --sqs-region, --region or the variable AWS_REGION",),
        notes=_NOTES,
    )


def no_profile(error: Exception) -> Problem:
    """A profile was named that is not there."""
    return Problem(
        one_line(str(error)),
        helps=("look at AWS_PROFILE and at the files ~/.aws/config and ~/.aws/credentials",),
        notes=_NOTES,
    )


def nobody_there(where: str, reason: str) -> Problem:
    """Nobody answers where the queues are said to be."""
    return Problem(
        f"SQS in {where}: {reason}",
        helps=(
            "look at --sqs-endpoint-url (ASYNCTASQ_SQS_ENDPOINT_URL), AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL",
            "look at --sqs-region (ASYNCTASQ_SQS_REGION)",
        ),
        notes=_NOTES,
    )


def bad_endpoint(error: Exception) -> Problem:
    """The address of the service is none."""
    return Problem(
        f"the address of SQS cannot be used: {one_line(str(error))}",
        helps=("look at AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL",),
        notes=_NOTES,
    )


def no_credentials() -> Problem:
    """No credentials were found anywhere."""
    return Problem(
        "no AWS credentials found",
        helps=("log in with `aws configure` or `aws sso login`, or give the machine a role",),
        notes=(
            "tried, in this order: access_key and secret_key of the configuration",
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, ~/.aws/credentials, ~/.aws/config",
            "the role of the container, the role of the machine",
            *_NOTES,
        ),
    )


def credentials_refused(source: str, code: str, text: str) -> Problem:
    """The credentials exist and are not accepted."""
    return Problem(
        f"the AWS credentials are not accepted: {code}: {text}",
        helps=("log in again, or give keys that are still valid; see that the machine's clock is right",),
        notes=(f"they come from: {source}", *_NOTES),
    )


MADE_FOR_JOBS = "load_queue makes it, and a worker that is told --create-queue; nothing else does"
MADE_WHEN_WANTED = "it is made when a task is sent to it, or a worker takes from it"


def no_queue(name: str, where: str, there: Sequence[str] | None, made: str = MADE_FOR_JOBS) -> Problem:
    """A queue does not exist.

    Args:
        name: Its full name.
        where: Region and address.
        there: The queues that are there; None where we may not ask.
        made: What makes it.
    """
    if there is None:
        listed, like = "not known: sqs:ListQueues is not allowed", None
    else:
        listed = ", ".join(there[:_SHOWN_NAMES_MAX]) + (", ..." if len(there) > _SHOWN_NAMES_MAX else "")
        like = near(name, list(there))
    helps = [made]
    if there is not None and (twin := _twin(name)) in there:
        like = twin
        way = "without" if name.endswith(FIFO_SUFFIX) else "with"
        helps.insert(0, f"{twin} is what is used {way} --exactly-once-queue")
    return Problem(
        f"there is no queue {name} in {where}",
        hint=f"did you mean `{like}`?" if like else "",
        helps=tuple(helps),
        notes=(f"queues there: {listed or 'none'}", *_NOTES),
    )


def _twin(name: str) -> str:
    """The name that a queue would have if it were FIFO, or were not."""
    return name.removesuffix(FIFO_SUFFIX) if name.endswith(FIFO_SUFFIX) else f"{name}{FIFO_SUFFIX}"


def denied(action: str, resource: str, text: str) -> Problem:
    """A permission is missing."""
    statement = {"Effect": "Allow", "Action": [action], "Resource": resource}
    return Problem(
        f"permission {action} is missing on {resource}",
        helps=(f"a policy that grants it holds: {json.dumps(statement)}",),
        notes=(f"SQS says: {text}", *_NOTES),
    )


def not_fifo(name: str) -> Problem:
    """Exactly-once delivery was asked for, and the queue cannot."""
    return Problem(
        f"queue {name} is no FIFO queue, and --exactly-once-queue asks for one",
        helps=("a queue cannot become one: delete it and load it again with --exactly-once-queue",),
        notes=_NOTES,
    )
