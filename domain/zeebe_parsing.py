"""Zeebe records out of a body: one record, an array, one a line (NDJSON), or what Elasticsearch makes of them.

The record is the JSON of Zeebe's exporters, in the names of today and of 2020 (workflowKey, workflowInstanceKey).
"""

import codecs
import hashlib
import re
from collections.abc import Iterator
from typing import Any

from domain.errors import InvalidRequestError, TooLargeError
from domain.event_errors import InvalidEventError
from domain.source_errors import InvalidRecordError
from domain.strict_json import load_json
from domain.zeebe import BadRecord, IncidentRecord, OtherRecord, ParsedRecords
from domain.zeebe_fields import (
    LATEST,
    UnusableError,
    key_in,
    message_in,
    moment_in,
    moment_or_none,
    name_in,
    needed,
    printable,
)

MAX_RECORDS = 10_000
MAX_LINK = 2048

_ACTIONS = frozenset({"index", "create", "update", "delete"})  # lines of Elasticsearch's _bulk that are no documents


class _NoRecordError(UnusableError):
    """Something that is no record at all."""


def parse_records(body: bytes, latest: int = LATEST) -> ParsedRecords:
    """The records of a body, sorted out; a bad one is named by its place, and the others are taken.

    A place is a line where the body has a record a line, otherwise a member of the array; both from 0.

    Args:
        body: as it was sent.
        latest: the latest timestamp, in ms since 1970, that is no mistake.

    Raises:
        InvalidRecordError: not one record is in it.
        TooLargeError: more than 10,000 are.
    """
    parsed, strangers = ParsedRecords(), 0
    for count, (place, record) in enumerate(_places(body), start=1):
        _check_count(count)
        try:
            _sort(record, parsed, latest)
        except UnusableError as error:
            strangers += isinstance(error, _NoRecordError)
            parsed.bad.append(BadRecord(place=place, reason=str(error)))
    if strangers and strangers == len(parsed.bad) and not (parsed.incidents or parsed.others):
        raise InvalidRecordError(reason=parsed.bad[0].reason)
    return parsed


def parse_alerts(body: bytes, latest: int = LATEST) -> ParsedRecords:
    """The alerts of a webhook of the Camunda SaaS console, as incidents whose end nobody will tell.

    Args:
        body: as it was sent.
        latest: as for `parse_records`.

    Raises:
        InvalidRequestError: it is no such webhook.
        TooLargeError: more than 10,000 alerts.
    """
    try:
        document = load_json(body)
    except InvalidEventError as error:
        raise InvalidRequestError(reason=f"no alert of the Camunda console: {_fault(error)}") from None
    alerts = document.get("alerts") if isinstance(document, dict) else None
    if not isinstance(alerts, list):
        raise InvalidRequestError(reason="no alert of the Camunda console: it has no list 'alerts'")
    _check_count(len(alerts))
    parsed = ParsedRecords()
    for place, alert in enumerate(alerts):
        try:
            parsed.incidents.append(_of_alert(alert, latest))
        except UnusableError as error:
            parsed.bad.append(BadRecord(place=place, reason=str(error)))
    return parsed


def _places(body: bytes) -> Iterator[tuple[int, Any]]:
    """Each record of a body, or what stands in its place: `_NoRecordError` for what is not JSON."""
    body = body.removeprefix(codecs.BOM_UTF8)
    lines = body.split(b"\n")
    try:
        found = members(load_json(body))
    except InvalidEventError as error:
        filled = sum(bool(line.strip()) for line in lines)
        if filled <= 1:
            raise InvalidRecordError(reason=_fault(error) if filled else "the body is empty") from None
        yield from _by_line(lines)
    else:
        yield from ((place, _unwrapped(member)) for place, member in enumerate(found) if not _is_action(member))


def _by_line(lines: list[bytes]) -> Iterator[tuple[int, Any]]:
    for place, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            document = load_json(line)
        except InvalidEventError as error:
            yield place, _NoRecordError(_fault(error))
        else:
            yield from ((place, _unwrapped(member)) for member in members(document) if not _is_action(member))


