"""The configuration as a document: what `im export` writes and `im import` reads.

Names, patterns, URLs and schedules are plain; secrets are sealed values or left out. What happened (health, incidents,
alarms, events, beats) is no configuration. A pause is in it: whoever is added without it is sent events at once.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from domain.errors import InvalidRequestError
from domain.event_errors import InvalidEventError
from domain.faults import in_words
from domain.http_clients import HttpClient
from domain.kinds import of_its_kind
from domain.likeness import name_meant
from domain.resealing import resealed, sealed_in
from domain.sources import HeartbeatConfig, ZeebeCluster
from domain.strict_json import load_json
from domain.subscribers import Subscriber

PAUSED = "paused"  # of what a registry notes this alone is in a document: a subscriber that is new begins with it

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_DOCUMENT_BYTES = 8 * 1024 * 1024  # both registries full, and as much again for white space
_LONG = 100  # characters of a value that a difference shows

# What a registry notes of its entries by itself.
NOTED = {"version": 1, "created_at": EPOCH, "updated_at": EPOCH, "set_at": None, "gone_at": None, "paused": None}

# An entry that has secrets or names an HTTP client has a seal, a sealed digest of itself: secrets go only where they
# went when exported.
SEAL = "seal"

Entry = Subscriber | HttpClient | ZeebeCluster | HeartbeatConfig
Known = TypeVar("Known", Subscriber, HttpClient, ZeebeCluster, HeartbeatConfig)


class Secrets(StrEnum):
    """Whether a document has secrets in it; sealed, they open with the deployment's keys alone."""

    SEALED = "sealed"
    OMITTED = "omitted"


class Configuration(BaseModel):
    """Every subscriber, HTTP client, Zeebe cluster and heartbeat.

    Attributes:
        secrets: ``sealed``, or ``omitted``.
        omitted: what was left out of whom, such as ``{"subscriber ops": ["secret"]}``; empty where secrets are sealed.
    """

    model_config = ConfigDict(extra="forbid")

    format: Literal["im-configuration"]
    format_version: Literal[1]
    exported_at: datetime | None = None
    secrets: Secrets = Secrets.SEALED
    omitted: dict[str, list[str]] = {}
    http_clients: list[dict[str, Any]] = Field([], max_length=5000)
    subscribers: list[dict[str, Any]] = Field([], max_length=20000)
    zeebe_clusters: list[dict[str, Any]] = Field([], max_length=5000)
    heartbeats: list[dict[str, Any]] = Field([], max_length=5000)

    @field_validator("format_version", mode="before")
    @classmethod
    def _is_a_number(cls, value: object) -> object:
        """Refuse ``true``, which for pydantic is 1."""
        return of_its_kind(cls.model_fields["format_version"].annotation, value)

    @model_validator(mode="after")
    def _has_what_it_says(self) -> Self:
        """What is left out is under no seal: said in a sealed document it would take the seals off."""
        if self.omitted and self.secrets is not Secrets.OMITTED:
            raise ValueError(
                '"omitted" has entries and "secrets" is not "omitted": take the document as it was exported'
            )
        return self


class Action(StrEnum):
    """What an import does, or would do, about an entry."""

    ADD = "add"
    CHANGE = "change"
    SAME = "same"
    REFUSE = "refuse"


class ImportRow(BaseModel):
    """One entry of an import.

    Attributes:
        entry: such as ``subscriber ops``.
        changes: what is different, one line a member; a secret is never in it.
        note: why it is refused, what is left to do (a certificate has expired), or what ends with a subscriber that it
            disables.
        ping_path: of a heartbeat that got another key; shown this once.
    """

    entry: str
    action: Action
    changes: list[str] = []
    note: str | None = None
    ping_path: str | None = None


class ImportReport(BaseModel):
    """What an import did, or with ``dry_run`` would do, entry by entry."""

    dry_run: bool = False
    rows: list[ImportRow] = []

    @property
    def refused(self) -> list[ImportRow]:
        """The entries that are not as the document has them."""
        return [row for row in self.rows if row.action is Action.REFUSE]


def parse_configuration(body: bytes) -> Configuration:
    """A document, checked as a whole; entries are checked one by one when they are imported.

    Raises:
        InvalidRequestError: it is none. Values are not in the error.
    """
    try:
        return Configuration.model_validate(load_json(body))
    except InvalidEventError as error:
        raise InvalidRequestError(reason=f"this is no configuration of im: {error.data['reason']}") from None
    except ValidationError as error:
        raise InvalidRequestError(reason=f"this is no configuration of im: {_fault(error)}") from None


