"""What a task function says of itself, and what follows from it for the core."""

from __future__ import annotations

import math
from collections.abc import Iterator

from msgspec import Struct

from cloud_tasks.core.policy import Backoff, RetryPolicy, TaskRules
from cloud_tasks.errors import Problem

RETRY_STRATEGIES = ("fixed", "exponential")
MODES = ("async", "thread", "pool", "process")
ATTEMPTS_MAX, SECONDS_MAX = 1_000_000_000, 36_500 * 86_400
"""As on the command line, whose table is not read where functions are marked: it is large."""
RETRY_JITTER = 0.1
"""Share by which a pause before a retry may be shorter, so that tasks that failed together come apart."""


class TaskOptions(Struct, frozen=True, kw_only=True):
    """What stands in `@task(...)`; None: as the worker, or the producer, is told.

    Attributes:
        queue: Where it is put.
        max_attempts: Attempts in all.
        retry_delay: Pause before the first retry, in seconds.
        retry_strategy: "fixed", or "exponential": each pause is twice the one before.
        timeout: How long it may run, in seconds.
        visibility_timeout: How long it stays hidden after its worker was last heard of, in seconds.
        mode: How it is run: one of `MODES`; None: coroutines on the loop, other functions in threads.
    """

    queue: str | None = None
    max_attempts: int | None = None
    retry_delay: float | None = None
    retry_strategy: str | None = None
    timeout: float | None = None
    visibility_timeout: float | None = None
    mode: str | None = None

    def problems(self, name: str) -> Iterator[Problem]:
        """What cannot be, told about the function `name`."""
        if self.max_attempts is not None and self.max_attempts < 1:
            yield _wrong(name, "max_attempts", self.max_attempts, "must be at least 1")
        if self.retry_delay is not None and not 0 <= self.retry_delay < math.inf:
            yield _wrong(name, "retry_delay", self.retry_delay, "must be 0 or more, in seconds")
        for what, seconds in (("timeout", self.timeout), ("visibility_timeout", self.visibility_timeout)):
            if seconds is not None and not 0 < seconds < math.inf:
                yield _wrong(name, what, seconds, "must be more than 0, in seconds")
        yield from self._too_much(name)
        for what, word, words in (
            ("retry_strategy", self.retry_strategy, RETRY_STRATEGIES),
            ("mode", self.mode, MODES),
        ):
            if word is not None and word not in words:
                yield _wrong(name, what, repr(word), f"must be one of {', '.join(words)}")
        if self.queue is not None and not self.queue:
            yield _wrong(name, "queue", "''", "must be the name of a queue")

    def _too_much(self, name: str) -> Iterator[Problem]:
        if self.max_attempts is not None and self.max_attempts > ATTEMPTS_MAX:
            yield _wrong(name, "max_attempts", self.max_attempts, f"must be at most {ATTEMPTS_MAX}")
        for what in ("retry_delay", "timeout", "visibility_timeout"):
            seconds = getattr(self, what)
            if seconds is not None and SECONDS_MAX < seconds < math.inf:
                yield _wrong(name, what, seconds, f"must be at most {SECONDS_MAX}, in seconds")


def _wrong(name: str, what: str, value: object, must: str) -> Problem:
    return Problem(f"@task on `{name}`: {what} is {value}, and {must}")


class TaskDefaults(Struct, frozen=True, kw_only=True):
    """What holds for functions that say nothing themselves; durations in seconds.

    Attributes:
        queue: Where they are put.
        max_attempts: Attempts in all.
        max_interruptions: How often shutdowns and notices may interrupt a task, which is counted apart; None:
            as often as they do.
        retry_strategy: "fixed" or "exponential".
        retry_delay: Pause before the first retry.
        retry_delay_max: Longest pause before a retry.
        timeout: How long they may run; None: for as long as they like.
        visibility_timeout: Length of a lease.
    """

    queue: str = "default"
    max_attempts: int = 3
    max_interruptions: int | None = None
    retry_strategy: str = "exponential"
    retry_delay: float = 60.0
    retry_delay_max: float = 3600.0
    timeout: float | None = None
    visibility_timeout: float = 300.0


def rules_of(name: str, options: TaskOptions, defaults: TaskDefaults) -> TaskRules:
    """What the core is to know of a function."""
    timeout = defaults.timeout if options.timeout is None else options.timeout
    attempts = defaults.max_attempts if options.max_attempts is None else options.max_attempts
    return TaskRules(
        name=name,
        retry=RetryPolicy(
            on_exit=True,
            on_exception=True,
            on_timeout=True,
            attempts_max=attempts,
            interruptions_max=defaults.max_interruptions,
            keep_failed=True,
            backoff=_backoff(options, defaults),
        ),
        max_runtime_s=math.inf if timeout is None else timeout,
        lease_s=options.visibility_timeout or defaults.visibility_timeout,
    )


def _backoff(options: TaskOptions, defaults: TaskDefaults) -> Backoff:
    base_s = defaults.retry_delay if options.retry_delay is None else options.retry_delay
    exponential = (options.retry_strategy or defaults.retry_strategy) == "exponential"
    return Backoff(
        base_s=base_s,
        cap_s=max(base_s, defaults.retry_delay_max),
        factor=2.0 if exponential else 1.0,
        jitter=RETRY_JITTER,
    )
