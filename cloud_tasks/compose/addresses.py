"""Addresses of transports, taken apart and checked. Nothing that may be a password is ever shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from msgspec import Struct

from cloud_tasks.compose.memory_place import memory_place
from cloud_tasks.config.problems import nearest, quoted
from cloud_tasks.config.redact import redact
from cloud_tasks.errors import ConfigurationError, Problem

FILE_NAME = "queues.db"
"""The file in a directory that an address names."""
ALIASES = {"localmem": "memory", "filesys": "file", "pgsql": "postgresql", "postgres": "postgresql"}
EXAMPLES = {
    "memory": "memory://",
    "file": "file:path",
    "sqlite": "sqlite:///path",
    "postgresql": "postgresql://user:password@host/database",
    "mysql": "mysql://user:password@host:3306/database",
    "mariadb": "mariadb://user:password@host:3306/database",
    "redis": "redis://host:6379/0?key_prefix=name",
    "rediss": "rediss://host:6379/0?key_prefix=name",
    "unix": "unix:///path/of/a/socket?db=0",
    "amqp": "amqp://user:password@host:5672/",
    "amqps": "amqps://user:password@host:5671/",
    "sqs": "sqs:?region=us-east-1",
    "pubsub": "pubsub:?project=name",
}
"""An address of each scheme."""
_WITH_HOST = ("redis", "rediss", "amqp", "amqps")
_SQLITE = "sqlite:///"


class Address(Struct, frozen=True):
    """An address.

    Attributes:
        url: It, as it is opened, from any working directory.
        scheme: What it begins with; "sqlite" for all files.
        query: Its parameters.
    """

    url: str
    scheme: str
    query: Mapping[str, str] = {}

    def without(self, *names: str) -> str:
        """It without parameters that are ours, and not the library's."""
        base, mark, _ = self.url.partition("?")
        rest = urlencode({name: value for name, value in self.query.items() if name not in names})
        return f"{base}{mark}{rest}" if rest else base

    def check_names(self, known: Iterable[str]) -> None:
        """See that it has no other parameters than these.

        Raises:
            ConfigurationError: It has.
        """
        names = tuple(known)
        problems = [self._unknown_name(name, names) for name in self.query if name not in names]
        if problems:
            raise ConfigurationError(*problems)

    def _unknown_name(self, name: str, known: tuple[str, ...]) -> Problem:
        what = f"the address of the transport {self.scheme}: has no parameter {quoted(name)}"
        return Problem(what, helps=(*_meant(name, known), f"its parameters: {', '.join(known)}"))


def read_address(url: str) -> Address:
    """Take an address apart.

    Raises:
        ConfigurationError: It is none.
    """
    word, colon, rest = url.partition(":")
    scheme = ALIASES.get(word.lower(), word.lower())
    if not colon or scheme not in EXAMPLES:
        raise _unknown(f"{word}:" if colon and word.isalnum() else url, word)
    if scheme == "memory":
        return Address(f"{_SQLITE}{memory_place(rest.strip('/')) / FILE_NAME}", "sqlite")
    if scheme in ("file", "sqlite"):
        path = rest.removeprefix("//").removeprefix("/") if scheme == "sqlite" else rest
        return Address(f"{_SQLITE}{_file(path, scheme)}", "sqlite")
    if scheme == "postgresql" and not rest.startswith("//"):
        rest = f"///{rest}"
    whole = f"{scheme}:{rest}"
    return Address(whole, scheme, dict(parse_qsl(_split(whole, scheme).query)))


def unusable(scheme: str, why: str, help_: str = "") -> ConfigurationError:
    """An address that cannot be used."""
    helps = (help_ or f"for example: {EXAMPLES[scheme]}",)
    return ConfigurationError(
        Problem(f"the address of the transport {scheme}: cannot be used: {why}", helps=helps)
    )


def _file(path: str, scheme: str) -> Path:
    """The file that is meant, whatever the working directory of who opens it."""
    if not path.strip("/"):
        raise unusable(scheme, "it names no file")
    found = Path(path).expanduser().absolute()
    return found / FILE_NAME if found.is_dir() else found


def _split(url: str, scheme: str) -> SplitResult:
    """Its parts. What is wrong with it is not shown: in the place of a port there may be a password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        help_ = "write / ? # @ : and % in a password as %2F %3F %23 %40 %3A and %25"
        raise unusable(scheme, "its host and its port cannot be made out", help_) from None
    if scheme in _WITH_HOST and not parts.hostname:
        raise unusable(scheme, "it names no host")
    return parts


def _unknown(shown: str, word: str) -> ConfigurationError:
    what = f"{quoted(redact(shown))} is the address of no transport that is known"
    helps = (*_meant(word, [*EXAMPLES, *ALIASES]), f"one of: {', '.join(EXAMPLES.values())}")
    return ConfigurationError(Problem(what, helps=helps))


def _meant(word: str, known: Iterable[str]) -> tuple[str, ...]:
    near = nearest(word, known)
    return (f"did you mean `{near}`?",) if near else ()
