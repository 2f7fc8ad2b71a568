"""A Zeebe cluster that does not exist: its records, in the order in which an exporter would be handed them.

Time and chance are handed in, so that the same seed at the same times gives the same records.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from cli.simulated_records import (
    NONE,
    TASKS,
    Dialect,
    Instance,
    Record,
    Task,
    canary_task,
    element_value,
    incident_value,
    job_value,
    make_record,
    unknown_incident,
    variable_value,
)

RECORDS_TO_RAISE = 3
MOST_INCIDENTS = 0.2  # each takes three records to raise and two to resolve
PARTITION_BITS = 51  # Zeebe's keys: the partition above, a counter below


@dataclass(frozen=True)
class Mix:
    """What the cluster does.

    Attributes:
        incidents: share of records that say an incident was created, 0 to 0.2.
        resolve_after_ms: how long an incident is open; None: it stays so.
        canary: process id of the canary; None: there is none.
        canary_every_ms: how far apart its incidents are.
        burst: how many incidents one bad deployment raises at the start, all at one element.
        partitions: how many; keys on the fourth and beyond are past 2^53.
    """

    incidents: float = 0.01
    resolve_after_ms: int | None = 5000
    canary: str | None = None
    canary_every_ms: int = 10_000
    burst: int = 0
    partitions: int = 3
    dialect: Dialect = Dialect.CURRENT


class _Partition:
    """The end of a partition's log. Keys and positions go on from the time of the start, so that no two runs clash."""

    def __init__(self, number: int, began: int) -> None:
        self.number = number
        self.position = began
        self._key = (number << PARTITION_BITS) + (began << 8)

    def key(self) -> int:
        self._key += 1
        return self._key


@dataclass(frozen=True)
class _Open:
    key: int
    instance: Instance
    since: int


