"""Routes of named HTTP clients."""

from fastapi import APIRouter, Response

from api import examples
from api import http_client_examples as clients
from api.dependencies import ApiGateway
from api.http_client_bodies import AddHttpClient, TryHttpClient, UpdateHttpClient
from api.pages import DEFAULT_LIMIT, Cursor, Limit, Page, link_by_name, page_of
from api.problems import problems
from api.scopes import ScopedRoute
from api.urls import location
from service.http_client_views import HttpClientTrial, HttpClientView

router = APIRouter(prefix="/http-clients", tags=["http-clients"], route_class=ScopedRoute)


@router.post(
    "",
    status_code=201,
    operation_id="addHttpClient",
    summary="Add an HTTP client",
    responses=examples.answer(201, clients.HTTP_CLIENT) | problems(409, 413, 415),
)
async def add_http_client(body: AddHttpClient, gateway: ApiGateway, response: Response) -> HttpClientView:
    """Subscribers may name it after this answer. Keys, passwords and secrets are sealed and cannot be read back."""
    added = await gateway.http_clients.add(**body.arguments())
    response.headers["Location"] = location("http-clients", added.name)
    return added


@router.get(
    "",
    operation_id="listHttpClients",
    summary="List HTTP clients",
    responses=examples.listed(clients.HTTP_CLIENT),
)
async def list_http_clients(
    gateway: ApiGateway, response: Response, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[HttpClientView]:
    """HTTP clients by name, a page at a time, with warnings of certificates that expire within 30 days."""
    page = page_of(await gateway.http_clients.all(), lambda row: row.name, limit, cursor)
    link_by_name(response, limit, page.next_cursor, "http-clients")
    return page


@router.get(
    "/{name}",
    operation_id="getHttpClient",
    summary="Show an HTTP client",
    responses=examples.answer(200, clients.HTTP_CLIENT) | problems(404),
)
async def get_http_client(name: str, gateway: ApiGateway) -> HttpClientView:
    """How it is set up, without its secrets, and who uses it."""
    return await gateway.http_clients.get(name)


@router.patch(
    "/{name}",
    operation_id="updateHttpClient",
    summary="Change an HTTP client",
    responses=examples.answer(200, clients.HTTP_CLIENT) | problems(404, 413, 415),
)
async def update_http_client(name: str, body: UpdateHttpClient, gateway: ApiGateway) -> HttpClientView:
    """Requests that begin after this answer use the new values; those under way end with those they began with."""
    return await gateway.http_clients.update(name, **body.arguments())


@router.delete(
    "/{name}",
    status_code=204,
    operation_id="removeHttpClient",
    summary="Remove an HTTP client",
    responses=problems(404, 409),
)
async def remove_http_client(name: str, gateway: ApiGateway) -> None:
    """Refused while subscribers name it."""
    await gateway.http_clients.remove(name)


@router.post(
    "/{name}/test",
    operation_id="testHttpClient",
    summary="Ask a URL for its head with an HTTP client",
    responses=examples.answer(200, clients.TRIAL) | problems(404, 413, 415),
)
async def test_http_client(name: str, body: TryHttpClient, gateway: ApiGateway) -> HttpClientTrial:
    """The process that serves the API makes the request. The answer is 200 even if it failed: see ``failure``."""
    return await gateway.http_clients.test(name, body.url)
