"""What the tests of options have in common."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

import pytest

from cloud_tasks.config.resolve import Resolved, resolve
from cloud_tasks.errors import ConfigurationError, Problem

NO_VARIABLES: Mapping[str, str] = {}


def resolve_local(*argv: str, **variables: str) -> Resolved:
    """Settings of a program that brings its own tasks."""
    return resolve(argv, variables, local_source=True)


def problems_of(
    argv: Sequence[str],
    variables: Mapping[str, str] = NO_VARIABLES,
    *,
    parser: argparse.ArgumentParser | None = None,
    local_source: bool = True,
) -> list[Problem]:
    """What is wrong with a command line and an environment."""
    with pytest.raises(ConfigurationError) as caught:
        resolve(argv, variables, parser=parser, local_source=local_source)
    return list(caught.value.problems)


def messages_of(
    argv: Sequence[str], variables: Mapping[str, str] = NO_VARIABLES, *, local_source: bool = True
) -> list[str]:
    """The same, as messages."""
    return [problem.message for problem in problems_of(argv, variables, local_source=local_source)]
