"""Hiding credentials in what is shown."""

from __future__ import annotations

import re

HIDDEN = "***"

_USER_INFO = re.compile(r"(?<=://)(?:[^/?#\s:@]*:(?!\d+(?:[/?#\s]|$))\S*@|[^/?#\s]*@)")
"""A password may have signs in it that should have been escaped: up to the last `@`, but for that of a path
behind a port."""
_SECRET_PARAMETER = re.compile(
    r"([?&;](?:[^=&#\s]*(?:signature|credential|token|secret|password|key)[^=&#\s]*|sig|sas)=)[^&#\s]+",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """The text without passwords, tokens, keys and signatures in its addresses."""
    return _SECRET_PARAMETER.sub(rf"\1{HIDDEN}", _USER_INFO.sub(f"{HIDDEN}@", text))
