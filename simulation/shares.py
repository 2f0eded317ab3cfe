"""Numbers from 0 to 1 that follow from a seed and a name, whoever else draws."""

from __future__ import annotations

import zlib

_MASK = (1 << 64) - 1


def share_of_number(seed: int, one: int, other: int) -> float:
    """As `share_of`, for a name that is two numbers below 2**32: in no time."""
    return mixed(seed, (one << 32) + other)


def share_of(seed: int, *names: object) -> float:
    """A number from 0 to 1 that follows from a seed and some names."""
    # CRC-32 spreads the names, and two rounds of SplitMix64 what CRC leaves alike.
    return mixed(seed, zlib.crc32("|".join(map(str, names)).encode()))


def shares_of(seed: int, name: str, more: str) -> tuple[float, float]:
    """As `share_of`, for a name that is put together already, and for that with `more` behind it."""
    code = zlib.crc32(name.encode())
    return mixed(seed, code), mixed(seed, zlib.crc32(more.encode(), code))


def mixed(seed: int, code: int) -> float:
    """As `share_of`, for a name that is a number below 2**64: SplitMix64."""
    bits = (seed * 0x9E3779B97F4A7C15 + code) & _MASK
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _MASK
    return (bits ^ (bits >> 31)) / 2**64
