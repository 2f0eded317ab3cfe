"""Fixtures for tests that run whole workers."""

from tests.compose.apps import app as app
from tests.e2e.programs import programs as programs
