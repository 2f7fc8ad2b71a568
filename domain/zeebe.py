"""Zeebe incident records as the platform keeps them; keys are strings, because they are beyond 2^53."""

from pydantic import BaseModel, ConfigDict

# Of Zeebe 8.8; newer ones may come.
ERROR_TYPES = (
    "UNKNOWN",
    "IO_MAPPING_ERROR",
    "JOB_NO_RETRIES",
    "EXECUTION_LISTENER_NO_RETRIES",
    "TASK_LISTENER_NO_RETRIES",
    "CONDITION_ERROR",
    "EXTRACT_VALUE_ERROR",
    "CALLED_ELEMENT_ERROR",
    "UNHANDLED_ERROR_EVENT",
    "MESSAGE_SIZE_EXCEEDED",
    "CALLED_DECISION_ERROR",
    "DECISION_EVALUATION_ERROR",
    "FORM_NOT_FOUND",
    "RESOURCE_NOT_FOUND",
)
MAX_MESSAGE = 2000  # characters of an error message that are kept; a stack trace may be long


class IncidentRecord(BaseModel):
    """What an exported record, or an alert of the SaaS console, says of a Zeebe incident.

    Attributes:
        resolved: False for intent CREATED, True for RESOLVED.
        key: of the Zeebe incident, within its cluster.
        partition: and ``position``, the record's place in the log; 0 for an alert.
        timestamp: milliseconds since 1970, by the broker's clock.
        link: to the incident, where the source gives one itself.
        lasting: False where the source never tells of the end (alerts of the SaaS console).
    """

    model_config = ConfigDict(frozen=True)

    resolved: bool = False
    key: str
    partition: int = 0
    position: str = "0"
    timestamp: int
    error_type: str = "UNKNOWN"
    error_message: str = ""
    process_id: str = ""
    element_id: str = ""
    process_instance_key: str | None = None
    process_definition_key: str | None = None
    element_instance_key: str | None = None
    job_key: str | None = None
    tenant_id: str | None = None
    broker_version: str | None = None
    link: str | None = None
    lasting: bool = True


class OtherRecord(BaseModel):
    """A record that raises and resolves nothing; a canary's is a beat all the same.

    Attributes:
        process_id: empty for a record of no process.
        timestamp: milliseconds since 1970; None where it has none that can be read.
    """

    process_id: str = ""
    timestamp: int | None = None


class BadRecord(BaseModel):
    """A record that cannot be used: its place in the body, from 0, and why."""

    place: int
    reason: str


class ParsedRecords(BaseModel):
    """A body of records, sorted out.

    Attributes:
        incidents: records that raise or resolve, in order.
        others: each record that does neither.
        bad: records that cannot be used.
    """

    incidents: list[IncidentRecord] = []
    others: list[OtherRecord] = []
    bad: list[BadRecord] = []


class IngestReceipt(BaseModel):
    """What became of a body of records.

    Attributes:
        raised: records that say an incident was created; a repeat is counted here too, and changes nothing.
        resolved: records that say one was resolved, repeats included.
        beats: records of a canary process; one that is older than the latest beat changes nothing.
        ignored: records that mean nothing here.
        bad: records that could not be used, by their place.
    """

    cluster: str
    raised: int = 0
    resolved: int = 0
    beats: int = 0
    ignored: int = 0
    bad: list[BadRecord] = []