def read_entry(kind: type[Known], members: Mapping[str, Any], *, suggest: bool = True) -> Known:
    """An entry of a document; raises `InvalidRequestError` for members that are wrong or unknown.

    Args:
        kind: of entry.
        members: as the document has them.
        suggest: look which member a misspelt one may be meant for: that takes ten times as long as all else.
    """
    members = {name: value for name, value in members.items() if name != SEAL}
    known = [name for name in kind.model_fields if name not in NOTED or name == PAUSED]
    _refuse(((name, known) for name in members if name not in known), suggest=suggest)
    try:
        noted = {name: NOTED[name] for name in NOTED if name in kind.model_fields}
        document = json.dumps({**noted, **members}, default=datetime.isoformat)
        read = kind.model_validate_json(document, strict=True)  # "7" is no number, as in bodies
    except ValidationError as error:
        raise InvalidRequestError(reason=_fault(error)) from None
    _refuse(_unread(members, read.model_dump(mode="json")), suggest=suggest)
    return read


def _refuse(unknown: Iterable[tuple[str, Iterable[str]]], *, suggest: bool) -> None:
    """Raise `InvalidRequestError` for the first unknown member; each comes with the names known at its place."""
    for place, known in unknown:
        close = name_meant(place.rpartition(".")[2], known) if suggest else None
        meant = f"; did you mean {close}?" if close else ""
        raise InvalidRequestError(reason=f"it has the unknown member {place[:_LONG]!r}{meant}")


def _unread(given: Any, read: Any, path: str = "") -> Iterator[tuple[str, Iterable[str]]]:
    """Members that no field was made of, such as ``schedule.max_attemptz``, each with the names known at its place."""
    if isinstance(given, dict) and isinstance(read, dict):
        for name, value in given.items():
            place = f"{path}.{name}" if path else name
            if name in read:
                yield from _unread(value, read[name], place)
            else:
                yield place, read
    elif isinstance(given, list) and isinstance(read, list):
        for number, (one, other) in enumerate(zip(given, read, strict=False)):
            yield from _unread(one, other, f"{path}.{number}")


def entry_digest(members: Mapping[str, Any]) -> str:
    """SHA-256 of an entry as a document has it, whatever the order and spacing of its members; without its seal."""
    told = {name: value for name, value in members.items() if name != SEAL}
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def digests(members: Mapping[str, Any], entry: Entry) -> set[str]:
    """Those under which an entry is as it was exported: a tool that writes JSON anew may make ``10`` of ``10.0``.

    Args:
        members: as the document has them.
        entry: what was read of them; a number of it is written as `im export` writes it.
    """
    read = entry.model_dump(mode="json")
    written = {name: read[name] if read.get(name) == value else value for name, value in members.items()}
    return {entry_digest(members), entry_digest(written)}


def needs_seal(entry: Entry) -> bool:
    """Whether it has secrets, or says where those of an HTTP client go."""
    return bool(sealed_in(entry)) or (isinstance(entry, Subscriber) and entry.http_client is not None)


def as_members(entry: Entry) -> dict[str, Any]:
    """An entry as a document has it: without what the registry notes by itself, but for a pause."""
    return entry.model_dump(mode="json", exclude=set(NOTED) - {PAUSED}, exclude_none=True)


def differences(known: Entry | None, wanted: Entry, opened: Mapping[str, str]) -> list[str]:
    """What is different, one line a member.

    Args:
        known: as it is; None where it is not.
        wanted: as it shall be.
        opened: for each sealed value of both, something that is the same where the secrets are.
    """
    before = as_members(resealed(known, opened)) if known else {}
    after = as_members(resealed(wanted, opened))
    names = [name for name in type(wanted).model_fields if name != PAUSED and before.get(name) != after.get(name)]
    return [f"{name}: {_shown(before.get(name), opened)} -> {_shown(after.get(name), opened)}" for name in names]


def _shown(value: Any, opened: Mapping[str, str]) -> str:
    text = "none" if value is None else json.dumps(value, ensure_ascii=False)
    if any(mark in text for mark in opened.values()):
        return "(secret)"
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


def _fault(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    told = in_words(first, Configuration.model_fields, hidden=True)  # of an entry unknown members were refused before
    return f"{place}: {told}" if place else told
