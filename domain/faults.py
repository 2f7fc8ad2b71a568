"""What a value was refused for by its form, in words that repeat it: whoever typed it sees which one is meant."""

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
    "less_than_equal": "is more than {le}",
    "greater_than_equal": "is less than {ge}",
}
_LIST = 'it is not a list; write ["one", "another"], or ["one"]'
_OBJECT = 'it is not an object; write {"name": "value"}'
_FORMS = {
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "missing": "it is missing",
}


def in_words(fault: Mapping[str, Any], members: Iterable[str] = ()) -> str:
    """A fault of pydantic's with its value, such as ``'abc' is not a whole number``; of any other kind as it says it.

    Of numbers and words to choose from it repeats the ``input``, where it has one: leave out what may be secret.

    Args:
        fault: one of a ``ValidationError``.
        members: those that there are where one is that there is not, of which one may be meant.
    """
    if fault["type"] == "extra_forbidden":
        close = name_meant(str(fault["loc"][-1]), members)
        return f"there is no such member; {f'did you mean {close}?' if close else 'see how it is spelt'}"
    if form := _FORMS.get(fault["type"]):
        return form
    if fault["type"] == "string_too_short" and fault.get("input") == "":
        return "it is empty; leave it out, or give one"
    said = _WORDS.get(fault["type"])
    if said is None or "input" not in fault:
        return str(fault["msg"]).removeprefix("Value error, ")
    return f"{shown(fault['input'])} {said.format(**fault.get('ctx') or {})}"


def members_at(kind: Any, steps: Sequence[str | int]) -> list[str]:
    """The names of the members that there are at a place in a value of a kind; none where that is no model."""
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
