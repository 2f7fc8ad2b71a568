"""The gateway to the configuration as a document: `im export` and `im import`."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

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
    digests,
    entry_digest,
    needs_seal,
    read_entry,
)
from domain.directory import Directory
from domain.errors import ImError, InvalidRequestError, UnavailableError
from domain.heartbeats import ping_path
from domain.http_client_limits import check_limits, limits_of
from domain.http_clients import HttpClient
from domain.likeness import MOST_SUGGESTED
from domain.listeners import is_listener
from domain.resealing import sealed_in
from domain.sources import HeartbeatConfig, Sources, ZeebeCluster
from domain.subscribers import Subscriber
from service.configuration_checks import Checks
from service.configuration_foreseen import Foreseen
from service.configuration_kinds import Kind, marks, require_keys
from service.connection import Connection
from service.omissions import check_bare, check_unmoved, completed, without_secrets
from service.registries import Registries
from service.registry_writes import RegistryWrites
from service.sealed_values import of_client, of_cluster, of_heartbeat, of_subscriber
from service.subscriber_views import given_up


@dataclass(frozen=True)
class _Within:
    """What an entry is read within.

    Attributes:
        document: that it is of.
        lenders: the HTTP clients that have credentials here.
        ring: opens seals.
        foreseen: what it may name.
    """

    document: Configuration
    lenders: frozenset[str]
    ring: Keyring
    foreseen: Foreseen


@dataclass(frozen=True)
class _Given:
    """An entry as it may be taken; ``keeps`` where secrets that are here would go where it says."""

    entry: Any
    sealed: bool = False
    key: str | None = None
    note: str | None = None
    keeps: bool = False


class ConfigurationGateway:
    """Writes and reads documents. All methods raise the errors of `domain.errors` alone."""

    def __init__(self, connection: Connection, registries: Registries, writes: RegistryWrites) -> None:
        self._connection = connection
        self._registries = registries
        self._writes = writes

    async def export(self, *, with_secrets: bool = True) -> Configuration:
        """Everything, its secrets sealed, or left out; without the subscribers of every `im listen` that runs."""
        directory, sources = await self._registries.directory(), await self._registries.sources()
        kept = {each.name: each for each in directory.subscribers.values() if not is_listener(each.name, each.url)}
        directory = directory.model_copy(update={"subscribers": kept})
        found = Configuration(
            format="im-configuration",
            format_version=1,
            exported_at=datetime.now(UTC).replace(microsecond=0),
            secrets=Secrets.SEALED if with_secrets else Secrets.OMITTED,
            http_clients=self._written("HTTP client", directory.http_clients),
            subscribers=self._written("subscriber", directory.subscribers),
            zeebe_clusters=self._written("Zeebe cluster", sources.clusters),
            heartbeats=self._written("heartbeat", sources.heartbeats),
        )
        return found if with_secrets else without_secrets(found, directory, sources)

    def _written(self, label: str, entries: dict[str, Any]) -> list[dict[str, Any]]:
        """Entries by name, those that need one under a seal."""
        written = [as_members(entries[name]) for name in sorted(entries)]
        for members in written:
            if needs_seal(entries[members["name"]]):
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
        ring = await self._connection.sealing()
        kinds = self._kinds(document, directory, sources, Checks(ring, self._connection.policy))
        if document.secrets is Secrets.SEALED:
            await require_keys(kinds, ring)
        lenders = frozenset(name for name, client in directory.http_clients.items() if sealed_in(client))
        within, rows, refused = _Within(document, lenders, ring, Foreseen(directory, sources)), [], 0
        for kind, members in ((each, members) for each in kinds for members in each.members):
            await asyncio.sleep(0)  # there may be thousands, and others are served meanwhile
            row = await self._row(kind, members, within, suggest=refused < MOST_SUGGESTED, dry_run=dry_run)
            refused += row.action is Action.REFUSE
            rows.append(row)
        if not dry_run and any(row.action in {Action.ADD, Action.CHANGE} for row in rows):
            await self._writes.settled()
        return ImportReport(dry_run=dry_run, rows=rows)

    async def _row(
        self, kind: Kind, members: dict[str, Any], within: _Within, *, suggest: bool, dry_run: bool
    ) -> ImportRow:
        """What becomes of an entry; for a misspelt member it is looked which one is meant, if asked to ``suggest``."""
        label = _label(kind, members)
        try:
            within.foreseen.meet(kind.label, members.get("name"))
            given = _given(kind, members, within, suggest=suggest)
            return await self._entry(kind, given, label, within, dry_run=dry_run)
        except UnavailableError:
            raise
        except ImError as error:
            within.foreseen.refuse(label)
            note = f"{error}. {error.advice}".removesuffix(". ")
            return ImportRow(entry=label, action=Action.REFUSE, note=note)

    def _kinds(self, document: Configuration, directory: Directory, sources: Sources, checks: Checks) -> list[Kind]:
        """In the order in which one may name the other."""
        writes = self._writes
        return [
            Kind("HTTP client", document.http_clients, HttpClient, dict(directory.http_clients), of_client,
                  checks.client, writes.client),
            Kind("subscriber", document.subscribers, Subscriber, dict(directory.subscribers), of_subscriber,
                  checks.subscriber, writes.subscriber),
            Kind("Zeebe cluster", document.zeebe_clusters, ZeebeCluster, dict(sources.clusters), of_cluster,
                  checks.cluster, writes.cluster),
            Kind("heartbeat", document.heartbeats, HeartbeatConfig, dict(sources.heartbeats), of_heartbeat,
                  checks.heartbeat, writes.heartbeat),
        ]  # fmt: skip

    async def _entry(self, kind: Kind, given: _Given, label: str, within: _Within, *, dry_run: bool) -> ImportRow:
        wanted = await kind.check(given.entry)
        known = kind.known.get(wanted.name)
        if given.keeps:
            check_unmoved(known, wanted)
        current = known
        if isinstance(known, Subscriber):
            wanted = wanted.model_copy(update={"paused": None})  # whether it is paused is known here
            current = known.model_copy(update={"secrets": known.signing(datetime.now(UTC))})
        changes = differences(current, wanted, marks(kind, [current, wanted], within.ring))
        note = "; ".join(filter(None, [given.note, *await self._remarks(known, wanted)])) or None
        if changes:
            _check_limits(known, wanted, sealed=given.sealed)
            within.foreseen.check(wanted)
            if dry_run:
                within.foreseen.check_unstored(wanted)
            else:
                await kind.store(wanted, known)
        within.foreseen.put(wanted)
        path = ping_path(given.key) if given.key and not dry_run else None
        action = Action.ADD if known is None else Action.CHANGE if changes else Action.SAME
        told = changes if known is not None else []
        return ImportRow(entry=label, action=action, changes=told, note=note, ping_path=path)

    async def _remarks(self, known: Entry | None, wanted: Entry) -> list[str]:
        """What ends with a subscriber that is disabled, for nobody is asked; that a client's certificate expires."""
        if isinstance(wanted, HttpClient):
            return wanted.warnings(datetime.now(UTC))
        if not isinstance(known, Subscriber) or not known.enabled or cast("Subscriber", wanted).enabled:
            return []
        told = given_up(known.name, await self._registries.owed(known.name, ordered=known.ordered))
        return ["its pause ends", *told] if known.paused else told


