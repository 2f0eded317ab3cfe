"""Which machines a task file may be fetched from, and how a URL is shown without its secrets."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct

if TYPE_CHECKING:
    import ssl

Address: TypeAlias = IPv4Address | IPv6Address


def is_public(address: Address) -> bool:
    """Whether an address belongs to the internet at large, and not to this machine, network or cloud.

    An IPv6 address that carries an IPv4 address (mapped, 6to4, Teredo, NAT64) must be public in both.
    """
    if isinstance(address, IPv6Address):
        carried = _carried(address)
        if carried is not None:
            return is_public(carried) and (address.ipv4_mapped is not None or address.is_global)
    return address.is_global and not address.is_multicast


_NAT64_PREFIX = int(IPv6Address("64:ff9b::"))
_NAT64_BITS = 32


def _carried(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address inside an IPv6 address, if there is one."""
    if int(address) >> _NAT64_BITS == _NAT64_PREFIX >> _NAT64_BITS:
        return IPv4Address(int(address) & (2**_NAT64_BITS - 1))
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


class RemoteRules(Struct, frozen=True):
    """How `https://` files are fetched.

    Attributes:
        address_allowed: Whether a connection to an address may be made; asked for every address of every
            host, redirects included, before any connection.
        tls: Which certificates are trusted; None: those that the system trusts.
    """

    address_allowed: Callable[[Address], bool] = is_public
    tls: ssl.SSLContext | None = None


DEFAULT_RULES = RemoteRules()


def redacted(url: str) -> str:
    """A URL without password and query, which may hold signatures and tokens."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "***"
    host = parts.netloc.rpartition("@")[2]
    netloc = f"***@{host}" if "@" in parts.netloc else host
    return urlunsplit((parts.scheme, netloc, parts.path, "***" if parts.query else "", ""))
