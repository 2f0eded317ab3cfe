"""A serializer of the user's own: found by its name, and believed in nothing."""

from __future__ import annotations

import pytest

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.task_app.serializing import pack, path_of, serializer_of, unpack


class Texts:
    """Writes with repr, reads what it is told."""

    answer: object = [[1], {"a": 2}]

    def serialize(self, value: object) -> bytes:
        return repr(value).encode()

    def deserialize(self, data: bytes) -> object:
        return self.answer


class Careless(Texts):
    def serialize(self, value: object) -> bytes:
        return "text"  # type: ignore[return-value] # that is the mistake


class Nothing:
    """Neither writes nor reads."""


class Demanding(Texts):
    def __init__(self, secret: str) -> None:
        self.secret = secret


def test_it_is_found_by_its_name() -> None:
    path = path_of(Texts())
    found = serializer_of(path)
    assert isinstance(found, Texts)
    assert serializer_of(path) is found
    assert serializer_of("") is None


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("no.such.module:Class", "ModuleNotFoundError"),
        (f"{__name__}:Missing", "AttributeError"),
        (f"{__name__}:Demanding", "TypeError"),
        ("text", "cannot be made"),
    ],
)
def test_one_that_cannot_be_made_is_told(path: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        serializer_of(path)


def test_what_is_no_serializer_is_told() -> None:
    with pytest.raises(ConfigurationError, match="is no serializer"):
        serializer_of(f"{__name__}:Nothing")


def test_one_that_others_cannot_find_is_refused() -> None:
    class Local(Texts):
        pass

    with pytest.raises(ConfigurationError, match="cannot be found by other processes"):
        path_of(Local())


def test_what_is_packed_is_unpacked() -> None:
    assert unpack(Texts(), pack(Texts(), [1], {"a": 2})) == ([1], {"a": 2})


def test_what_is_not_bytes_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Careless\.serialize\(\) returned str, not bytes"):
        pack(Careless(), [], {})


@pytest.mark.parametrize("answer", [None, [1], [1, 2], [[1], [2]], "ab"])
def test_what_are_no_arguments_is_refused(answer: object) -> None:
    texts = Texts()
    texts.answer = answer
    with pytest.raises(TypeError, match="did not return the two kinds of arguments"):
        unpack(texts, "")


def test_what_is_not_base64_is_refused() -> None:
    with pytest.raises(TypeError, match="not base64"):
        unpack(Texts(), "?")
