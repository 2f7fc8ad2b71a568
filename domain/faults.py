"""Why pydantic refused a value, in words of ours that repeat the value: whoever typed it sees which one is meant."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args, get_origin

from domain.likeness import name_meant

MOST_SHOWN = 40
_WORDS = {
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "int_parsing_size": "is too large a number",
    "float_parsing": "is not a number",
    "bool_parsing": "is neither true nor false",
    "enum": "is none of {expected}",
    "literal_error": "is none of {expected}",
    "less_than_equal": "is more than {le}",
    "greater_than_equal": "is less than {ge}",
}
# Where a value is of another kind than is wanted, its kind is said and not the value, which may be secret.
_KINDS = {
    "bool_type": "neither true nor false",
    "int_type": "not a whole number",
    "float_type": "not a number",
    "string_type": "not a string",
}
_UNQUOTED = {
    "bool_type": "write true or false without quotes",
    "int_type": "write one without quotes, such as 30",
    "float_type": "write one without quotes, such as 2.5",
}
_TIME = "it is not a time; write one as 2026-01-31T12:00:00Z (RFC 3339)"
_LIST = 'it is not a list; write ["one", "another"], or ["one"]'
_OBJECT = 'it is not an object; write {"name": "value"}'
_FORMS = {
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "missing": "it is missing",
    "datetime_type": _TIME,
    "datetime_parsing": _TIME,
    "datetime_from_date_parsing": _TIME,
    "timezone_aware": "it has no offset from UTC; write Z, or one such as +01:00, behind the time",
}


def in_words(fault: Mapping[str, Any], members: Iterable[str] = (), *, hidden: bool = False) -> str:
    """One of pydantic's faults, such as ``'abc' is not a whole number``; in pydantic's own words if we have none.

    The ``input`` is repeated, if there is one, for numbers and for words to choose from.

    Args:
        fault: one of a ``ValidationError``.
        members: the known names, where the fault is an unknown one; the one that was probably meant is suggested.
        hidden: do not repeat the value, which may be secret.
    """
    if fault["type"] == "extra_forbidden":
        close = name_meant(str(fault["loc"][-1]), members)
        return f"there is no such member; {f'did you mean {close}?' if close else 'see how it is spelt'}"
    if form := _FORMS.get(fault["type"]):
        return form
    if fault["type"] in _KINDS:
        return _of_another_kind(fault)
    context = fault.get("ctx") or {}
    if size := _size(fault, context):
        return size
    said = _WORDS.get(fault["type"])
    if said is None:
        return str(fault["msg"]).removeprefix("Value error, ")
    subject = "it" if hidden or "input" not in fault else shown(fault["input"])
    return f"{subject} {said.format(**context)}"


def _of_another_kind(fault: Mapping[str, Any]) -> str:
    value, wanted = fault.get("input", ...), fault["type"]
    if isinstance(value, bool | None):
        subject = {True: "true", False: "false", None: "null"}[value]
    else:
        kinds = ((str, "a string"), (int | float, "a number"), (list, "a list"), (dict, "an object"))
        subject = next((said for kind, said in kinds if isinstance(value, kind)), "it")
    if wanted == "string_type":
        advice = "; write it in quotes" if isinstance(value, bool | int | float) else ""
    else:
        advice = f"; {_UNQUOTED[wanted]}" if isinstance(value, str) else ""
    return f"{subject} is {_KINDS[wanted]}{advice}"


def _size(fault: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    """What is wrong with the length of a text or a list; empty if the fault is another."""
    kind, least, most = fault["type"], context.get("min_length"), context.get("max_length")
    if kind not in {"string_too_short", "string_too_long", "too_short", "too_long"}:
        return ""
    if kind.endswith("short") and (least == 1 or fault.get("input") == ""):
        return "it is empty; leave it out, or give one"
    text = kind.startswith("string") or context["field_type"] == "Value"  # of a secret pydantic says so
    limit = f"less than {least}" if kind.endswith("short") else f"more than {most}"
    return f"it has {limit} {'characters' if text else 'entries'}"


def members_at(kind: Any, steps: Sequence[str | int]) -> list[str]:
    """The names of the members that a value of this kind has at a place in it; none if no model is there."""
    if fields := getattr(kind, "model_fields", None):
        if not steps:
            return list(fields)
        return members_at(fields[steps[0]].annotation, steps[1:]) if steps[0] in fields else []
    rest = steps[1:] if get_origin(kind) in {dict, list} else steps
    return [member for part in get_args(kind) for member in members_at(part, rest)]


def shown(value: object) -> str:
    """A value as it was typed, in quotes; of more than 40 characters the beginning."""
    text = str(value)
    return repr(text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}...")
