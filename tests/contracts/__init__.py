"""Contract suites; see README.md."""

import pytest

pytest.register_assert_rewrite(
    "tests.contracts.harness", "tests.contracts.task_queue", "tests.contracts.task_sender"
)
