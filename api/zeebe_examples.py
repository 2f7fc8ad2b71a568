"""Examples of Zeebe clusters and records for OpenAPI; tests read each of them with the model it stands for."""

import json
from typing import Any

_AT = "2025-12-26T14:30:00Z"

ADD_CLUSTER: dict[str, Any] = {
    "name": "prod",
    "generate_token": True,
    "group_by": "element",
    "rules": ["JOB_NO_RETRIES@payment-*=SEV-1"],
    "operate_url": "https://operate.example.com/processes/{processInstanceKey}",
}
UPDATE_CLUSTER: dict[str, Any] = {"severity": "SEV-2", "rules": ["*@billing=SEV-1"]}
CLUSTER: dict[str, Any] = {
    "name": "prod",
    "token": "set",
    "alerts": False,
    "group_by": "element",
    "rules": ["JOB_NO_RETRIES@payment-*=SEV-1"],
    "severity": "SEV-3",
    "operate_url": "https://operate.example.com/processes/{processInstanceKey}",
    "created_at": _AT,
    "updated_at": _AT,
}
CLUSTER_CHANGED: dict[str, Any] = {"cluster": CLUSTER, "token": "(shown this once)", "warnings": []}
CLUSTER_DETAIL: dict[str, Any] = CLUSTER | {
    "activity": {
        "raised": 42,
        "resolved": 40,
        "repeated": 3,
        "too_old": 0,
        "open": 2,
        "groups_open": 1,
        "last_record_at": _AT,
        "incidents": ["INC-7"],
    }
}

RECORD: dict[str, Any] = {
    "partitionId": 1,
    "position": 4242,
    "sourceRecordPosition": 4240,
    "key": 2251799813685263,
    "timestamp": 1766759400123,
    "recordType": "EVENT",
    "valueType": "INCIDENT",
    "intent": "CREATED",
    "brokerVersion": "8.8.2",
    "value": {
        "errorType": "JOB_NO_RETRIES",
        "errorMessage": "card declined",
        "bpmnProcessId": "order",
        "processDefinitionKey": 2251799813685300,
        "processInstanceKey": 2251799813685301,
        "elementId": "charge-card",
        "elementInstanceKey": 2251799813685302,
        "jobKey": 2251799813685303,
        "tenantId": "<default>",
    },
}
RECORD_LINE = json.dumps(RECORD, separators=(",", ":")) + "\n"
ALERTS: dict[str, Any] = {
    "clusterName": "prod",
    "clusterId": "88d32bfc-0000-0000-0000-000000000000",
    "operateBaseUrl": "https://console.cloud.camunda.io/org/1/cluster/2/operate",
    "clusterUrl": "https://console.cloud.camunda.io/org/1/cluster/2",
    "alerts": [
        {
            "operateUrl": "https://console.cloud.camunda.io/org/1/cluster/2/operate/#/instances/2251799813685301",
            "processInstanceId": "2251799813685301",
            "errorMessage": "card declined",
            "errorType": "JOB_NO_RETRIES",
            "flowNodeId": "charge-card",
            "jobKey": 2251799813685303,
            "creationTime": "2025-12-26T14:30:00.000+0000",
            "processName": "order",
            "processVersion": 1,
        }
    ],
}
RECEIPT: dict[str, Any] = {
    "cluster": "prod",
    "raised": 2,
    "resolved": 1,
    "beats": 1,
    "ignored": 5,
    "bad": [{"place": 3, "reason": "key is missing"}],
}
