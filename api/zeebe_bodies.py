"""What clients may send of Zeebe clusters, and how OpenAPI describes the bodies that exporters send."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, SecretStr

from api import zeebe_examples
from api.bodies import Body
from domain.incidents import Severity
from domain.sources import MAX_RULES, MIN_TOKEN_LENGTH, Grouping

Token = Annotated[
    SecretStr,
    Field(description=f"What the exporter sends as Authorization, of at least {MIN_TOKEN_LENGTH} characters."),
]
AlertSecret = Annotated[SecretStr, Field(description="HMAC secret of the SaaS console's alert webhook; sealed.")]
Rules = Annotated[
    list[str],
    Field(max_length=MAX_RULES, description="``ERROR_TYPE@PROCESS=SEV-n``, the first that applies; * is any text."),
]
OperateUrl = Annotated[
    str, Field(description="Link for people; it may hold {processInstanceKey} and other names of a record.")
]


class AddCluster(Body):
    """A cluster to add: with a token, a generated one, or none; an alert secret alone is enough for a SaaS cluster."""

    model_config = ConfigDict(json_schema_extra={"examples": [zeebe_examples.ADD_CLUSTER]})

    name: str = Field(description="Unique; 1 to 63 letters, digits, dots, dashes or underscores.")
    token: Token | None = None
    generate_token: bool = Field(False, description="Make a token and show it once, in the answer.")
    no_token: bool = Field(False, description="Take its records without a token, from this machine only.")
    alert_secret: AlertSecret | None = None
    group_by: Grouping = Grouping.INCIDENT
    rules: Rules = Field(default_factory=list)
    severity: Severity = Field(Severity.SEV_3, description="Where no rule applies.")
    operate_url: OperateUrl | None = None

    def arguments(self) -> dict[str, Any]:
        """Arguments of the gateway, secrets opened."""
        return _opened(self)


class UpdateCluster(Body):
    """What to change of a cluster; members that are absent or null stay, and ``{}`` changes nothing (200)."""

    model_config = ConfigDict(json_schema_extra={"examples": [zeebe_examples.UPDATE_CLUSTER]})

    token: Token | None = None
    generate_token: bool = Field(False, description="Make a new token and show it once; the former ends at once.")
    no_token: bool = Field(False, description="Drop the token, and take records from this machine only.")
    alert_secret: AlertSecret | None = None
    group_by: Grouping | None = None
    rules: Rules | None = Field(None, description="Replaces all rules; [] drops them.")
    severity: Severity | None = None
    operate_url: OperateUrl | None = None

    def arguments(self) -> dict[str, Any]:
        """Arguments of the gateway, secrets opened."""
        return _opened(self)


def _opened(body: AddCluster | UpdateCluster) -> dict[str, Any]:
    arguments = body.model_dump(exclude={"token", "alert_secret"})
    arguments["token"] = body.token.get_secret_value() if body.token else None
    arguments["alert_secret"] = body.alert_secret.get_secret_value() if body.alert_secret else None
    return arguments


# FastAPI derives no body from a handler that reads the request itself.
RECORDS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A record, an array of records, or one a line; as exporters and Elasticsearch write them. "
        "The content type does not matter. At most 10,000 records and 4 MiB.",
        "content": {
            "application/json": {
                "schema": {"anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]},
                "example": zeebe_examples.RECORD,
            },
            "application/x-ndjson": {"schema": {"type": "string"}, "example": zeebe_examples.RECORD_LINE},
        },
    }
}
ALERTS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "As the console of Camunda 8 SaaS sends it. At most 10,000 alerts and 4 MiB.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["alerts"],
                    "properties": {"alerts": {"type": "array", "items": {"type": "object"}}},
                },
                "example": zeebe_examples.ALERTS,
            }
        },
    }
}