def _label(kind: Kind, members: dict[str, Any]) -> str:
    """Such as ``subscriber ops``."""
    return f"{kind.label} {str(members.get('name', '(no name)'))[:64]}"


def _given(kind: Kind, members: dict[str, Any], within: _Within, *, suggest: bool) -> _Given:
    """An entry as it may be taken: under its seal, or with what was left out of it."""
    label, document = _label(kind, members), within.document
    if document.secrets is Secrets.SEALED:
        entry = read_entry(kind.model, members, suggest=suggest)
        if SEAL in members or needs_seal(entry):
            _check_seal(members, entry, label, within.ring)
        return _Given(entry, sealed=SEAL in members)
    left_out = document.omitted.get(label)
    check_bare(members, left_out)
    lent = str(members.get("http_client")) in within.lenders
    found = completed(kind.model, kind.known.get(str(members.get("name"))), members, left_out, lent=lent)
    entry = read_entry(kind.model, found.members, suggest=suggest)
    return _Given(entry, key=found.key, note=found.note, keeps=left_out is not None or lent)


def _check_limits(known: Entry | None, wanted: Entry, *, sealed: bool) -> None:
    """Refuse time limits that disagree and are new here; under a seal they are as stored, and cannot be mended."""
    if sealed or not isinstance(wanted, HttpClient):
        return
    if isinstance(known, HttpClient) and limits_of(known) == limits_of(wanted):
        return
    try:
        check_limits(*limits_of(wanted))
    except InvalidRequestError as error:
        raise InvalidRequestError(reason=f"{error} (its connect_seconds in the document)") from None


def _check_seal(members: dict[str, Any], entry: Entry, label: str, ring: Keyring) -> None:
    """Refuse an entry that was edited: whoever edits a document must not send secrets elsewhere."""
    if SEAL not in members:
        raise InvalidRequestError(
            reason="it has secrets or names an HTTP client, and has no seal: take it as im export wrote it, add it by "
            "hand, or export --without-secrets"
        )
    if ring.open(str(members[SEAL]), _seal_purpose(label)) not in digests(members, entry):
        raise InvalidRequestError(
            reason="it was edited, and its secrets go only where they went when it was exported: change it here after "
            "the import, or export --without-secrets"
        )


def _seal_purpose(label: str) -> str:
    return f"configuration/{label}"
