"""Chooses the metadata of a machine: its provider's service, or what is known beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cloud_tasks.config.redact import redact
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.interfaces import Clock, InstanceIdentity, InstanceMetadata
from cloud_tasks.metadata.static import StaticMetadata

if TYPE_CHECKING:
    from cloud_tasks.metadata.http import MetadataHttp

LINK_LOCAL = "169.254.169.254"
"""Where all three services are. By number, because a look-up of GCP's name may hang where there is no GCP."""

AWS_ENDPOINT = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
AWS_DISABLED = "AWS_EC2_METADATA_DISABLED"
GCP_HOST = "GCE_METADATA_HOST"
AZURE_ENDPOINT = "AZURE_METADATA_SERVICE_ENDPOINT"

_EXTRAS = {"AWS": "sqs", "GCP": "pubsub", "AZURE": "azure"}


def open_metadata(
    provider: str | None,
    *,
    hostname: str,
    clock: Clock,
    environ: Mapping[str, str],
    simulate_after_s: float | None = None,
    simulate_delay_s: float | None = None,
) -> InstanceMetadata:
    """The metadata of this machine; nothing is asked yet, and no event loop is needed.

    Args:
        provider: "AWS", "GCP", "AZURE", or None off the clouds.
        hostname: What the machine is called where no service says.
        clock: Time.
        environ: Environment variables: those of the providers that move or disable a service.
        simulate_after_s: Seconds until a simulated notice, in the place of the provider's; None: none.
        simulate_delay_s: Seconds from that notice to the end of the machine; None where it is not to tell.

    Raises:
        ConfigurationError: aiohttp is not installed, or a variable holds no address.
    """
    if provider is None or simulate_after_s is not None or _disabled(provider, environ):
        us = InstanceIdentity(provider or "", hostname)
        return StaticMetadata(us, simulate_after_s, simulate_delay_s, clock)
    address = _address(provider, environ)
    try:
        from cloud_tasks.metadata.http import MetadataHttp
    except ImportError:
        raise ConfigurationError(_missing(provider)) from None
    return _service(provider, MetadataHttp(address), clock, hostname)


def _service(provider: str, http: MetadataHttp, clock: Clock, hostname: str) -> InstanceMetadata:
    if provider == "AWS":
        from cloud_tasks.metadata.aws import AwsMetadata

        return AwsMetadata(http, clock, hostname)
    if provider == "GCP":
        from cloud_tasks.metadata.gcp import GcpMetadata

        return GcpMetadata(http, clock, hostname)
    from cloud_tasks.metadata.azure import AzureMetadata

    return AzureMetadata(http, clock, hostname)


def _disabled(provider: str, environ: Mapping[str, str]) -> bool:
    return provider == "AWS" and environ.get(AWS_DISABLED, "").strip().lower() == "true"


def _address(provider: str, environ: Mapping[str, str]) -> str:
    if provider == "GCP":
        return _checked(GCP_HOST, "http://", environ.get(GCP_HOST, "").strip())
    variable = AWS_ENDPOINT if provider == "AWS" else AZURE_ENDPOINT
    return _checked(variable, "", environ.get(variable, "").strip())


def _checked(variable: str, scheme: str, value: str) -> str:
    """The address that a variable holds, or the usual one where it holds nothing."""
    if not value:
        return f"http://{LINK_LOCAL}"
    example = f"{LINK_LOCAL}:80" if scheme else f"http://{LINK_LOCAL}"
    try:
        parts = urlsplit(scheme + value)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.path in ("", "/")
        usable = usable and parts.port != 0 and not parts.query and not parts.fragment
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(
            Problem(f"{variable}: expected an address such as {example}, got `{redact(value)}`")
        )
    return scheme + value


def _missing(provider: str) -> Problem:
    return Problem(
        f"the metadata service of {provider} needs the package aiohttp, which is not installed",
        helps=(
            f"pip install 'cloud-tasks[{_EXTRAS[provider]}]'",
            "without --provider, notices of a termination are not looked for",
        ),
    )
