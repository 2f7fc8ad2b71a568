"""What an incident of ours says of a Zeebe incident: title, severity, details and the link to Operate."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from domain.errors import InvalidRequestError
from domain.incidents import MAX_TITLE, Declaration, Severity, rfc3339
from domain.sources import Grouping, SeverityRule
from domain.zeebe import IncidentRecord


class ClusterSettings(BaseModel):
    """How a cluster's records become incidents, as it was when they arrived."""

    group_by: Grouping = Grouping.INCIDENT
    rules: tuple[SeverityRule, ...] = ()
    severity: Severity = Severity.SEV_3
    operate_url: str | None = None

    def severity_of(self, record: IncidentRecord) -> Severity:
        """The severity of an incident: the first rule that applies, or the cluster's own."""
        applying = (rule.severity for rule in self.rules if rule.applies(record.error_type, record.process_id))
        return next(applying, self.severity)


def declaration_of(cluster: str, record: IncidentRecord, settings: ClusterSettings) -> Declaration:
    """What is declared for a record: error, element and process in the title, everything else in the details."""
    where = f"{record.error_type} at {record.element_id or '?'} in {record.process_id or '?'} ({cluster})"
    message = " ".join(record.error_message.split())
    title = f"{where}: {message}" if message and settings.group_by is Grouping.INCIDENT else where
    return Declaration(
        title=_cut(title),
        severity=settings.severity_of(record),
        actor=f"zeebe/{cluster}",
        details=details_of(cluster, record, settings),
    )


def one_of_many(declaration: Declaration) -> Declaration:
    """The declaration for more than can be told apart, of which the given one is the latest."""
    return declaration.model_copy(update={"title": _cut(f"More Zeebe incidents than can wait; {declaration.title}")})


def details_of(cluster: str, record: IncidentRecord, settings: ClusterSettings) -> dict[str, Any]:
    """What the incident's events say of the record beyond the title."""
    known = record.model_dump(exclude={"resolved", "timestamp", "link", "lasting", "key"}, exclude_none=True)
    link = record.link or operate_link(settings.operate_url, cluster, record)
    return {
        "source": "zeebe",
        "cluster": cluster,
        "incident_key": record.key,
        **known,
        "raised_at": rfc3339(datetime.fromtimestamp(record.timestamp / 1000, UTC)),
        "count": 1,
        **({"operate_url": link} if link else {}),
    }


def operate_link(template: str | None, cluster: str, record: IncidentRecord) -> str | None:
    """The link to Operate, from the cluster's template."""
    if template is None:
        return None
    for name, value in _url_fields(cluster, record).items():
        template = template.replace(f"{{{name}}}", quote(value, safe=""))
    return template


def check_operate_url(template: str) -> str:
    """The same template, if it is an http(s) URL with known names in braces; raises `InvalidRequestError`."""
    names = _url_fields("", IncidentRecord(key="", timestamp=0))
    bare = template
    for name in names:
        bare = bare.replace(f"{{{name}}}", "")
    if not template.startswith(("https://", "http://")) or set(bare) & set("{} \n\r\t"):
        known = ", ".join(f"{{{name}}}" for name in names)
        raise InvalidRequestError(reason=f"the Operate link must be an http(s) URL; it may hold {known}")
    return template


def _cut(title: str) -> str:
    return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1] + "…"


def _url_fields(cluster: str, record: IncidentRecord) -> dict[str, str]:
    return {
        "cluster": cluster,
        "incidentKey": record.key,
        "processInstanceKey": record.process_instance_key or "",
        "processDefinitionKey": record.process_definition_key or "",
        "processId": record.process_id,
        "elementId": record.element_id,
    }
