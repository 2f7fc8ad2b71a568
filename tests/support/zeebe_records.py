"""Exported records and console alerts for tests, with only the interesting part spelt out."""

import json
from typing import Any

from hypothesis import strategies as st

KEY = 2251799813685263  # on partition 1; on partition 4 keys are past 2^53
BIG_KEY = 9007199254740993  # 2^53 + 1: the first that a double cannot hold

SEED: dict[str, Any] = {  # of 2020, as Zeebe Incident Alerter posts it
    "partitionId": 1,
    "value": {
        "errorMessage": "No data found for query does_not_exist.",
        "bpmnProcessId": "create-incident",
        "workflowKey": 2251799813685249,
        "elementId": "Task_194z010",
        "elementInstanceKey": 2251799813685262,
        "workflowInstanceKey": 2251799813685258,
        "errorType": "IO_MAPPING_ERROR",
        "jobKey": -1,
        "variableScopeKey": 2251799813685262,
    },
    "sourceRecordPosition": 4294998144,
    "position": 4294998496,
    "recordType": "EVENT",
    "valueType": "INCIDENT",
    "timestamp": 1580785145828,
    "intent": "CREATED",
    "rejectionType": "NULL_VAL",
    "rejectionReason": "",
    "key": KEY,
}


def incident(value: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    """An incident's record as Camunda 8 writes it, with parts of it and of its value replaced."""
    return {
        "position": 4242,
        "sourceRecordPosition": 4240,
        "key": KEY,
        "timestamp": 1766759400123,
        "recordType": "EVENT",
        "valueType": "INCIDENT",
        "intent": "CREATED",
        "rejectionType": "NULL_VAL",
        "rejectionReason": "",
        "partitionId": 1,
        "brokerVersion": "8.8.2",
        "recordVersion": 1,
        "authorizations": {},
        "value": {
            "errorType": "JOB_NO_RETRIES",
            "errorMessage": "card declined",
            "bpmnProcessId": "order",
            "processDefinitionKey": 2251799813685300,
            "processInstanceKey": 2251799813685301,
            "elementId": "charge-card",
            "elementInstanceKey": 2251799813685302,
            "jobKey": 2251799813685303,
            "variableScopeKey": 2251799813685302,
            "tenantId": "<default>",
            "elementInstancePath": [[2251799813685301, 2251799813685302]],
        }
        | (value or {}),
    } | parts


def alert(**parts: Any) -> dict[str, Any]:
    """One alert of the SaaS console."""
    return {
        "operateUrl": "https://console.cloud.camunda.io/org/1/cluster/2/operate/#/instances/2251799829404548",
        "processInstanceId": "2251799829404548",
        "errorMessage": "something went wrong",
        "errorType": "JOB_NO_RETRIES",
        "flowNodeId": "node-id",
        "jobKey": 2251799829404549,
        "creationTime": "2025-12-26T14:30:00.123+0000",
        "processName": "order",
        "processVersion": 1,
    } | parts


def alerts(*members: dict[str, Any]) -> bytes:
    """The body of the console's webhook."""
    return json.dumps({"clusterName": "prod", "clusterId": "2", "alerts": list(members)}).encode()


def body(*records: Any) -> bytes:
    """Records as a JSON array."""
    return json.dumps(list(records)).encode()


def ndjson(*records: Any) -> bytes:
    """Records, one a line."""
    return b"\n".join(json.dumps(record).encode() for record in records)


# Any JSON, to be put where something else belongs.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
