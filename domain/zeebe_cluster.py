"""What the platform knows of one Zeebe cluster's incidents: which are open, and which incident of ours tells of each.

A Zeebe incident is known by its key. Repeats of its records change nothing; a RESOLVED that comes before its CREATED is
remembered, so that the late CREATED pages nobody. A record's timestamp tells a repeat from a cluster that was set up
anew and counts its keys from the beginning again.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, PrivateAttr

from domain.incidents import Declaration
from domain.sources import Grouping
from domain.zeebe import IncidentRecord
from domain.zeebe_declarations import ClusterSettings, declaration_of, one_of_many

# A run hands at most 2 MiB to the next. Each open one takes some 190 bytes of it, each ended one 40, and each that
# waits to be declared its whole declaration: up to 8 KB, where the error message is long. A test fills all of it.
MAX_OPEN = 6_000
MAX_ENDED = 10_000
MAX_GROUPS = MAX_OPEN + 200  # those past MAX_OPEN are of elements
MAX_WAITING_BYTES = 150 * 1024  # of declarations: some 150. Past it they are by element, past twice as much one for all
_OVERFLOW = "overflow"


class RecordsBatch(BaseModel):
    """Records of one cluster, in the order of their arrival."""

    settings: ClusterSettings
    records: list[IncidentRecord]


class Group(BaseModel):
    """The Zeebe incidents that one incident of ours stands for.

    Attributes:
        id: the Zeebe incident's key, or a hash of process, element and error type.
        key: identifies the declaration, so that it is made once.
        declaration: what is declared next, if something is: the first time, or when somebody resolved our incident.
        incident_id: the incident of ours; None until it is declared.
        open: the open Zeebe incidents: timestamp of CREATED, by key.
        unfollowed: those whose end will not be known: past 6,000 open ones, or of a source that does not tell.
        total: how many there were in all.
        told: how many the incident of ours shows.
    """

    id: str
    key: str
    declaration: Declaration | None = None
    incident_id: str | None = None
    open: dict[str, int] = {}
    unfollowed: int = 0
    total: int = 0
    told: int = 0

    @property
    def over(self) -> bool:
        """Whether every Zeebe incident of it was resolved."""
        return not self.open and not self.unfollowed


class ClusterState(BaseModel):
    """One cluster's incidents, and counts for people.

    Attributes:
        groups: those with open Zeebe incidents, by their id.
        closing: those whose last one ended, until our incident was resolved.
        ended: when each Zeebe incident lately resolved ended, in ms since 1970, by key, the oldest first.
        floor: what was created until then (ms since 1970) and is not known here is too old to tell from a repeat.
    """

    cluster: str
    groups: dict[str, Group] = {}
    closing: list[Group] = []
    ended: dict[str, int] = {}
    floor: int = 0
    raised: int = 0
    resolved: int = 0
    repeated: int = 0
    too_old: int = 0
    last_record_at: int = 0
    _group_of: dict[str, str] = PrivateAttr(default_factory=dict)
    _waiting: dict[str, int] = PrivateAttr(default_factory=dict)
    _waiting_bytes: int = PrivateAttr(default=0)

    def model_post_init(self, _context: Any) -> None:
        """Index the open incidents by key, and weigh what waits."""
        self._group_of = {key: group.id for group in self.groups.values() for key in group.open}
        for group in (*self.groups.values(), *self.closing):
            self.plan(group, group.declaration)

    @property
    def open_count(self) -> int:
        """How many Zeebe incidents are open, as far as they are followed."""
        return len(self._group_of)

    def take(self, record: IncidentRecord, settings: ClusterSettings) -> list[Group]:
        """Take note of a record; returns the groups it changed, none for one that changes nothing.

        A group that is `over` is no longer in `groups`: the next incident at its element begins a new one.
        """
        self.last_record_at = max(self.last_record_at, record.timestamp)
        return self._resolve(record) if record.resolved else self._raise(record, settings)

    def declared(self, group: Group, incident_id: str, count: int) -> None:
        """Take note of the incident that a group's first ``count`` were declared as.

        A group of which nothing more will be heard is dropped.
        """
        group.incident_id, group.told = incident_id, count
        if group.total == count:
            self.plan(group, None)
            group.key = ""
        if group.id in self.ended and not group.open:
            self.groups.pop(group.id, None)

    def closed(self, group: Group) -> None:
        """Take note that the incident of a group in ``closing`` was resolved."""
        self.closing = [other for other in self.closing if other is not group]
        self.plan(group, None)
        group.incident_id = None

    def plan(self, group: Group, declaration: Declaration | None) -> None:
        """Set what is declared next for a group, and keep account of what that takes."""
        group.declaration = declaration
        size = len(declaration.model_dump_json().encode()) if declaration else 0
        self._waiting_bytes += size - self._waiting.pop(group.key, 0)
        if size:
            self._waiting[group.key] = size

    def _raise(self, record: IncidentRecord, settings: ClusterSettings) -> list[Group]:
        known = self._open_since(record.key)
        if record.timestamp <= max(known or 0, self.ended.get(record.key, 0)):
            self.repeated += 1
            return []
        if record.timestamp <= self.floor:
            self.too_old += 1
            return []
        changed = [] if known is None else [self._forget(record.key)]
        self.raised += 1
        followed = record.lasting and self.open_count + len(self.closing) < MAX_OPEN
        if (record.lasting and not followed) or self._waiting_bytes > MAX_WAITING_BYTES:  # nobody needs a page for each
            settings = settings.model_copy(update={"group_by": Grouping.ELEMENT})
        group = self._group(record, settings)
        group.total += 1
        if followed:
            group.open[record.key] = record.timestamp
            self._group_of[record.key] = group.id
        else:
            group.unfollowed += 1
            self._end(record.key, record.timestamp)
        return [*changed, group]

    def _resolve(self, record: IncidentRecord) -> list[Group]:
        began = self._open_since(record.key)
        if began is None or record.timestamp < began:
            self.repeated += 1
            if began is None and record.key not in self.ended:
                self._end(record.key, record.timestamp)
            return []
        self.resolved += 1
        self._end(record.key, record.timestamp)
        return [self._forget(record.key)]

    def _group(self, record: IncidentRecord, settings: ClusterSettings) -> Group:
        group_id = record.key if settings.group_by is Grouping.INCIDENT else element_id(record)
        declaration = declaration_of(self.cluster, record, settings)
        full = len(self.groups) >= MAX_GROUPS or self._waiting_bytes > 2 * MAX_WAITING_BYTES
        if full and group_id not in self.groups:
            group_id, declaration = _OVERFLOW, one_of_many(declaration)
        group = self.groups.get(group_id)
        if group is None:
            group = self.groups[group_id] = Group(id=group_id, key="")
        self.plan(group, None)
        group.key = f"zeebe/{self.cluster}/{group_id}/{record.partition}-{record.position}-{record.timestamp}"
        self.plan(group, declaration)
        return group

    def _open_since(self, key: str) -> int | None:
        group_id = self._group_of.get(key)
        return None if group_id is None else self.groups[group_id].open[key]

    def _forget(self, key: str) -> Group:
        group = self.groups[self._group_of.pop(key)]
        del group.open[key]
        if group.over:
            self.closing.append(self.groups.pop(group.id))
        return group

    def _end(self, key: str, at: int) -> None:
        self.ended.pop(key, None)
        self.ended[key] = at
        if len(self.ended) > MAX_ENDED:
            oldest = next(iter(self.ended))
            self.floor = max(self.floor, self.ended.pop(oldest))


class ClusterActivity(BaseModel):
    """What came of a cluster's records so far.

    Attributes:
        repeated: records of incidents that were known already, or over.
        too_old: created before all of the last 10,000 that ended, so that nobody can tell whether they are repeats.
        open: Zeebe incidents that are open.
        incidents: the open incidents of ours, the first 20.
    """

    raised: int = 0
    resolved: int = 0
    repeated: int = 0
    too_old: int = 0
    open: int = 0
    groups_open: int = 0
    last_record_at: datetime | None = None
    incidents: list[str] = []


def activity_of(state: ClusterState) -> ClusterActivity:
    """The counts of a cluster, for people."""
    known = [group.incident_id for group in state.groups.values() if group.incident_id]
    last = datetime.fromtimestamp(state.last_record_at / 1000, UTC) if state.last_record_at else None
    return ClusterActivity(
        **state.model_dump(include={"raised", "resolved", "repeated", "too_old"}),
        open=state.open_count,
        groups_open=len(state.groups),
        last_record_at=last,
        incidents=known[:20],
    )


def element_id(record: IncidentRecord) -> str:
    """64 bits of SHA-256 of process, element and error type, in hexadecimal."""
    named = f"{record.process_id}\0{record.element_id}\0{record.error_type}"
    return hashlib.sha256(named.encode()).hexdigest()[:16]
