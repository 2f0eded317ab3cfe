"""Requests and answers, apart from the library that carries them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

CLOUDS = ("aws", "gcp", "azure")
"""The services that there are."""


class Instance(Struct, frozen=True, kw_only=True):
    """The machine that the stand-in speaks for.

    Attributes:
        id: What AWS calls it.
        name: What GCP and Azure call it.
        number: Its number at GCP.
        zone: Its zone at GCP.
        vm_id: Its number at Azure.
    """

    id: str = "i-0123456789abcdef0"
    name: str = "worker-1"
    number: str = "4520031799277581759"
    zone: str = "us-central1-a"
    vm_id: str = "13f56399-bd52-4150-9748-7190aae1ff21"


class Request(Struct, frozen=True):
    """What somebody asked.

    Attributes:
        method: "GET" and so on.
        path: The path, without its query.
        headers: The headers; their names in any case.
        query: The query's parameters.
        body: The body.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes = b""


class Answer(Struct, frozen=True):
    """What is answered.

    Attributes:
        status: The HTTP status.
        text: The body.
        content_type: Its type.
        headers: Further headers.
    """

    status: int
    text: str = ""
    content_type: str = "text/plain"
    headers: Mapping[str, str] = {}
