"""Lists in pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from fakes.pubsub.errors import invalid_argument

PAGE_SIZE_MAX = 1_000
_MARK = "after:"


def page(names: Iterable[str], size: int, token: str) -> tuple[list[str], str]:
    """One page of names in alphabetical order, and the token of the next page; "" if it is the last.

    Args:
        names: All of them.
        size: How many at most; 0: as many as a page may have.
        token: What the page before gave; "": the first page.

    Raises:
        PubSubError: The size is negative, or the token was never given.
    """
    if size < 0:
        raise invalid_argument("page_size")
    size = min(size or PAGE_SIZE_MAX, PAGE_SIZE_MAX)
    after = _after(token)
    left = sorted(name for name in names if name > after)
    shown = left[:size]
    return shown, _token(shown[-1]) if len(left) > size else ""


def _token(name: str) -> str:
    return base64.urlsafe_b64encode((_MARK + name).encode()).decode()


def _after(token: str) -> str:
    if not token:
        return ""
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    if not text.startswith(_MARK):
        raise invalid_argument("page_token")
    return text.removeprefix(_MARK)
