"""The forms that values take on their way to another process, for which JSON has no word.

Functions and classes go by name, everything else by its plain parts. `crossing` applies these.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import BuiltinFunctionType, FunctionType, MethodType

from cloud_tasks.runners.named import look_up, own_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeAlias

    Form: TypeAlias = tuple[
        Callable[[object], bool], Callable[[Any], Iterable[object]], Callable[[list[Any]], object]
    ]

_REDUCE_PROTOCOL = 2
_REDUCED_ITEMS = 5


class FormError(Exception):
    """A value has no form, or none can be made of one again."""


def _is(module: str, *names: str) -> Callable[[object], bool]:
    """Whether a value is exactly of such a type; a type whose module nobody imported cannot have values."""

    def matches(value: object) -> bool:
        held = sys.modules.get(module)
        return any(type(value) is getattr(held, name, None) for name in names)

    return matches


def _build(module: str, name: str, method: str = "") -> Callable[[list[Any]], object]:
    def load(parts: list[Any]) -> object:
        found = getattr(import_module(module), name)
        return (getattr(found, method) if method else found)(*parts)

    return load


def _text(value: object) -> list[object]:
    return [str(value)]


def _iso(value: Any) -> list[object]:
    return [value.isoformat()]


def _sorted_items(value: Iterable[object]) -> list[object]:
    return sorted(value, key=repr)


def _is_path(value: object) -> bool:
    pure = getattr(sys.modules.get("pathlib"), "PurePath", None)
    return pure is not None and isinstance(value, pure)


# --- times


def _datetime_parts(value: Any) -> list[object]:
    return [value.replace(tzinfo=None).isoformat(), value.tzinfo, value.fold]


def _load_datetime(parts: list[Any]) -> object:
    text, zone, fold = parts
    return import_module("datetime").datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def _load_timezone(parts: list[Any]) -> object:
    timezone = import_module("datetime").timezone
    return timezone(*parts) if parts[0] or len(parts) > 1 else timezone.utc


def _timezone_parts(value: Any) -> list[object]:
    parts: list[object] = [value.utcoffset(None)]
    plain = _load_timezone(parts)
    return parts if str(plain) == str(value) else [*parts, str(value)]


# --- what has a name


def _is_named(value: object) -> bool:
    return isinstance(value, type | FunctionType | BuiltinFunctionType) and own_name(value) is not None


def _dump_named(value: object) -> Iterable[object]:
    return own_name(value) or ()


def _load_named(parts: list[Any]) -> object:
    module_name, qualname = parts
    module = import_module(module_name)
    found = look_up(module, qualname)
    if found is None:
        place = getattr(module, "__file__", None) or "no file"
        message = f"`{qualname}` is not in module `{module_name}`, which was imported from {place}"
        raise FormError(message)
    return found


def _is_method(value: object) -> bool:
    return isinstance(value, MethodType) and getattr(value.__self__, value.__name__, None) == value


def _is_enum(value: object) -> bool:
    base = getattr(sys.modules.get("enum"), "Enum", None)
    return base is not None and isinstance(value, base)


def _dump_enum(value: Any) -> list[object]:
    """Members go by their names; several flags at once have none."""
    kind = type(value)
    return [kind, value.name, None] if value.name in kind.__members__ else [kind, None, value.value]


def _load_enum(parts: list[Any]) -> object:
    kind, name, value = parts
    return kind(value) if name is None else kind[name]


# --- instances of classes


def _is_instance(value: object) -> bool:
    return _reduced(value) is not None


def _reduced(value: object) -> tuple[Any, ...] | None:
    """What `copy` makes an instance from, as long as that is its class and plain parts; else None.

    Returns:
        The class, what it is made from, the attributes, those in slots, the items of a list, the pairs of a
        mapping.
    """
    kind = type(value)
    if kind is object:  # made to be told from all others, which a copy of it is not
        return None
    try:
        found: Any = value.__reduce_ex__(_REDUCE_PROTOCOL)
    except Exception:  # noqa: BLE001 - boundary: the program's own method; it has no form then
        return _reduced_dataclass(value)
    if (
        isinstance(found, str)
        or found[0] is not import_module("copyreg").__newobj__
        or found[1][0] is not kind
    ):
        return None
    made_from, state, items, pairs = [*found, None, None][1:_REDUCED_ITEMS]
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    if hasattr(kind, "__setstate__") or not isinstance(attributes, dict | None):
        return _reduced_dataclass(value)
    return kind, made_from[1:], attributes or {}, slots or {}, list(items or ()), dict(pairs or ())


def _reduced_dataclass(value: object) -> tuple[Any, ...] | None:
    """Those that are frozen and have slots bring a `__setstate__` of their own."""
    kind = type(value)
    fields = getattr(kind, "__dataclass_fields__", None)
    if fields is None or kind.__new__ is not object.__new__:
        return None
    attributes = dict(getattr(value, "__dict__", {}))
    slots = {name: getattr(value, name) for name in fields if name not in attributes and hasattr(value, name)}
    return kind, (), attributes, slots, [], {}


def _dump_instance(value: object) -> Iterable[object]:
    return _reduced(value) or ()


def _load_instance(parts: list[Any]) -> object:
    kind, made_from, attributes, slots, items, pairs = parts
    made = kind.__new__(kind, *made_from)
    if attributes:
        made.__dict__.update(attributes)
    for name, value in slots.items():
        object.__setattr__(made, name, value)  # a frozen one refuses its own
    if items:
        made.extend(items)
    for name, value in pairs.items():
        made[name] = value
    return made


_IP_TYPES = (
    "IPv4Address", "IPv6Address", "IPv4Network", "IPv6Network", "IPv4Interface", "IPv6Interface",
)  # fmt: skip

FORMS: dict[str, Form] = {
    "tuple": (_is("builtins", "tuple"), list, tuple),
    "set": (_is("builtins", "set"), _sorted_items, set),
    "frozenset": (_is("builtins", "frozenset"), _sorted_items, frozenset),
    "bytes": (_is("builtins", "bytes"), lambda it: [it.hex()], lambda parts: bytes.fromhex(parts[0])),
    "bytearray": (_is("builtins", "bytearray"), lambda it: [it.hex()], lambda it: bytearray.fromhex(it[0])),
    "range": (_is("builtins", "range"), lambda it: [it.start, it.stop, it.step], lambda it: range(*it)),
    "slice": (_is("builtins", "slice"), lambda it: [it.start, it.stop, it.step], lambda it: slice(*it)),
    "path": (_is_path, _text, _build("pathlib", "Path")),
    "fcpath": (_is("filecache.file_cache_path", "FCPath"), _text, _build("filecache", "FCPath")),
    "datetime": (_is("datetime", "datetime"), _datetime_parts, _load_datetime),
    "date": (_is("datetime", "date"), _iso, _build("datetime", "date", "fromisoformat")),
    "time": (_is("datetime", "time"), _iso, _build("datetime", "time", "fromisoformat")),
    "timedelta": (
        _is("datetime", "timedelta"),
        lambda it: [it.days, it.seconds, it.microseconds],
        _build("datetime", "timedelta"),
    ),
    "timezone": (_is("datetime", "timezone"), _timezone_parts, _load_timezone),
    "zoneinfo": (_is("zoneinfo", "ZoneInfo"), lambda it: [it.key], _build("zoneinfo", "ZoneInfo")),
    "decimal": (_is("decimal", "Decimal"), _text, _build("decimal", "Decimal")),
    "fraction": (_is("fractions", "Fraction"), _text, _build("fractions", "Fraction")),
    "uuid": (_is("uuid", "UUID"), _text, _build("uuid", "UUID")),
    "ip": (_is("ipaddress", *_IP_TYPES), lambda it: [type(it), str(it)], lambda it: it[0](it[1])),
    "pattern": (_is("re", "Pattern"), lambda it: [it.pattern, it.flags], _build("re", "compile")),
    "ordered": (
        _is("collections", "OrderedDict", "Counter"),
        lambda it: [type(it), dict(it)],
        lambda parts: parts[0](parts[1]),
    ),
    "defaultdict": (
        _is("collections", "defaultdict"),
        lambda it: [it.default_factory, dict(it)],
        _build("collections", "defaultdict"),
    ),
    "deque": (
        _is("collections", "deque"),
        lambda it: [list(it), it.maxlen],
        _build("collections", "deque"),
    ),
    "logger": (_is("logging", "Logger", "RootLogger"), lambda it: [it.name], _build("logging", "getLogger")),
    "enum": (_is_enum, _dump_enum, _load_enum),
    "named": (_is_named, _dump_named, _load_named),
    "method": (_is_method, lambda it: [it.__self__, it.__name__], lambda parts: getattr(*parts)),
    "partial": (
        _is("functools", "partial"),
        lambda it: [it.func, list(it.args), it.keywords],
        lambda parts: import_module("functools").partial(parts[0], *parts[1], **parts[2]),
    ),
    "instance": (_is_instance, _dump_instance, _load_instance),
}
"""For each kind: whether a value is of it, the plain parts of one, and one from its parts."""
