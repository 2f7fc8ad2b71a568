"""Whatever follows or breaks the OpenAPI document is answered as the document says, and never by a 500.

schemathesis makes the requests from the document, the same ones in every run; a real platform answers them.
"""

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import pytest_asyncio
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api import alarm_examples, examples, heartbeat_examples, http_client_examples, zeebe_examples
from api.app import described
from api.zeebe import SIGNATURE_HEADER
from service.devserver import DevServer
from tests.support.eventually import eventually
from tests.support.platform import TOKEN, Platform
from tests.support.sink import Sink

AGAIN = 4  # times, what a loaded machine did not do in time
EXAMPLES = 8  # of each way to ask each operation; changes wait half a second for the directory's lease
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SECRET = "a-secret-of-the-console"
# Where the platform would send something: there, everything goes to a receiver of ours instead.
DIALLED = ("url", "token_url", "ping_url", "proxy", "hostname")

Operation = APIOperation[Any, Any, Any, Any]
Request = Case[Any]

SCHEMA = schemathesis.openapi.from_dict(described().openapi())
OPERATIONS: dict[str, Operation] = {
    found.ok().definition.raw["operationId"]: found.ok()
    for found in SCHEMA.get_all_operations()
    if isinstance(found, Ok)
}
# What ends something comes last. The event stream does not end by itself: `tests/api/test_event_stream.py`.
IN_TURN = sorted(OPERATIONS.keys() - {"streamEvents"}, key=lambda name: (name.startswith(("close", "remove")), name))
NAMING = {"startReplay", "surveyReplay"}  # their bodies name a subscriber


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served(temporal: DevServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SimpleNamespace]:
    """A platform that knows one of everything, and a receiver."""
    platform = await Platform.over(temporal, tmp_path_factory.mktemp("fuzzed"))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        Sink() as sink,
        platform.process("serve") as process,
        httpx.AsyncClient(base_url=f"{process.url}/api/v1", headers=headers, timeout=30) as api,
    ):
        for path, body in (
            ("/subscribers", {"name": "known", "url": sink.url(), "types": ["im.**"]}),
            ("/http-clients", http_client_examples.ADD_BASIC | {"name": "known"}),
            ("/zeebe/clusters", zeebe_examples.ADD_CLUSTER | {"name": "known", "alert_secret": SECRET}),
            ("/incidents", examples.DECLARE_INCIDENT),
            ("/alarms", alarm_examples.RAISE_ALARM),
        ):
            answer = await api.post(path, json=body)
            assert answer.status_code == 201, answer.text
        added = await api.post("/heartbeats", json=heartbeat_examples.ADD_HEARTBEAT | {"name": "known"})
        replay = await api.post("/replays", json={"subscriber": "known"})
        assert replay.status_code in {201, 202}, replay.text
        known = {
            "name": "known",
            "subscriber": "known",
            "replay_id": replay.json()["id"],
            "incident_id": "INC-1",
            "event_id": await emitted(api),
            "alarm_id": alarm_examples.ALARM_ID,
            "type": "im.incident.declared.v1",
            "key": added.json()["ping_path"].rpartition("/")[2],
        }
        with requests.Session() as session:
            session.trust_env = False
            yield SimpleNamespace(url=process.url, session=session, sink=sink.url(), known=known)


async def emitted(api: httpx.AsyncClient) -> str:
    """The id of an event that is there to be found."""

    async def found() -> str | None:
        rows = (await api.get("/events")).json()["data"]
        return rows[0]["event_id"] if rows else None

    return str(await eventually(found))


def ways_to_ask(operation: Operation, known: dict[str, str]) -> list[st.SearchStrategy[Request]]:
    """Requests that follow the document, for what is there and for what is not, and requests that break it."""
    named = {one.name: known[one.name] for one in operation.path_parameters if one.name in known}
    ways = [operation.as_strategy(), operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)]
    if named:
        ways.append(operation.as_strategy(path_parameters=named))
    if operation.definition.raw["operationId"] == "ingestZeebeRecords":
        ways.append(operation.as_strategy(query={"cluster": known["name"]}, media_type="application/json"))
    if operation.definition.raw["operationId"] in NAMING:
        ways.append(operation.as_strategy(body={"subscriber": known["name"]}))
    return ways


def kept_home(value: Any, sink: str) -> Any:
    """A body that names no host but our receiver's."""
    if not isinstance(value, dict):
        return value
    return {
        key: sink if key in DIALLED and re.match("https?:|[a-z]", str(each)) else each for key, each in value.items()
    }


def sent(case: Request, served: SimpleNamespace) -> requests.Response:
    """What a request is answered, with the credential of where it goes."""
    request = requests.Request(**case.as_transport_kwargs(base_url=served.url))
    prepared = served.session.prepare_request(request)
    prepared.headers["Authorization"] = f"Bearer {TOKEN}"  # whose absence other tests are about
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body or b""
    prepared.headers[SIGNATURE_HEADER] = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    for _ in range(AGAIN):
        answer: requests.Response = served.session.send(prepared, timeout=60)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            break
        time.sleep(int(answer.headers.get("retry-after", "1")))
    return answer


@pytest.mark.parametrize("name", IN_TURN)
async def test_every_answer_is_one_that_the_document_names(served: SimpleNamespace, name: str) -> None:
    answered: set[int] = set()

    def ask(way: st.SearchStrategy[Request]) -> None:
        @given(case=way)
        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def one(case: Request) -> None:
            case.body = kept_home(case.body, served.sink)
            answer = sent(case, served)
            answered.add(answer.status_code)
            case.validate_response(answer, checks=CHECKS)

        with suppress(Unsatisfiable):  # nothing can be wrong in a request without parameters
            one()

    for way in ways_to_ask(OPERATIONS[name], served.known):
        await asyncio.to_thread(ask, way)  # the receiver is in this process
    assert answered & {200, 201, 202, 204}, f"nothing that it does was asked for: {answered}"