class SimulatedCluster:
    """The records of a cluster, one after the other.

    Args:
        chance: decides what happens next.
        mix: what the cluster does.
        began: ms since 1970.

    Attributes:
        count: records given out.
        raised: incidents whose CREATED was given out, without those of the canary.
        resolved: those whose RESOLVED was.
        beats: incidents of the canary that were raised; each is resolved at once.
    """

    def __init__(self, chance: Random, mix: Mix, began: int) -> None:
        self._chance = chance
        self._mix = mix
        self._partitions = [_Partition(number, began) for number in range(1, mix.partitions + 1)]
        self._definitions: dict[str, int] = {}
        self._ready: deque[Record] = deque()
        self._open: deque[_Open] = deque()
        self._deployed_badly, self._burst_left = chance.choice(TASKS), mix.burst
        self._canary_at = began
        self.count = self.raised = self.resolved = self.beats = 0

    def next(self, now: int) -> Record:
        """The next record at this time (ms since 1970)."""
        if not self._ready:
            self._ready.extend(self._happening(now))
        return self._given(self._ready.popleft())

    def ending(self, now: int) -> Iterator[Record]:
        """What is still to be told when the cluster ends: every incident is resolved, unless it is to stay open."""
        while self._open and self._mix.resolve_after_ms is not None:
            self._ready.extend(self._resolve(now))
        while self._ready:
            yield self._given(self._ready.popleft())

    def _given(self, record: Record) -> Record:
        self.count += 1
        if (record["valueType"], record["recordType"]) == ("INCIDENT", "EVENT"):
            canary, created = record["value"]["bpmnProcessId"] == self._mix.canary, record["intent"] == "CREATED"
            self.beats += canary and created
            self.raised += created and not canary
            self.resolved += not created and not canary
        return record

    def _happening(self, now: int) -> Iterator[Record]:
        mix = self._mix
        if mix.canary is not None and now >= self._canary_at:
            self._canary_at = now + mix.canary_every_ms
            return self._canary(mix.canary, now)
        if self._burst_left:
            self._burst_left -= 1
            return self._raise(self._deployed_badly, now)
        steady = self.count + 1 - mix.burst * RECORDS_TO_RAISE
        if self.raised - mix.burst < int(steady * mix.incidents + 0.5):
            return self._raise(self._chance.choice(TASKS), now)
        if mix.resolve_after_ms is not None and self._open and now >= self._open[0].since + mix.resolve_after_ms:
            return self._resolve(now)
        return self._traffic(now)

    def _raise(self, task: Task, now: int) -> Iterator[Record]:
        instance = self._instance(task)
        value = incident_value(self._mix.dialect, instance)
        yield from self._before(instance, value, now)
        incident = self._key(instance.partition)
        yield self._record(instance, now, "INCIDENT EVENT CREATED", incident, value)
        self._open.append(_Open(incident, instance, now))

    def _before(self, instance: Instance, incident: Record, now: int) -> Iterator[Record]:
        """What leads to an incident. Only brokers of 2020 write a command to create one."""
        dialect, task = self._mix.dialect, instance.task
        sort = "JOB" if task.job_type else "PROCESS_INSTANCE"
        key = instance.job if task.job_type else instance.element
        value = job_value(dialect, instance, task.error_message) if task.job_type else element_value(dialect, instance)
        if dialect is Dialect.CURRENT:
            command = "JOB COMMAND FAIL" if task.job_type else "PROCESS_INSTANCE COMMAND ACTIVATE_ELEMENT"
            yield self._record(instance, now, command, key, value)
        event = "FAILED" if task.job_type else "ELEMENT_ACTIVATING"
        yield self._record(instance, now, f"{sort} EVENT {event}", key, value)
        if dialect is Dialect.OF_2020:
            yield self._record(instance, now, "INCIDENT COMMAND CREATE", NONE, incident)

    def _resolve(self, now: int) -> Iterator[Record]:
        ended, dialect = self._open.popleft(), self._mix.dialect
        yield self._record(ended.instance, now, "INCIDENT COMMAND RESOLVE", ended.key, unknown_incident(dialect))
        value = incident_value(dialect, ended.instance)
        yield self._record(ended.instance, now, "INCIDENT EVENT RESOLVED", ended.key, value)

    def _canary(self, process: str, now: int) -> Iterator[Record]:
        yield from self._raise(canary_task(process), now)
        ended = self._open.pop()
        value = incident_value(self._mix.dialect, ended.instance)
        yield self._record(ended.instance, now, "INCIDENT EVENT RESOLVED", ended.key, value)

    def _traffic(self, now: int) -> Iterator[Record]:
        dialect, instance = self._mix.dialect, self._instance(self._chance.choice(TASKS))
        job, element = job_value(dialect, instance), element_value(dialect, instance)
        kinds: list[tuple[str, int, Record]] = [
            ("PROCESS_INSTANCE EVENT ELEMENT_ACTIVATED", instance.element, element),
            ("PROCESS_INSTANCE EVENT ELEMENT_COMPLETED", instance.element, element),
            ("PROCESS_INSTANCE COMMAND COMPLETE_ELEMENT", instance.element, element),
            ("JOB EVENT CREATED", instance.job, job),
            ("JOB EVENT COMPLETED", instance.job, job),
            ("JOB COMMAND_REJECTION COMPLETE", instance.job, job),
            ("VARIABLE EVENT CREATED", instance.element, variable_value(dialect, instance)),
        ]
        what, key, value = self._chance.choice(kinds)
        yield self._record(instance, now, what, key, value)

    def _instance(self, task: Task) -> Instance:
        partition = self._chance.randint(1, len(self._partitions))
        if task.process not in self._definitions:
            self._definitions[task.process] = self._key(1)
        return Instance(
            task=task,
            partition=partition,
            key=self._key(partition),
            definition=self._definitions[task.process],
            element=self._key(partition),
            job=self._key(partition) if task.job_type else NONE,
        )

    def _key(self, partition: int) -> int:
        return self._partitions[partition - 1].key()

    def _record(self, instance: Instance, now: int, what: str, key: int, value: Record) -> Record:
        partition = self._partitions[instance.partition - 1]
        source, partition.position = partition.position, partition.position + self._chance.randint(1, 4)
        return make_record(
            self._mix.dialect,
            what,
            value,
            partitionId=partition.number,
            position=partition.position,
            sourceRecordPosition=source,
            key=key,
            timestamp=now,
        )
