"""Wording of what can be wrong with credentials, queues and permissions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cloud_tasks.config.redact import redact
from cloud_tasks.diagnostics import near
from cloud_tasks.errors import Problem
from cloud_tasks.queues.pubsub.names import QueueNames, short
from cloud_tasks.queues.pubsub.permissions import NEEDED

if TYPE_CHECKING:
    from cloud_tasks.queues.pubsub.failures import CallFailedError

NOTHING_TAKEN = "nothing started; 0 tasks taken"
_NOTES = (NOTHING_TAKEN,)
_SHOWN_NAMES_MAX = 5


def library_missing(error: ImportError) -> Problem:
    """The library that the backend needs cannot be imported."""
    return Problem(
        "provider GCP needs the package google-cloud-pubsub, which cannot be imported",
        helps=("the extra `pubsub` brings it",),
        notes=(str(error), *_NOTES),
    )


def no_credentials(named_file: str | None, error: Exception) -> Problem:
    """No credentials were found anywhere."""
    variable = "is not set" if not named_file else f"names {named_file}"
    return Problem(
        "no Google Cloud credentials found",
        helps=(
            "give a service account's key with --credentials-file (credentials_file in the configuration)",
            "or log in with `gcloud auth application-default login`",
        ),
        notes=(
            "tried, in this order: credentials_file (not given)",
            f"the variable GOOGLE_APPLICATION_CREDENTIALS ({variable})",
            "gcloud's application default credentials, the metadata service of the machine",
            f"Google's library says: {_one_line(error)}",
            *_NOTES,
        ),
    )


def credentials_file_unusable(path: str, error: Exception) -> Problem:
    """A credentials file was named that cannot be used."""
    return Problem(
        f"the credentials file {path} cannot be used: {_one_line(error)}",
        helps=(
            "give the JSON key of a service account, or leave credentials_file out to use the environment",
        ),
        notes=_NOTES,
    )


def credentials_refused(source: str, error: Exception) -> Problem:
    """The credentials exist and are not accepted."""
    return Problem(
        f"the Google Cloud credentials are not accepted: {_one_line(error)}",
        helps=("log in again, or give a key that is still valid",),
        notes=(f"they come from {source}", *_NOTES),
    )


def impersonation_refused(service_account: str, source: str, error: Exception) -> Problem:
    """The service account that was named cannot be acted as."""
    return Problem(
        f"cannot act as the service account {service_account}: {_one_line(error)}",
        helps=("grant the credentials roles/iam.serviceAccountTokenCreator on that service account",),
        notes=(f"those come from {source}", *_NOTES),
    )


def no_project() -> Problem:
    """Nobody says which project is meant."""
    return Problem(
        "no Google Cloud project is known",
        helps=("give it with --project-id (project_id in the configuration), or set GOOGLE_CLOUD_PROJECT",),
        notes=("the credentials name none either", *_NOTES),
    )


def no_event_queue() -> Problem:
    """The event queue is wanted, and has no name."""
    return Problem(
        "no event queue is named", helps=("give it a name with --event-log-queue-name",), notes=_NOTES
    )


def missing(what: str, resource: str, names: QueueNames, project_id: str, there: Iterable[str]) -> Problem:
    """A topic or a subscription does not exist.

    Args:
        what: "topic" or "subscription".
        resource: Its full name.
        names: The queue that it belongs to.
        project_id: The project.
        there: The names of those that the project has.
    """
    known = sorted(short(name) for name in there)
    like = near(short(resource), known)
    listed = ", ".join(known[:_SHOWN_NAMES_MAX]) + (", ..." if len(known) > _SHOWN_NAMES_MAX else "")
    return Problem(
        f"queue {names.queue}: there is no {what} {short(resource)} in project {project_id}",
        hint=f"did you mean `{like}`?" if like else "",
        helps=("load_queue makes it, and a worker that is told --create-queue; nothing else does",),
        notes=(f"{what}s of this project: {listed or 'none'}", *_NOTES),
    )


def not_granted(permission: str, resource: str, role: str, *notes: str) -> Problem:
    """A permission is missing."""
    return Problem(
        f"permission {permission} is missing on {resource}",
        helps=(f"{role} grants it; grant that on the resource or on its project",),
        notes=(*notes, *_NOTES),
    )


def denied(error: CallFailedError) -> Problem:
    """We may not make a call."""
    says = f"Pub/Sub says: {error.text}"
    if error.method in NEEDED:
        permission, role = NEEDED[error.method]
        return not_granted(permission, error.resource, role, says)
    return Problem(f"{error.method} is not allowed on {error.resource}", notes=(says, *_NOTES))


def refused(error: CallFailedError) -> Problem:
    """What a call was asked for cannot be."""
    return Problem(
        f"Pub/Sub takes no {short(error.resource)} as it was asked for: {error.text}",
        helps=("names have 3 to 255 letters, digits and -_.~+%, begin with a letter and not with goog",),
        notes=(f"{error.method} of {error.resource}", *_NOTES),
    )


def unusable(names: QueueNames, what: str, *helps: str) -> Problem:
    """The subscription exists, and cannot be used as it is."""
    return Problem(f"queue {names.queue}: {what}", helps=helps, notes=(names.subscription, *_NOTES))


def _one_line(error: Exception) -> str:
    return redact(" ".join(str(error).split()))[:300]
