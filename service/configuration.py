"""The gateway to the configuration as a document: `im export` and `im import`."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from activities.sealing import Keyring
from domain.configuration import (
    SEAL,
    Action,
    Configuration,
    Entry,
    ImportReport,
    ImportRow,
    Secrets,
    as_members,
    differences,
    entry_digest,
    read_entry,
)
from domain.directory import Directory
from domain.errors import ImError, InvalidRequestError, SealingKeyError, UnavailableError
from domain.heartbeats import ping_path
from domain.http_clients import HttpClient
from domain.resealing import sealed_in
from domain.sources import HeartbeatConfig, Sources, ZeebeCluster
from domain.subscribers import Subscriber
from service.configuration_checks import Checks
from service.connection import Connection
from service.omissions import completed, left_to_do, without_secrets
from service.registries import Registries
from service.registry_writes import RegistryWrites
from service.sealed_values import SealedValue, of_client, of_cluster, of_heartbeat, of_subscriber


@dataclass(frozen=True)
class _Kind:
    """One kind of entry: how it is called, read, checked and stored."""

    label: str
    members: Sequence[dict[str, Any]]
    model: type[Any]
    known: dict[str, Any]
    values: Callable[[Any], Iterable[SealedValue]]
    check: Callable[[Any], Awaitable[Any]]
    store: Callable[[Any], Awaitable[None]]


class ConfigurationGateway:
    """Writes and reads documents. All methods raise the errors of `domain.errors` alone."""

    def __init__(self, connection: Connection, registries: Registries, writes: RegistryWrites) -> None:
        self._connection = connection
        self._registries = registries
        self._writes = writes

    async def export(self, *, with_secrets: bool = True) -> Configuration:
        """Everything, its secrets sealed, or left out."""
        directory, sources = await self._registries.directory(), await self._registries.sources()
        found = Configuration(
            exported_at=datetime.now(UTC).replace(microsecond=0),
            secrets=Secrets.SEALED if with_secrets else Secrets.OMITTED,
            http_clients=self._written("HTTP client", directory.http_clients),
            subscribers=self._written("subscriber", directory.subscribers),
            zeebe_clusters=self._written("Zeebe cluster", sources.clusters),
            heartbeats=self._written("heartbeat", sources.heartbeats),
        )
        return found if with_secrets else without_secrets(found, directory, sources)

    def _written(self, label: str, entries: dict[str, Any]) -> list[dict[str, Any]]:
        """Entries by name, those with secrets under a seal."""
        written = [as_members(entries[name]) for name in sorted(entries)]
        for members in written:
            if sealed_in(entries[members["name"]]):
                purpose = _seal_purpose(f"{label} {members['name']}")
                members[SEAL] = self._connection.keyring.seal(entry_digest(members), purpose)
        return written

    async def load(self, document: Configuration, *, dry_run: bool = False) -> ImportReport:
        """Make everything that the document names as it has it; what it does not name stays.

        Each entry is stored whole or not at all; imported again, everything is the same already.

        Raises:
            SealingKeyError: a secret of the document does not open with the keys at hand; nothing was changed.
        """
        directory, sources = await self._registries.directory(), await self._registries.sources()
        _require_keys(document, self._connection.keyring)
        ring = await self._connection.sealing()
        kinds = self._kinds(document, directory, sources, Checks(ring, self._connection.policy))
        rows = []
        for kind in kinds:
            rows += [await self._entry(kind, members, document, ring, dry_run=dry_run) for members in kind.members]
        if not dry_run and any(row.action in {Action.ADD, Action.CHANGE} for row in rows):
            await self._writes.settled()
        return ImportReport(dry_run=dry_run, rows=rows)

    def _kinds(self, document: Configuration, directory: Directory, sources: Sources, checks: Checks) -> list[_Kind]:
        """In the order in which one may name the other."""
        writes = self._writes
        return [
            _Kind("HTTP client", document.http_clients, HttpClient, dict(directory.http_clients), of_client,
                  checks.client, writes.client),
            _Kind("subscriber", document.subscribers, Subscriber, dict(directory.subscribers), of_subscriber,
                  checks.subscriber, writes.subscriber),
            _Kind("Zeebe cluster", document.zeebe_clusters, ZeebeCluster, dict(sources.clusters), of_cluster,
                  checks.cluster, writes.cluster),
            _Kind("heartbeat", document.heartbeats, HeartbeatConfig, dict(sources.heartbeats), of_heartbeat,
                  checks.heartbeat, writes.heartbeat),
        ]  # fmt: skip

    async def _entry(
        self, kind: _Kind, members: dict[str, Any], document: Configuration, ring: Keyring, *, dry_run: bool
    ) -> ImportRow:
        label = f"{kind.label} {str(members.get('name', '(no name)'))[:64]}"
        try:
            here = kind.known.get(str(members.get("name")))
            whole, key = completed(kind.model, here, members, document.omitted.get(label))
            given = read_entry(kind.model, whole)
            if label not in document.omitted and (SEAL in members or sealed_in(given)):
                _check_seal(members, label, ring)
            wanted = await kind.check(given)
            known = kind.known.get(wanted.name)
            changes = differences(known, wanted, _marks(kind, [known, wanted], ring))
            if changes and not dry_run:
                await kind.store(wanted)
        except UnavailableError:
            raise
        except ImError as error:
            return ImportRow(entry=label, action=Action.REFUSE, note=f"{error}. {error.advice}".removesuffix(". "))
        if known is not None:
            return ImportRow(entry=label, action=Action.CHANGE if changes else Action.SAME, changes=changes)
        path = ping_path(key) if key and not dry_run else None
        return ImportRow(
            entry=label,
            action=Action.ADD,
            note=left_to_do(kind.model, wanted.name, document.omitted.get(label)),
            ping_path=path,
        )


def _check_seal(members: dict[str, Any], label: str, ring: Keyring) -> None:
    """Refuse an entry that was edited: whoever edits a document must not send its secrets elsewhere."""
    if ring.open(str(members.get(SEAL, "")), _seal_purpose(label)) != entry_digest(members):
        raise InvalidRequestError(
            reason="it was edited, and its secrets go only where they went when it was exported: change it here after "
            "the import, or export --without-secrets"
        )


def _seal_purpose(label: str) -> str:
    return f"configuration/{label}"


def _require_keys(document: Configuration, ring: Keyring) -> None:
    """Refuse a document of another deployment before anything is changed."""
    closed = []
    for value in _values(document):
        try:
            ring.open(value.sealed, value.purpose)
        except SealingKeyError as error:
            closed.append((value.name, str(error)))
    if closed:
        name, reason = closed[0]
        more = f" (and {len(closed) - 1} more)" if len(closed) > 1 else ""
        raise SealingKeyError(reason=f"{name}{more}: {reason}. Nothing was imported")


def _values(document: Configuration) -> Iterator[SealedValue]:
    kinds: tuple[tuple[type[Any], Sequence[dict[str, Any]], Callable[[Any], Iterable[SealedValue]]], ...] = (
        (HttpClient, document.http_clients, of_client),
        (Subscriber, document.subscribers, of_subscriber),
        (ZeebeCluster, document.zeebe_clusters, of_cluster),
        (HeartbeatConfig, document.heartbeats, of_heartbeat),
    )
    for model, entries, values in kinds:
        for members in entries:
            with suppress(ImError):  # an entry that cannot be read is refused by itself, later
                yield from values(read_entry(model, members))


def _marks(kind: _Kind, entries: Iterable[Entry | None], ring: Keyring) -> dict[str, str]:
    """For each sealed value a mark of what is in it; of one that does not open, of itself."""
    marks = {}
    for value in (value for entry in entries if entry is not None for value in kind.values(entry)):
        try:
            inside = ring.open(value.sealed, value.purpose)
        except SealingKeyError:
            inside = value.sealed
        marks[value.sealed] = f"secret {hashlib.sha256(inside.encode()).hexdigest()}"
    return marks


def _by_name(entries: dict[str, Any]) -> list[Any]:
    return [entries[name] for name in sorted(entries)]
