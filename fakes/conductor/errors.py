"""What Conductor refuses, and how it says so."""

from __future__ import annotations

from msgspec import Struct


class Violation(Struct, frozen=True, rename="camel"):
    """One thing that is wrong with what was sent.

    Attributes:
        path: Where.
        message: What.
        invalid_value: What stood there.
    """

    path: str
    message: str
    invalid_value: str | None = None


class ConductorError(Exception):
    """A call is refused.

    Attributes:
        status: As HTTP has it.
        code: Conductor's own name for the kind of error.
        message: For people.
        retryable: Whether the same call may do better later.
        retry_after_s: When to try again, told in a header; None: no word about it.
        violations: Each thing that is wrong with what was sent.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        retry_after_s: int | None = None,
        violations: tuple[Violation, ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.violations = violations


def not_found(message: str) -> ConductorError:
    """There is no such thing."""
    return ConductorError(404, "NOT_FOUND", message)


def no_task(task_id: str) -> ConductorError:
    """There is no such task."""
    return not_found(f"No such task found by id: {task_id}")


def no_workflow(workflow_id: str) -> ConductorError:
    """There is no such workflow."""
    return not_found(f"No such workflow found by id: {workflow_id}")


def conflict(message: str) -> ConductorError:
    """It is there already, or in no state for that."""
    return ConductorError(409, "CONFLICT", message)


def invalid_input(message: str) -> ConductorError:
    """The call makes no sense."""
    return ConductorError(400, "INVALID_INPUT", message)


def violated(*violations: Violation) -> ConductorError:
    """What was sent breaks rules."""
    message = "Validation failed, check below errors for detail."
    return ConductorError(400, "VALIDATION_ERROR", message, violations=violations)


def unreadable(reason: str) -> ConductorError:
    """What was sent is no JSON, or not of the right form: Conductor takes that for an error of its own."""
    return ConductorError(500, "INTERNAL_ERROR", f"JSON parse error: {reason}")


def throttled() -> ConductorError:
    """One call too many."""
    message = "Too many requests"
    return ConductorError(429, "TOO_MANY_REQUESTS", message, retryable=True, retry_after_s=1)


def unavailable() -> ConductorError:
    """The server has a trouble of its own."""
    return ConductorError(503, "SERVICE_UNAVAILABLE", "Service unavailable", retryable=True)