def members(document: Any) -> list[Any]:
    """The members of an array or of the answer to a search; otherwise the document itself, alone."""
    if isinstance(document, dict) and isinstance(found := document.get("hits"), dict):
        document = found.get("hits", document)
    return document if isinstance(document, list) else [document]


def _is_action(member: Any) -> bool:
    return isinstance(member, dict) and len(member) == 1 and not _ACTIONS.isdisjoint(member)


def _unwrapped(member: Any) -> Any:
    return member["_source"] if isinstance(member, dict) and "_source" in member else member


def _check_count(count: int) -> None:
    if count > MAX_RECORDS:
        raise TooLargeError(reason=f"the body has more than {MAX_RECORDS} records; send fewer at a time")


def _fault(error: InvalidEventError) -> str:
    return str(error.data["reason"]).removeprefix("it is ")


def _sort(record: Any, parsed: ParsedRecords, latest: int) -> None:
    if isinstance(record, _NoRecordError):
        raise record
    if not isinstance(record, dict):
        raise _NoRecordError("it is no JSON object")
    for name in ("valueType", "recordType", "intent"):
        if not isinstance(record.get(name), str):
            raise _NoRecordError(f"{name} is missing")
    value, intent = record.get("value"), record["intent"]
    if (record["valueType"], record["recordType"]) == ("INCIDENT", "EVENT") and intent in {"CREATED", "RESOLVED"}:
        if not isinstance(value, dict):
            raise UnusableError("value is missing")
        parsed.incidents.append(_of_record(record, value, latest))
    else:
        process = value.get("bpmnProcessId") if isinstance(value, dict) else None
        name = printable(process) if isinstance(process, str) else ""
        parsed.others.append(OtherRecord(process_id=name, timestamp=moment_or_none(record)))


def _of_record(record: dict[str, Any], value: dict[str, Any], latest: int) -> IncidentRecord:
    return IncidentRecord(
        resolved=record["intent"] == "RESOLVED",
        key=str(needed(record, "key")),
        partition=needed(record, "partitionId"),
        position=str(needed(record, "position")),
        timestamp=needed(record, "timestamp", latest),
        error_type=name_in(value, "errorType") or "UNKNOWN",
        error_message=message_in(value),
        process_id=name_in(value, "bpmnProcessId"),
        element_id=name_in(value, "elementId"),
        process_instance_key=key_in(value, "processInstanceKey") or key_in(value, "workflowInstanceKey"),
        process_definition_key=key_in(value, "processDefinitionKey") or key_in(value, "workflowKey"),
        element_instance_key=key_in(value, "elementInstanceKey"),
        job_key=key_in(value, "jobKey"),
        tenant_id=name_in(value, "tenantId") or None,
        broker_version=name_in(record, "brokerVersion") or None,
    )


def _of_alert(alert: Any, latest: int) -> IncidentRecord:
    if not isinstance(alert, dict):
        raise UnusableError("it is no JSON object")
    instance, created = str(needed(alert, "processInstanceId")), moment_in(alert, "creationTime")
    if created > latest:
        raise UnusableError("creationTime is in the future")
    element, error_type = name_in(alert, "flowNodeId"), name_in(alert, "errorType") or "UNKNOWN"
    known_by = "\0".join((instance, element, error_type, str(created)))
    link = alert.get("operateUrl")
    return IncidentRecord(
        key=hashlib.sha256(known_by.encode()).hexdigest()[:32],
        timestamp=created,
        error_type=error_type,
        error_message=message_in(alert),
        process_id=name_in(alert, "processName"),
        element_id=element,
        process_instance_key=instance,
        job_key=key_in(alert, "jobKey"),
        link=link if isinstance(link, str) and _is_link(link) else None,
        lasting=False,
    )


def _is_link(text: str) -> bool:
    return re.fullmatch(r"https?://[\x21-\x7e]+", text) is not None and len(text) <= MAX_LINK
