"""From what boto3 raises to what the worker understands."""

from __future__ import annotations

from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from cloud_tasks.errors import LeaseLostError, QueueError, QueueUnavailableError
from cloud_tasks.queues.sqs.bodies import one_line

_PREFIXES = ("AWS.SimpleQueueService.", "com.amazonaws.sqs#", "com.amazon.coral.service#")
NO_QUEUE = frozenset(("NonExistentQueue", "QueueDoesNotExist"))
DENIED = frozenset(("AccessDenied", "AccessDeniedException", "KmsAccessDenied", "KMS.AccessDeniedException"))
BAD_CREDENTIALS = frozenset(
    (
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    )
)
_LEASE_LOST = frozenset(
    ("InvalidParameterValue", "InvalidReceiptHandle", "MessageNotInflight", "ReceiptHandleIsInvalid")
)
"""With arguments that we have checked, only the receipt can be what the service does not like."""


class CallFailedError(QueueUnavailableError):
    """A call was refused or not answered.

    Attributes:
        code: The service's word for why, without its namespace; "" where nobody answered.
        text: What the service says.
    """

    def __init__(self, operation: str, code: str, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(f"{operation}: {code}: {text}" if code else f"{operation}: {text}")

    @classmethod
    def of_answer(cls, operation: str, error: ClientError) -> CallFailedError:
        """The service refused."""
        answer = error.response.get("Error", {})
        return cls(operation, short_code(answer.get("Code", "")), one_line(answer.get("Message", "")))

    @classmethod
    def of_silence(cls, operation: str, error: BotoCoreError) -> CallFailedError:
        """Nobody answered, or no call could be made."""
        return cls(operation, "", f"{type(error).__name__}: {one_line(str(error))}")


def short_code(code: str) -> str:
    """An error code without its namespace."""
    for prefix in _PREFIXES:
        code = code.removeprefix(prefix)
    return code


def of_entry(entry: Mapping[str, object]) -> QueueError:
    """What one failed entry of a batch means for its lease."""
    code, text = short_code(str(entry.get("Code", ""))), one_line(str(entry.get("Message", "")))
    if code in _LEASE_LOST:
        return LeaseLostError(f"{code}: {text}")
    return QueueUnavailableError(f"{code}: {text}")
