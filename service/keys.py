"""The gateway to sealing keys: which are in use, and sealing everything anew with another one."""

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from temporalio.service import RPCError, RPCStatusCode

from activities.key_file import KeyFile
from activities.presence import Presence
from activities.sealing import MAX_KEYS, Keyring
from domain.errors import InvalidRequestError, SealingKeyError, UnavailableError
from domain.keys import KeyReport, KeyRow, Rotation
from domain.resealing import Resealing
from service.connection import Connection
from service.key_advice import TO_ROTATE, advice_of
from service.registries import Registries
from service.sealed_values import SealedValue, of_directory, of_sources
from service.sources import SourceRegistry
from service.temporal import answered
from service.updates import Updates
from service.workers import present_workers
from workflows.directory import SubscriberDirectoryWorkflow
from workflows.heartbeat import HeartbeatWorkflow
from workflows.names import heartbeat_workflow_id
from workflows.sources import SourcesWorkflow

MAX_PASSES = 5  # values that are changed meanwhile are met by the next one
VALUES_AT_ONCE = 100  # a private key takes some 3 KB sealed, and an update carries both of it: 600 KB of 2 MiB


class KeyGateway:
    """Lists and rotates sealing keys. All methods raise the errors of `domain.errors` alone.

    Args:
        connection: whose keys seal.
        registries: where sealed values are.
        directory: changes one of them.
        sources: changes the other.
        key_file: what the keys are from; None where they are in IM_SECRET_KEYS.
    """

    def __init__(
        self,
        connection: Connection,
        registries: Registries,
        directory: Updates,
        sources: SourceRegistry,
        key_file: KeyFile | None,
    ) -> None:
        self._connection = connection
        self._registries = registries
        self._directory = directory
        self._sources = sources
        self._key_file = key_file

    async def report(self, emptied: Collection[str] = ()) -> KeyReport:
        """Every key that this process or a worker holds, or that a value is sealed with.

        Args:
            emptied: keys that a rotation left without values just now.
        """
        ring = self._ring()
        workers = await present_workers(self._connection.client)
        values = await self.values()
        counts = Counter(value.key_id for value in values)
        known = [*ring.prints, *(key_id for worker in workers for key_id, _ in worker.keys), *sorted(counts)]
        rows = [_row(key_id, ring, workers, counts[key_id]) for key_id in dict.fromkeys(known)]
        closed = [each for each in values if not _opens(ring, each)]
        elsewhere = {key_id for key_id in {each.key_id for each in closed} if may_open(key_id, ring, workers)}
        report = KeyReport(
            keys=rows,
            workers=len(workers),
            silent=[worker.process for worker in workers if not worker.version],
            elsewhere=sorted({each.name for each in closed if each.key_id in elsewhere}),
            lost=sorted({each.name for each in closed if each.key_id not in elsewhere}),
        )
        return report.model_copy(update={"advice": advice_of(report, ring, self._file, emptied)})

    async def rotate(self) -> Rotation:
        """Seal everything anew with the newest key, which in development is made for it first.

        Sent again, it goes on where it ended. Whatever is not sealed anew can be opened as before.

        Raises:
            SealingKeyError: a worker lacks the newest key, or does not tell; nothing was changed.
            InvalidRequestError: the key file has as many keys as there may be; nothing was changed.
        """
        await self._connection.require_worker()
        ring = self._ring()
        values, workers = await self.values(), await present_workers(self._connection.client)
        self._check_workers(ring, workers)
        for value in values:
            if not _opens(ring, value) and _is_told_of(value.key_id, ring, workers):
                raise SealingKeyError(
                    reason=f"{value.name} is sealed with key {value.key_id!r}, which the workers have and this process "
                    "does not: put it behind the newest one. Nothing was changed"
                )
        added = self._key_file is not None and all(each.key_id == ring.newest for each in values)
        if self._key_file is not None and added:
            if len(ring.prints) >= MAX_KEYS:
                raise InvalidRequestError(
                    reason=f"the key file has {MAX_KEYS} keys, which is the most: take those out that nothing is "
                    "sealed with (im keys list), and rotate again. Nothing was changed"
                )
            self._key_file.add()
            ring = self._ring()
        done: dict[str, str] = {}
        for _ in range(MAX_PASSES):
            old = [each for each in await self.values() if each.key_id != ring.newest and _opens(ring, each)]
            if not old:
                return await self._rotated(ring, done, added=added)
            await self._reseal(old, ring)
            done |= {value.sealed: value.key_id for value in old}
        raise UnavailableError(reason="values are being sealed with an older key all the time; rotate again later")

    async def values(self) -> Sequence[SealedValue]:
        """Every sealed value there is."""
        directory, sources = await self._registries.directory(), await self._registries.sources()
        return [*of_directory(directory), *of_sources(sources)]

    @property
    def _file(self) -> Path | None:
        return self._key_file.path if self._key_file else None

    def _ring(self) -> Keyring:
        self._connection.keyring.renew()
        return self._connection.keyring

    def _check_workers(self, ring: Keyring, workers: Sequence[Presence]) -> None:
        for worker in workers:
            if not worker.version:
                raise SealingKeyError(
                    reason=f"the worker {worker.process} is of a version that does not tell its keys: upgrade it (one "
                    "that was stopped counts for a minute). Nothing was changed"
                )
            if not worker.holds(ring, ring.newest):
                raise self._connection.unheld(worker)

    async def _reseal(self, old: Sequence[SealedValue], ring: Keyring) -> None:
        """Replace values; heartbeats first, so that what is interrupted is found undone in the registries."""
        fresh = {each.sealed: ring.seal(ring.open(each.sealed, each.purpose), each.purpose) for each in old}
        for each in old:
            if each.owner.startswith("heartbeat "):
                request = Resealing(values={each.sealed: fresh[each.sealed]})
                await self._tell_heartbeat(each.owner.removeprefix("heartbeat "), request)
        in_sources = [each.sealed for each in old if each.owner.startswith(("heartbeat ", "Zeebe cluster "))]
        for request in _requests(in_sources, fresh):
            await self._sources.change(SourcesWorkflow.reseal, request)
        for request in _requests([sealed for sealed in fresh if sealed not in in_sources], fresh):
            await self._directory.carry_out(SubscriberDirectoryWorkflow.reseal, request)

    async def _tell_heartbeat(self, name: str, request: Resealing) -> None:
        handle = self._connection.client.get_workflow_handle(heartbeat_workflow_id(name))
        with suppress(RPCError):  # it is not watched any more: `im heartbeat list` says so
            try:
                async with answered(self._connection.client):
                    await handle.signal(HeartbeatWorkflow.reseal_values, request)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise UnavailableError(reason=f"the heartbeat {name} could not be told: {error.message}") from None

    async def _rotated(self, ring: Keyring, done: dict[str, str], *, added: bool) -> Rotation:
        report = await self.report(set(done.values()))
        advice = list(report.advice)
        if not done and not advice:
            advice = [TO_ROTATE]
        return Rotation(key=ring.newest, added=added, resealed=len(done), lost=report.lost, advice=advice)


