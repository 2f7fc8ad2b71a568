"""What records of a Zeebe cluster look like: the JSON that exporters post, as of Camunda 8.8 and as of 2020 (0.22)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Record = dict[str, Any]

VERSION = "8.8.2"
TENANT = "<default>"
NO_CONDITION = "Expected at least one condition to evaluate to true, or to have a default flow"
NONE = -1  # what Zeebe writes where there is no key


class Dialect(StrEnum):
    """The names that a record uses."""

    CURRENT = "current"
    OF_2020 = "2020"


@dataclass(frozen=True)
class Task:
    """An element of a process, and how it goes wrong."""

    process: str
    element: str
    error_type: str
    error_message: str
    job_type: str | None = None


TASKS = (
    Task(
        "order",
        "charge-card",
        "JOB_NO_RETRIES",
        "java.net.SocketTimeoutException: Read timed out\n\tat com.example.Card.charge(Card.java:42)",
        "payment",
    ),
    Task("order", "reserve-stock", "JOB_NO_RETRIES", "HTTP 503 from https://stock.example.com/reserve", "stock"),
    Task(
        "order",
        "cancel-order",
        "UNHANDLED_ERROR_EVENT",
        "Expected to throw an error event with the code 'OUT_OF_STOCK', but it was not caught.",
        "cancel",
    ),
    Task("invoice", "approved", "CONDITION_ERROR", NO_CONDITION),
    Task("invoice", "render-pdf", "IO_MAPPING_ERROR", "Assertion failure on evaluate the expression '{total: sum}'"),
    Task("onboarding", "rate-risk", "CALLED_DECISION_ERROR", "no decision found for id 'risk'"),
    Task("onboarding", "check-identity", "CALLED_ELEMENT_ERROR", "no process found for id 'identity'"),
)


@dataclass(frozen=True)
class Instance:
    """A process instance that stands at an element; its parts are known by their keys."""

    task: Task
    partition: int
    key: int
    definition: int
    element: int
    job: int

    def named(self, dialect: Dialect) -> Record:
        """Where it stands, as every value says it."""
        old = dialect is Dialect.OF_2020
        return {
            "bpmnProcessId": self.task.process,
            "workflowKey" if old else "processDefinitionKey": self.definition,
            "workflowInstanceKey" if old else "processInstanceKey": self.key,
            "elementId": self.task.element,
            **({} if old else {"tenantId": TENANT}),
        }


def make_record(dialect: Dialect, what: str, value: Record, **places: Any) -> Record:
    """A whole record.

    Args:
        dialect: whose names it uses.
        what: value type, record type and intent, such as ``INCIDENT EVENT CREATED``.
        value: its value.
        places: partitionId, position, sourceRecordPosition, key and timestamp.
    """
    value_type, record_type, intent = what.split()
    rejected = record_type == "COMMAND_REJECTION"
    record = places | {
        "recordType": record_type,
        "valueType": "WORKFLOW_INSTANCE" if what.startswith("PROCESS") and dialect is Dialect.OF_2020 else value_type,
        "intent": intent,
        "rejectionType": "NOT_FOUND" if rejected else "NULL_VAL",
        "rejectionReason": "Expected to find job, but no such job was found" if rejected else "",
        "value": value,
    }
    if dialect is Dialect.OF_2020:
        return record
    return record | {
        "brokerVersion": VERSION,
        "recordVersion": 1,
        "authorizations": {"authorized_tenants": [TENANT]},
        "operationReference": NONE,
        "batchOperationReference": NONE,
    }


def incident_value(dialect: Dialect, instance: Instance) -> Record:
    """The value of an INCIDENT."""
    value = instance.named(dialect) | {
        "elementInstanceKey": instance.element,
        "errorType": instance.task.error_type,
        "errorMessage": instance.task.error_message,
        "jobKey": instance.job,
        "variableScopeKey": instance.element,
    }
    if dialect is Dialect.OF_2020:
        return value
    return value | {
        "elementInstancePath": [[instance.key, instance.element]],
        "processDefinitionPath": [instance.definition],
        "callingElementPath": [],
        "rootProcessInstanceKey": instance.key,
    }


def unknown_incident(dialect: Dialect) -> Record:
    """The value of the command to resolve an incident, which names it by its key alone."""
    nobody = Instance(Task("", "", "UNKNOWN", ""), 0, NONE, NONE, NONE, NONE)
    return incident_value(dialect, nobody)


def job_value(dialect: Dialect, instance: Instance, message: str = "") -> Record:
    """The value of a JOB; one with an error message has no retries left."""
    value: Record = {
        "type": instance.task.job_type or "work",
        "retries": 0 if message else 3,
        "worker": "worker-1",
        "deadline": NONE,
        "errorMessage": message,
        "variables": {},
        "customHeaders": {},
    }
    where = instance.named(dialect) | {"elementInstanceKey": instance.element}
    if dialect is Dialect.OF_2020:
        return value | {"headers": where}
    return value | where | {"errorCode": "", "jobKind": "BPMN_ELEMENT", "retryBackoff": 0}


def element_value(dialect: Dialect, instance: Instance) -> Record:
    """The value of a PROCESS_INSTANCE, which was a WORKFLOW_INSTANCE in 2020."""
    kind = "SERVICE_TASK" if instance.task.job_type else "EXCLUSIVE_GATEWAY"
    return instance.named(dialect) | {"bpmnElementType": kind, "version": 1, "flowScopeKey": instance.key}


def variable_value(dialect: Dialect, instance: Instance) -> Record:
    """The value of a VARIABLE."""
    where = instance.named(dialect)
    del where["elementId"]
    return where | {"name": "total", "value": "42.5", "scopeKey": instance.key}


def canary_task(process: str) -> Task:
    """The element of `examples/zeebe/canary.bpmn` that raises its incident."""
    return Task(process, "no-way-out", "CONDITION_ERROR", NO_CONDITION)
