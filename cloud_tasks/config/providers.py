"""Which cloud providers can be used in this environment."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from cloud_tasks.config.table import PROVIDERS

QUEUE_PACKAGES = {"AWS": ("boto3", "sqs"), "GCP": ("google-cloud-pubsub", "pubsub")}
"""The package that each provider's queues need, and the extra that brings it."""


def installed() -> tuple[str, ...]:
    """A line for each provider: whether the package that its queues need is here, and how to get it."""
    return tuple(map(_state, PROVIDERS))


def _state(provider: str) -> str:
    if provider not in QUEUE_PACKAGES:
        return f"{provider}: this version has no queues of it"
    package, extra = QUEUE_PACKAGES[provider]
    try:
        return f"{provider}: {package} {version(package)} is installed"
    except PackageNotFoundError:
        return f"{provider}: {package} is not installed; the extra `{extra}` brings it"
