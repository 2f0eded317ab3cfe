"""Single values of a schedule, from the nodes that they stand in."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime, time, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cloud_tasks.config.problems import nearest
from cloud_tasks.config.values import BadValueError
from cloud_tasks.core.task import Json
from cloud_tasks.task_file.yaml_values import ValueFaultError, tagged

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9]|_(?!_)){0,58}[a-z0-9]|[a-z0-9]", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DEPTH_MAX = 50
_DATES = "a date or a moment: 2026-03-29, 2026-03-29T14:30:00 or 2026-03-29T14:30:00+02:00"


def read_text(node: Node) -> str:
    """A text.

    Raises:
        BadValueError: It is none.
    """
    if not isinstance(node, ScalarNode) or not str(node.value).strip():
        raise BadValueError("a text")
    return str(node.value).strip()


def read_name(node: Node) -> str:
    """The name of a schedule.

    Raises:
        BadValueError: It is none.
    """
    text = read_text(node)
    if _NAME.fullmatch(text) is None:
        raise BadValueError("a name of up to 60 of a-z, 0-9 and single _")
    return text


def read_command(node: Node) -> str:
    """A command line.

    Raises:
        BadValueError: It is none.
    """
    text = read_text(node)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BadValueError(f"a command line ({error})") from None
    if not words:
        raise BadValueError("a command line")
    return text


def read_zone(node: Node) -> tzinfo:
    """A time zone. That of UTC is there without a database of them.

    Raises:
        BadValueError: There is none of that name.
    """
    text = read_text(node)
    if text.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = available_timezones()
        near = nearest(text, known)
        help_ = f"did you mean `{near}`?" if near else "names are those of the IANA, like Europe/Berlin"
        raise BadValueError("a time zone", help_ if known else "pip install tzdata") from None


def read_moment(node: Node, zone: tzinfo, *, is_end: bool) -> datetime:
    """A moment; without a time zone of its own in that of the schedule. A bare date is the whole day.

    Raises:
        BadValueError: It is none.
    """
    text = read_text(node)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadValueError(_DATES) from None
    if is_end and _DATE.fullmatch(text):
        moment = datetime.combine(moment, time(23, 59, 59))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone, fold=int(is_end))
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise BadValueError(_DATES) from None


def read_payload(node: Node) -> dict[str, Json]:
    """What a worker is given.

    Raises:
        BadValueError: It is no mapping, or holds what JSON cannot.
    """
    payload = _json(node, _DEPTH_MAX)
    if not isinstance(payload, dict):
        raise BadValueError("a mapping")
    return payload


def _json(node: Node, depth: int) -> Json:
    if not depth:
        raise BadValueError(f"no more than {_DEPTH_MAX} levels")
    if isinstance(node, SequenceNode):
        return [_json(item, depth - 1) for item in node.value]
    if isinstance(node, MappingNode):
        return {_key(key): _json(value, depth - 1) for key, value in node.value}
    try:
        return tagged(node.tag, node.value)
    except ValueFaultError as error:
        raise BadValueError(
            f"what JSON can hold ({error.message})", *filter(None, (error.help_line,))
        ) from None


def _key(node: Node) -> str:
    if not isinstance(node, ScalarNode) or node.tag.endswith(":merge"):
        raise BadValueError("keys that are texts")
    return str(node.value)
