"""examples/publisher against the whole platform: answered once each, patient with what passes, quick to say no."""

import asyncio
import importlib.util
import sys
from types import ModuleType
from typing import Any

import pytest

from tests.receivers.harness import VERIFIERS
from tests.support.platform import TOKEN, Platform, unique_name, unique_type
from tests.support.ports import free_port
from tests.support.sink import Answer, Reset, Sink

FOLDER = VERIFIERS.parents[1] / "examples" / "publisher"
ACCEPTED = b'{"event_id": "x", "duplicate": false, "published": true}'


@pytest.fixture(scope="module")
def recipe() -> ModuleType:
    spec = importlib.util.spec_from_file_location("publish_recipe", FOLDER / "publish.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["publish_recipe"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def published(recipe: ModuleType, url: str, event: Any, patience: float = 20, token: str = TOKEN) -> Any:
    with recipe.client(url, token) as http:
        return recipe.publish(http, event, patience)


async def test_an_event_is_delivered_and_accepted_once(platform: Platform, sink: Sink, recipe: ModuleType) -> None:
    event_type = unique_type("published")
    await platform.gateway.subscribers.add(unique_name("published"), sink.url(), types=[event_type])
    event = recipe.Event(event_type, "/tests", {"title": "Zürich"}, subject="a")
    url = str(platform.api.base_url)
    first = await asyncio.to_thread(published, recipe, url, event)
    again = await asyncio.to_thread(published, recipe, url, event)
    assert (first.duplicate, again.duplicate, first.event_id) == (False, True, event.id)
    [request] = await sink.wait_for(1)
    assert (request.headers["ce-id"], request.headers["ce-type"]) == (event.id, event_type)
    other = recipe.Event(event_type, "/tests", {"title": "Basel"}, id=event.id)
    with pytest.raises(recipe.RefusedError) as refused:
        await asyncio.to_thread(published, recipe, url, other)
    assert (refused.value.status, refused.value.code) == (409, "event_conflict")
    with pytest.raises(recipe.RefusedError, match="401"):
        await asyncio.to_thread(published, recipe, url, event, token="not-a-token-of-anybody")


async def test_what_passes_is_waited_out_under_the_same_id(sink: Sink, recipe: ModuleType) -> None:
    sink.script(Reset(), Answer(503, headers={"Retry-After": "1"}), Answer(500), Answer(202, ACCEPTED))
    event = recipe.Event("a.b", "/tests")
    await asyncio.to_thread(published, recipe, sink.url(), event)
    assert len(sink.received) == 4
    assert len({request.body for request in sink.received}) == 1
    assert sink.received[2].at - sink.received[1].at >= 1, "Retry-After is kept to"


async def test_nobody_there_is_given_up_in_the_end(recipe: ModuleType) -> None:
    with pytest.raises(TimeoutError, match="publish it again later"):
        await asyncio.to_thread(published, recipe, f"http://127.0.0.1:{free_port()}", recipe.Event("a.b", "/t"), 0.5)
