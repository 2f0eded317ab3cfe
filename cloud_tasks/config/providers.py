"""Which cloud providers can be used in this environment."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, metadata, version

from cloud_tasks.config.table import PROVIDERS

DISTRIBUTION = "lease-tasks"

_PACKAGES = dict(zip(PROVIDERS, ("boto3", "google-cloud-pubsub", "azure-servicebus"), strict=True))


def installed() -> tuple[str, ...]:
    """A line for each provider: whether the package that it needs is here, and how to get it."""
    return tuple(_state(provider, package) for provider, package in _PACKAGES.items())


def _state(provider: str, package: str) -> str:
    try:
        return f"{provider}: {package} {version(package)} is installed"
    except PackageNotFoundError:
        extra = provider.lower()
        how = f"; the extra `{extra}` brings it" if extra in _extras() else ""
        return f"{provider}: {package} is not installed{how}"


def _extras() -> list[str]:
    """The extras that this version has; none where it runs from a checkout that is not installed."""
    try:
        return metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    except PackageNotFoundError:
        return []
