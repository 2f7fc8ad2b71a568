"""Routes of the configuration as a document."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import ConfigDict

from api import examples
from api.dependencies import ApiGateway
from api.operation_examples import CONFIGURATION, IMPORT
from api.problems import problems
from api.scopes import ScopedRoute
from domain.configuration import Configuration, ImportReport, Secrets


class Document(Configuration):
    """A configuration to import, as it was exported."""

    model_config = ConfigDict(json_schema_extra={"examples": [CONFIGURATION]})


router = APIRouter(prefix="/configuration", tags=["operation"], route_class=ScopedRoute)


@router.get(
    "",
    operation_id="exportConfiguration",
    summary="Export subscribers, HTTP clients, clusters and heartbeats",
    responses=examples.answer(200, CONFIGURATION),
)
async def export_configuration(
    gateway: ApiGateway,
    secrets: Annotated[Secrets, Query(description="``omitted`` leaves out every secret.")] = Secrets.SEALED,
) -> Configuration:
    """Secrets are sealed: they open only with the keys of this deployment."""
    return await gateway.configuration.export(with_secrets=secrets is Secrets.SEALED)


@router.post(
    "",
    operation_id="importConfiguration",
    summary="Make everything as a document has it",
    responses=examples.answer(200, IMPORT) | problems(413, 415),
)
async def import_configuration(
    body: Document,
    gateway: ApiGateway,
    dry_run: Annotated[bool, Query(description="Only say what would change.")] = False,  # noqa: FBT002 - a query parameter
) -> ImportReport:
    """What the document does not name stays as it is. The answer is 200 even if entries were refused: see the rows."""
    return await gateway.configuration.load(body, dry_run=dry_run)
