"""The texts of an alarm: what is made of them so that every message format can say them, and how long they may be.

A line is what has no line break in it: texts of several lines become lists of lines, single-line texts get a space for
a line break. Doing so again changes nothing, so an alarm that is relayed stays the same.
"""

import json
import re
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict

from domain.alarm_errors import InvalidAlarmError

MAX_ID_BYTES = 200  # of an alarm_id, ours or another platform's: part of workflow ids, which Temporal bounds
MAX_NAME_BYTES = 255  # alarm type and resource are search attributes: see `domain.events.MAX_KEYWORD_BYTES`
MAX_BRIEF = 500
MAX_LINK = 2000
MAX_LINES = 500  # of a description; likewise actions, types of resources, and dependencies of a type
MAX_MEMBER_BYTES = 32 * 1024  # of each of these as JSON: a notification is well under the 256 KiB of an event
DEPENDENCY = "  - "  # begins a line that names a dependency, where impacts are written as lines

_LINE_BREAK = re.compile("\r\n|\r|\n")


class Impact(BaseModel):
    """What an alarm does to the resources of one type."""

    model_config = ConfigDict(frozen=True)

    title: str = ""
    impacted_dependencies: list[str] = []


Impacts = dict[str, Impact]


def one_line(text: str) -> str:
    """The text with a space for each line break."""
    return _LINE_BREAK.sub(" ", text)


def lines_of(texts: Iterable[str]) -> list[str]:
    """The lines of texts, one after the other, without empty ones at the beginning and the end."""
    lines = [line for text in texts for line in _LINE_BREAK.split(text)]
    while lines and not lines[0]:
        del lines[0]
    while lines and not lines[-1]:
        del lines[-1]
    return lines


def tidy_impacts(impacts: Mapping[str, Impact]) -> Impacts:
    """The same, in single lines, without empty dependencies."""
    return {
        kind: Impact(
            title=one_line(impact.title),
            impacted_dependencies=[one_line(each) for each in impact.impacted_dependencies if each],
        )
        for kind, impact in impacts.items()
    }


def check_id(alarm_id: str) -> None:
    """Raise `InvalidAlarmError` for an alarm_id that is empty, over 200 bytes, not printable, or a path of dots."""
    _check_name("alarm_id", alarm_id, MAX_ID_BYTES)
    if alarm_id in {".", ".."}:
        raise InvalidAlarmError(member="alarm_id", reason="it is a path of dots")


def check_name(member: str, value: str) -> None:
    """Raise `InvalidAlarmError` for a type or an id of a resource that is empty, over 255 bytes or not printable."""
    _check_name(member, value, MAX_NAME_BYTES)


def check_node(node_id: str) -> None:
    """`check_name` for a node, which may be empty."""
    if node_id:
        _check_name("node_id", node_id, MAX_NAME_BYTES)


def check_text(member: str, value: str, limit: int) -> None:
    """Raise `InvalidAlarmError` for a text of more characters."""
    if len(value) > limit:
        raise InvalidAlarmError(member=member, reason=f"it has more than {limit} characters")


def check_lines(member: str, lines: list[str]) -> None:
    """Raise `InvalidAlarmError` for more than 500 lines."""
    if len(lines) > MAX_LINES:
        raise InvalidAlarmError(member=member, reason=f"it has more than {MAX_LINES} lines")


def check_impacts(impacts: Mapping[str, Impact]) -> None:
    """Raise `InvalidAlarmError` for a type that the flat format could not say, or too many."""
    member = "impacted_resources"
    for kind, impact in impacts.items():
        _check_name(member, kind, MAX_NAME_BYTES)
        if ":" in kind or kind != kind.strip():
            raise InvalidAlarmError(member=member, reason="a type has a colon, or a space at an end")
        check_lines(f"{member}.{kind}", impact.impacted_dependencies)
    check_lines(member, list(impacts))


def check_size(member: str, value: object) -> None:
    """Raise `InvalidAlarmError` for a value over 32 KiB as JSON in UTF-8, or one that UTF-8 cannot hold."""
    try:
        size = len(json.dumps(value, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        raise InvalidAlarmError(member=member, reason="it has half of a surrogate pair") from None
    if size > MAX_MEMBER_BYTES:
        raise InvalidAlarmError(member=member, reason=f"it is {size} bytes as JSON; {MAX_MEMBER_BYTES} are allowed")


def _check_name(member: str, value: str, limit: int) -> None:
    if not value or not value.isprintable():
        raise InvalidAlarmError(member=member, reason="it is empty, or has control characters")
    if len(value.encode(errors="surrogatepass")) > limit:
        raise InvalidAlarmError(member=member, reason=f"it is longer than {limit} bytes")
