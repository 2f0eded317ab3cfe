"""What goes over the wire between boto3 and SQS."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from msgspec import Struct

TARGET = "X-Amz-Target"
_PREFIX = "AmazonSQS."


class Request(Struct, frozen=True):
    """A request.

    Attributes:
        url: Where it goes.
        headers: Its headers.
        body: Some JSON.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        """The call's name."""
        return self.headers[TARGET].removeprefix(_PREFIX)

    def read(self) -> dict[str, Any]:
        """What it asks for."""
        asked: dict[str, Any] = msgspec.json.decode(self.body)
        return asked

    def asking(self, asked: Mapping[str, object]) -> Request:
        """The same request for something else."""
        return Request(self.url, self.headers, msgspec.json.encode(asked))


class Answer(Struct, frozen=True):
    """An answer.

    Attributes:
        status: Of HTTP.
        headers: Its headers.
        body: Some JSON.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_good(self) -> bool:
        """Whether the call was carried out."""
        return self.status == 200  # noqa: PLR2004 - HTTP's word for it

    def read(self) -> dict[str, Any]:
        """What it says."""
        said: dict[str, Any] = msgspec.json.decode(self.body or b"{}")
        return said

    def saying(self, said: Mapping[str, object]) -> Answer:
        """The same answer with something else in it."""
        return Answer(self.status, self.headers, msgspec.json.encode(said))


def request_of(prepared: Any) -> Request:
    """What boto3 sends, from the form in which it hands it to its transport."""
    headers = {
        name: value.decode() if isinstance(value, bytes) else str(value)
        for name, value in prepared.headers.items()
    }
    body = prepared.body
    return Request(prepared.url, headers, body.encode() if isinstance(body, str) else bytes(body))


def response_of(request: Request, answer: Answer) -> AWSResponse:
    """The answer in the form in which boto3 takes it from its transport."""
    return AWSResponse(request.url, answer.status, headers_of(answer.headers), _Raw(answer.body))


def headers_of(headers: Mapping[str, str]) -> HTTPHeaders:
    """Headers in the form in which boto3 has them."""
    made = HTTPHeaders()
    for name, value in headers.items():
        made[name] = value
    return made


class _Raw(io.BytesIO):
    """A body as urllib3 would give it."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """All of it."""
        yield self.read()
