"""Which sealed values an entry of a registry holds, and the same entry with them sealed anew."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from domain.errors import InvalidRequestError

SEALED = "sealed:v1:"  # what every sealed value begins with; then ``<key id>:<base64>``
RENEWALS_KEPT = 16  # a change is told within seconds of when it was made; keys are rotated once in months

Entry = TypeVar("Entry", bound=BaseModel)


class Resealing(BaseModel):
    """Sealed values, and what each is replaced with: the same secret, sealed with another key.

    Attributes:
        values: what an entry no longer holds, because it was changed meanwhile, is passed over.
        last: nothing follows; the registry may begin a new run, so that the old values go with the old history.
    """

    values: dict[str, str]
    last: bool = False


class Renewals(BaseModel):
    """What sealed values of an entry were replaced with, for who is told late of one that was replaced meanwhile.

    Attributes:
        latest: by the SHA-256 of a former value, in hexadecimal, the one that the same secret is sealed as now; of the
            former one nothing else is kept, so that it goes with the history that has it. The oldest come first.
    """

    latest: dict[str, str] = {}

    def followed_by(self, values: Mapping[str, str]) -> "Renewals":
        """With further values replaced; what replaced one before is the same secret, and is replaced with it."""
        new = {_digest(old): fresh for old, fresh in values.items()}
        new |= {_digest(self.latest[mark]): fresh for mark, fresh in new.items() if mark in self.latest}
        known = {mark: new.get(_digest(sealed), sealed) for mark, sealed in self.latest.items() if mark not in new}
        return Renewals(latest=dict([*known.items(), *new.items()][-RENEWALS_KEPT:]))

    def of(self, entry: BaseModel) -> "Renewals":
        """Those of the values that an entry has; of others, which somebody replaced or took away, nothing is kept."""
        held = sealed_in(entry)
        return Renewals(latest={mark: sealed for mark, sealed in self.latest.items() if sealed in held})

    def applied(self, entry: Entry) -> Entry:
        """The entry with its sealed values as they are sealed now; the same object when none was replaced."""
        marks = {sealed: _digest(sealed) for sealed in sealed_in(entry)}
        return resealed(entry, {sealed: self.latest[mark] for sealed, mark in marks.items() if mark in self.latest})


def check_resealing(request: Resealing) -> None:
    """Raise `InvalidRequestError` where anything but sealed values would be replaced."""
    if not all(old.startswith(SEALED) and new.startswith(SEALED) for old, new in request.values.items()):
        raise InvalidRequestError(reason="only a sealed value is replaced, and only with another")


def sealed_in(entry: BaseModel | Mapping[str, Any]) -> list[str]:
    """Every sealed value of an entry, or of its members as a document has them, wherever in it."""
    members = entry.model_dump() if isinstance(entry, BaseModel) else dict(entry)
    return [value for value in _texts(members) if value.startswith(SEALED)]


def key_of(sealed: str) -> str:
    """The id of the key that a value is sealed with."""
    return sealed.removeprefix(SEALED).rpartition(":")[0]


def resealed(entry: Entry, values: Mapping[str, str]) -> Entry:
    """The entry with some of its sealed values replaced; the same object when it has none of them."""
    if not any(sealed in values for sealed in sealed_in(entry)):
        return entry
    return type(entry).model_validate(_replaced(entry.model_dump(), values))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _replaced(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return values.get(value, value)
    if isinstance(value, dict):
        return {key: _replaced(each, values) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(each, values) for each in value]
    return value


def _digest(sealed: str) -> str:
    return hashlib.sha256(sealed.encode()).hexdigest()
