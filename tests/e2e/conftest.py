"""Fixtures for tests that run whole programs."""

from tests.e2e.programs import programs as programs
