"""Names of topics, subscriptions and snapshots."""

from __future__ import annotations

import re

from fakes.pubsub.errors import invalid_name

DELETED_TOPIC = "_deleted-topic_"
"""What a subscription's topic reads once it is gone."""

_PROJECT = re.compile(r"projects/[^/\s]+")
_RESOURCE = re.compile(
    r"projects/[^/\s]+/(topics|subscriptions|snapshots)/([A-Za-z][A-Za-z0-9._~+%-]{2,254})"
)


def check_name(kind: str, name: str) -> str:
    """The name, if one of this kind may be called that.

    Raises:
        PubSubError: It may not.
    """
    match = _RESOURCE.fullmatch(name)
    if match is None or match[1] != kind or match[2].startswith("goog"):
        raise invalid_name(name)
    return name


def check_project(name: str) -> str:
    """The name of a project with a slash at its end, as its resources begin.

    Raises:
        PubSubError: It is none.
    """
    if not _PROJECT.fullmatch(name):
        raise invalid_name(name)
    return f"{name}/"


def project_of(name: str) -> str:
    """The id of the project that a resource belongs to."""
    return name.split("/")[1]


def short_name(name: str) -> str:
    """The last part of a name."""
    return name.rpartition("/")[2]
