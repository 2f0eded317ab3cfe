"""Hiding credentials in what is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

HIDDEN = "***"

_USER_INFO = re.compile(r"(?<=://)(?:[^/?#\s:@]*:(?!\d+(?:[/?#\s]|$))\S*@|[^/?#\s]*@)")
"""A password may have signs in it that should have been escaped: up to the last `@`, but for that of a path
behind a port."""
_SECRET_PARAMETER = re.compile(
    r"([?&;](?:[^=&#\s]*(?:signature|credential|token|secret|password|key)[^=&#\s]*|sig|sas)=)[^&#\s]+",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(
    r"[\w.-]*(?:password|passwd|passphrase)"
    r"|(?:[\w.-]*[-_.])?(?:signature|credentials?|token|secret|(?:api|access|account|private|secret)[-_]?key)",
    re.IGNORECASE,
)
"""Of an option or a variable: `--db-password`, `PGPASSWORD`, `X_SECRET_KEY`; not `--password-file`."""


def redact(text: str) -> str:
    """The text without passwords, tokens, keys and signatures in its addresses."""
    return _SECRET_PARAMETER.sub(rf"\1{HIDDEN}", _USER_INFO.sub(f"{HIDDEN}@", text))


def redact_words(words: Sequence[str]) -> list[str]:
    """A command line without them: `--password=x`, `--password x` and `PASSWORD=x` too.

    Args:
        words: The command and its arguments, a word each.
    """
    return list(_redacted(words))


def _redacted(words: Sequence[str]) -> Iterator[str]:
    after_name = False
    for word in words:
        name, sign, value = word.partition("=")
        if after_name and not word.startswith("-"):
            yield HIDDEN
            after_name = False
            continue
        secret = _SECRET_NAME.fullmatch(name) is not None
        yield f"{name}={HIDDEN}" if secret and sign and value else redact(word)
        after_name = secret and not sign and name.startswith("-")
