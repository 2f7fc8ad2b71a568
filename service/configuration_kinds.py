"""The kinds of entries of a configuration, and the sealed values in those that a document has."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from activities.sealing import Keyring
from domain.configuration import Entry, read_entry
from domain.errors import ImError, SealingKeyError
from domain.keys import KEY_COMES_BY
from service.sealed_values import SealedValue


@dataclass(frozen=True)
class Kind:
    """One kind of entry: how it is called, read, checked and stored."""

    label: str
    members: Sequence[dict[str, Any]]
    model: type[Any]
    known: dict[str, Any]
    values: Callable[[Any], Iterable[SealedValue]]
    check: Callable[[Any], Awaitable[Any]]
    store: Callable[[Any, Any], Awaitable[None]]


async def require_keys(kinds: Iterable[Kind], ring: Keyring) -> None:
    """Refuse a document of another deployment before anything is changed."""
    closed = []
    async for value in _values(kinds):
        try:
            ring.open(value.sealed, value.purpose)
        except SealingKeyError as error:
            closed.append((value.name, str(error)))
    if closed:
        name, reason = closed[0]
        more = f" (and {len(closed) - 1} more)" if len(closed) > 1 else ""
        fix = f"Import it with that key: {KEY_COMES_BY}. For a deployment with other keys: im export --without-secrets."
        raise SealingKeyError(reason=f"{name}{more}: {reason}. Nothing was imported", fix=fix)


async def _values(kinds: Iterable[Kind]) -> AsyncIterator[SealedValue]:
    for kind in kinds:
        for members in kind.members:
            await asyncio.sleep(0)  # there may be thousands, and others are served meanwhile
            with suppress(ImError):  # an entry that cannot be read is refused by itself, later
                for value in kind.values(read_entry(kind.model, members, suggest=False)):
                    yield value


def marks(kind: Kind, entries: Iterable[Entry | None], ring: Keyring) -> dict[str, str]:
    """For each sealed value a mark of what is in it; of one that does not open, of itself."""
    found = {}
    for value in (value for entry in entries if entry is not None for value in kind.values(entry)):
        try:
            inside = ring.open(value.sealed, value.purpose)
        except SealingKeyError:
            inside = value.sealed
        found[value.sealed] = f"secret {hashlib.sha256(inside.encode()).hexdigest()}"
    return found
