"""Numbers and names as a person reads them."""

from __future__ import annotations

_MINUTE_S = 60
_HOUR_S = 3600
_MILLISECOND_S = 0.001
_TEN = 10
_HUNDRED = 100


def clean(text: str) -> str:
    """The text on one line, with whatever could steer a terminal made visible."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def duration(seconds: float) -> str:
    """A duration: "12 ms", "3.45 s", "2 min 5 s", "3 h 12 min"."""
    if seconds < _MILLISECOND_S:
        return f"{seconds * 1e6:.0f} us"
    if seconds < 1:
        return f"{seconds * 1e3:.{1 if seconds < _TEN * _MILLISECOND_S else 0}f} ms"
    if seconds < _MINUTE_S:
        return f"{seconds:.{2 if seconds < _TEN else 1}f} s"
    return whole_seconds(round(seconds))


def whole_seconds(seconds: int) -> str:
    """A duration that need not be told closer: "8 s", "2 min 5 s", "3 h 12 min"."""
    if seconds < _MINUTE_S:
        return f"{seconds} s"
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S} min {seconds % _MINUTE_S} s"
    return f"{seconds // _HOUR_S:,} h {seconds % _HOUR_S // _MINUTE_S} min"


def rate(per_s: float) -> str:
    """A rate: "1,234/s", "12.3/s"; below one a second, "4.5/min"."""
    if 0 < per_s < 1:
        return f"{per_s * _MINUTE_S:.1f}/min"
    return f"{per_s:,.{1 if per_s < _HUNDRED else 0}f}/s"


def number(value: float) -> str:
    """A number without needless decimals."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def share(part: float, whole: float) -> str:
    """A percentage, never rounded up to 100."""
    return f"{min(int(_HUNDRED * part / whole), _HUNDRED)} %" if whole > 0 else ""


def counted(count: int, noun: str) -> str:
    """A number of things: "1 task", "1,234 tasks"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