def _row(key_id: str, ring: Keyring, workers: Sequence[Presence], values: int) -> KeyRow:
    here = key_id in ring.prints
    telling = [worker for worker in workers if worker.version]
    holding = [w for w in telling if (w.holds(ring, key_id) if here else key_id in dict(w.keys))]
    return KeyRow(key=key_id, seals=key_id == ring.newest, here=here, workers=len(holding), values=values)


def may_open(key_id: str, ring: Keyring, workers: Sequence[Presence]) -> bool:
    """Whether a worker has, or may have, a key that a keyring lacks.

    One that tells nothing may have any. One with another key file may have read a newer key from it than it tells of.
    """
    other_files = [worker for worker in workers if worker.origin and worker.origin != ring.origin]
    silent = [worker for worker in workers if not worker.version]
    return bool(other_files or silent) or _is_told_of(key_id, ring, workers)


def _is_told_of(key_id: str, ring: Keyring, workers: Sequence[Presence]) -> bool:
    """Whether a worker tells of a key of that id which a keyring lacks; another one may have the same id."""
    mine = (key_id, ring.prints.get(key_id, ""))
    return any(key[0] == key_id and key != mine for worker in workers for key in worker.keys)


def _opens(ring: Keyring, value: SealedValue) -> bool:
    try:
        ring.open(value.sealed, value.purpose)
    except SealingKeyError:
        return False
    return True


def _requests(sealed: Sequence[str], fresh: dict[str, str]) -> list[Resealing]:
    """What to ask of a registry, as many values at a time as an update may carry."""
    parts = [sealed[at : at + VALUES_AT_ONCE] for at in range(0, len(sealed), VALUES_AT_ONCE)]
    return [Resealing(values={old: fresh[old] for old in part}, last=part is parts[-1]) for part in parts]
