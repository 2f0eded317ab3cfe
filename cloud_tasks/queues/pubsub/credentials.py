"""Finding out as whom Pub/Sub is asked. Everything here may block."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import google.auth
from google.auth import exceptions, impersonated_credentials
from google.auth.credentials import Credentials
from google.auth.transport.requests import Request

from cloud_tasks.errors import ConfigurationError, QueueUnavailableError
from cloud_tasks.queues.pubsub.problems import (
    credentials_file_unusable,
    credentials_refused,
    impersonation_refused,
    no_credentials,
)
from cloud_tasks.queues.pubsub.settings import PubSubSettings

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
CREDENTIALS_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"


def find_credentials(settings: PubSubSettings) -> tuple[Credentials, str]:
    """Credentials that were just accepted, and the project that they name ("" if they name none).

    Raises:
        ConfigurationError: There are none, or they are not accepted.
        QueueUnavailableError: Whoever accepts them did not answer.
    """
    if settings.credentials_file is not None:
        source = f"the file {settings.credentials_file} (credentials_file)"
        credentials, project_id = _from_file(settings.credentials_file)
    else:
        source = "what was found in the environment"
        credentials, project_id = _from_environment()
    if settings.service_account is not None:
        credentials = impersonated_credentials.Credentials(  # type: ignore[no-untyped-call]
            source_credentials=credentials, target_principal=settings.service_account, target_scopes=[SCOPE]
        )
    _renew(credentials, source, settings.service_account)
    return credentials, project_id


def _from_file(path: str) -> tuple[Credentials, str]:
    try:
        information = json.loads(Path(path).read_bytes())
        with warnings.catch_warnings():
            # The user names this file: the warning against files from elsewhere is not for them.
            warnings.simplefilter("ignore", DeprecationWarning)
            return _loaded(information)
    except (OSError, ValueError, exceptions.GoogleAuthError) as error:
        raise ConfigurationError(credentials_file_unusable(path, error)) from None


def _loaded(information: object) -> tuple[Credentials, str]:
    load: Any = google.auth.load_credentials_from_dict
    credentials, project_id = load(information, scopes=[SCOPE])
    return credentials, project_id or ""


def _from_environment() -> tuple[Credentials, str]:
    try:
        credentials, project_id = google.auth.default(scopes=[SCOPE])
    except (OSError, ValueError, exceptions.GoogleAuthError) as error:
        raise ConfigurationError(no_credentials(os.environ.get(CREDENTIALS_VARIABLE), error)) from None
    return credentials, project_id or ""


def _renew(credentials: Credentials, source: str, service_account: str | None) -> None:
    """Get the first token now, so that credentials that are refused are found before the first task."""
    try:
        credentials.refresh(Request())  # type: ignore[no-untyped-call]
    except exceptions.TransportError as error:
        raise QueueUnavailableError(f"nobody answered when the credentials were checked: {error}") from None
    except exceptions.GoogleAuthError as error:
        if service_account is not None:
            raise ConfigurationError(impersonation_refused(service_account, source, error)) from None
        raise ConfigurationError(credentials_refused(source, error)) from None
