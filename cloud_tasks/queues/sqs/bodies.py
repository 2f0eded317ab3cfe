"""Text that SQS takes, and text that it gives."""

from __future__ import annotations

import re

from cloud_tasks.config.redact import redact

_REFUSED_IN_JSON = re.compile("[\ufffe\uffff]")
_REFUSED = re.compile("[^\\t\\n\\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What is not #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html)."""


def as_body(encoded: bytes) -> str:
    """The body for some JSON: what SQS refuses is escaped there already, but for two characters."""
    return _REFUSED_IN_JSON.sub(lambda found: f"\\u{ord(found.group()):04x}", encoded.decode())


def as_attribute(text: str, chars_max: int) -> str:
    """The value of a message attribute, which may not be empty."""
    return _REFUSED.sub("?", text[:chars_max]) or "unknown"


def one_line(text: str) -> str:
    """Foreign text, fit for a message of ours."""
    return redact(" ".join(text.split()))[:300]
