"""The OpenAPI document that is checked in is the one that is served."""

import json
from pathlib import Path

from api.document import openapi_text
from tests.api.conftest import Service

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"


def test_the_document_in_the_repository_is_up_to_date() -> None:
    assert DOCUMENT.read_text() == openapi_text(), "the API has changed; write it down: make openapi"


async def test_it_is_what_is_served(service: Service) -> None:
    assert (await service.http.get("/openapi.json")).json() == json.loads(DOCUMENT.read_text())
