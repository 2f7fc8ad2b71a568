"""Routes of Zeebe: the door for exporters, the door for the SaaS console's alerts, and the clusters that may speak."""

from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Query, Request, Response, Security
from fastapi.security import APIKeyHeader, HTTPBearer

from api import examples, zeebe_examples
from api.dependencies import ApiGateway
from api.hosts import is_local
from api.pages import DEFAULT_LIMIT, Cursor, Limit, Page, link_by_name, page_of
from api.problems import problems
from api.scopes import ScopedRoute
from api.urls import ALERTS_PATH, PREFIX, RECORDS_PATH, location
from api.zeebe_bodies import ALERTS_BODY, RECORDS_BODY, AddCluster, UpdateCluster
from domain.zeebe import IngestReceipt
from service.zeebe_clusters import ClusterChanged, ClusterDetail, ClusterView

SIGNATURE_HEADER = "X-Camunda-Signature-256"

# Both only declare a scheme in OpenAPI: the gateway checks what was sent.
_CLUSTER_TOKEN = Security(
    HTTPBearer(
        auto_error=False,
        scheme_name="cluster",
        description="The cluster's token, or one with the scope `ingest:<cluster>`; with or without Bearer.",
    )
)
_SIGNATURE = Security(
    APIKeyHeader(
        name=SIGNATURE_HEADER,
        auto_error=False,
        scheme_name="signature",
        description="HMAC-SHA256 of the body with the cluster's alert secret, in hexadecimal.",
    )
)

doors = APIRouter(tags=["zeebe"])
router = APIRouter(prefix="/zeebe/clusters", tags=["zeebe"], route_class=ScopedRoute)


@doors.post(
    RECORDS_PATH.removeprefix(PREFIX),
    operation_id="ingestZeebeRecords",
    summary="Take in records of a Zeebe exporter",
    dependencies=[_CLUSTER_TOKEN],
    responses=examples.answer(200, zeebe_examples.RECEIPT) | problems(408, 413, 415),
    openapi_extra=RECORDS_BODY,
)
async def ingest_records(
    request: Request,
    gateway: ApiGateway,
    cluster: Annotated[
        str | None,
        Query(max_length=63, description="Needed only where several could be meant: without token, or by its scopes."),
    ] = None,
) -> IngestReceipt:
    """Answered once Temporal has them, so that the exporter can go on; the same records again change nothing.

    ``bad`` names records that cannot be used: by line if each is on a line of its own, otherwise by place.
    """
    _refuse_encoded(request)
    given = request.headers.get("authorization")
    with gateway.door.passing():  # a canary's beat may be among what is refused
        found = await gateway.zeebe.authorised(given, loopback=is_local(request.scope), cluster=cluster)
    body = await request.body()  # an exporter that breaks off is no fault of ours
    with gateway.door.passing():
        return await gateway.zeebe.accept(found, body)


@doors.post(
    ALERTS_PATH.removeprefix(PREFIX),
    operation_id="ingestCamundaAlerts",
    summary="Take in alerts of the Camunda SaaS console",
    dependencies=[_SIGNATURE],
    responses=examples.answer(200, zeebe_examples.RECEIPT) | problems(408, 413, 415),
    openapi_extra=ALERTS_BODY,
)
async def ingest_alerts(
    request: Request,
    gateway: ApiGateway,
    signature: Annotated[str | None, Header(alias=SIGNATURE_HEADER, include_in_schema=False)] = None,
) -> IngestReceipt:
    """Each becomes an incident that somebody must resolve here: the console does not say when a Zeebe incident ends."""
    _refuse_encoded(request)
    await gateway.zeebe.expect_alerts(signature)
    return await gateway.zeebe.accept_alerts(await request.body(), signature)


def _refuse_encoded(request: Request) -> None:
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415, "a Content-Encoding is not understood; send the body as it is")


@router.post(
    "",
    status_code=201,
    operation_id="addZeebeCluster",
    summary="Add a Zeebe cluster",
    responses=examples.answer(201, zeebe_examples.CLUSTER_CHANGED) | problems(409, 413, 415),
)
async def add_cluster(body: AddCluster, gateway: ApiGateway, response: Response) -> ClusterChanged:
    """Its records are taken in after this answer. A generated token is shown here and never again."""
    changed = await gateway.zeebe.add_cluster(**body.arguments())
    response.headers["Location"] = location("zeebe", "clusters", changed.cluster.name)
    return changed


@router.get(
    "",
    operation_id="listZeebeClusters",
    summary="List Zeebe clusters",
    responses=examples.listed(zeebe_examples.CLUSTER),
)
async def list_clusters(
    gateway: ApiGateway, response: Response, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[ClusterView]:
    """Clusters by name, a page at a time."""
    page = page_of(await gateway.zeebe.clusters(), lambda row: row.name, limit, cursor)
    link_by_name(response, limit, page.next_cursor, "zeebe", "clusters")
    return page


@router.get(
    "/{name}",
    operation_id="getZeebeCluster",
    summary="Show a Zeebe cluster",
    responses=examples.answer(200, zeebe_examples.CLUSTER_DETAIL) | problems(404),
)
async def get_cluster(name: str, gateway: ApiGateway) -> ClusterDetail:
    """How it is set up, and what came of its records. Tokens and secrets cannot be read back."""
    return await gateway.zeebe.cluster(name)


@router.patch(
    "/{name}",
    operation_id="updateZeebeCluster",
    summary="Change a Zeebe cluster or its token",
    responses=examples.answer(200, zeebe_examples.CLUSTER_CHANGED) | problems(404, 413, 415),
)
async def update_cluster(name: str, body: UpdateCluster, gateway: ApiGateway) -> ClusterChanged:
    """Applies to records that arrive after this answer; incidents that are open stay as they are."""
    return await gateway.zeebe.update_cluster(name, **body.arguments())


@router.delete(
    "/{name}",
    status_code=204,
    operation_id="removeZeebeCluster",
    summary="Remove a Zeebe cluster",
    responses=problems(404),
)
async def remove_cluster(name: str, gateway: ApiGateway) -> None:
    """Its records are refused after this answer; incidents that are open stay open.

    API tokens lose their scope `ingest:` for it, and those that have no other scope are revoked.
    """
    await gateway.zeebe.remove_cluster(name)
