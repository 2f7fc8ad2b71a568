"""The examples of a receiver and of a publisher, run as their READMEs say, against the real platform."""

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from domain.events import CloudEvent
from domain.headers import delivery_headers
from domain.signing import webhook_signature
from tests.receivers.harness import VERIFIERS
from tests.support.eventually import eventually
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
SECRET, NEXT = "a-secret-of-the-example", "the-next-secret-of-it"


def declared(event_id: str, **data: str) -> CloudEvent:
    return CloudEvent(id=event_id, source="/incidents/INC-7", type="im.incident.declared.v1", data=data)


EVENT, OTHER, LATER = [declared(f"evt_{n}", incident_id="INC-7", title="Zürich is slow") for n in range(3)]
BROKEN = declared("evt_broken")


class Application:
    """examples/fastapi, running."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self._log = log

    def said(self) -> str:
        return self._log.read_text()

    async def post(self, headers: Mapping[str, str], body: bytes = EVENT.body) -> int:
        async with httpx.AsyncClient(timeout=30) as http:
            return (await http.post(f"{self.url}/webhook", content=body, headers=dict(headers))).status_code


@asynccontextmanager
async def application(folder: Path, secrets: str = SECRET) -> AsyncIterator[Application]:
    port, log = free_port(), folder / "app.log"
    environment = os.environ | {"PYTHONPATH": str(VERIFIERS), "WEBHOOK_SECRETS": secrets}
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "uvicorn", "--app-dir", str(ROOT / "examples" / "fastapi"), "--port", str(port),
            "app:app", cwd=folder, env=environment | {"WEBHOOK_STORE": str(folder / "seen.db")}, stdout=out, stderr=out,
        )  # fmt: skip
    found = Application(f"http://127.0.0.1:{port}", log)
    try:
        async with httpx.AsyncClient() as http:

            async def answers() -> bool:
                return (await http.get(f"{found.url}/openapi.json")).status_code == 200

            await eventually(answers, 30)
        yield found
    finally:
        process.terminate()
        await process.wait()


def sent(secret: str = SECRET, event: CloudEvent = EVENT, at: float | None = None) -> dict[str, str]:
    return delivery_headers(event, [secret], int(time.time() if at is None else at))


async def test_the_receiver_takes_what_is_genuine_once_and_nothing_else(tmp_path: Path) -> None:
    async with application(tmp_path) as app:
        assert await app.post(sent()) == 200
        assert await app.post(sent()) == 204, "the same event again"
        await eventually(lambda: app.said().count("declared: INC-7") == 1)
        assert await app.post(sent(NEXT, OTHER), OTHER.body) == 401
        assert await app.post(sent(event=OTHER), OTHER.body + b" ") == 401
        assert await app.post(sent(event=OTHER, at=time.time() - 301), OTHER.body) == 401
        assert await app.post({}, OTHER.body) == 401
        assert await app.post(sent(event=OTHER), b"x" * (1024 * 1024 + 1)) == 413
        assert await app.post(sent(event=OTHER), OTHER.body) == 200, "what was refused was not remembered"
    async with application(tmp_path, f"{NEXT},{SECRET}") as app:
        assert await app.post(sent()) == 204, "it is remembered over a restart"
        assert await app.post(sent(NEXT, LATER), LATER.body) == 200


async def test_what_the_handler_could_not_do_comes_again(tmp_path: Path) -> None:
    async with application(tmp_path) as app:
        assert [await app.post(sent(event=BROKEN), BROKEN.body) for _ in range(2)] == [500, 500]
        await eventually(lambda: app.said().count("KeyError: 'incident_id'") == 2)


async def test_what_the_handler_answered_with_an_error_is_not_remembered(tmp_path: Path) -> None:
    now = int(time.time())
    headers = {"content-type": "application/json", "webhook-id": "msg_1", "webhook-timestamp": str(now)}
    headers["webhook-signature"] = webhook_signature([SECRET], "msg_1", now, b"[]")
    async with application(tmp_path) as app:
        assert [await app.post(headers, b"[]") for _ in range(2)] == [422, 422]


@pytest.mark.parametrize("name", ["asgi.py", "verify.py"])
def test_the_files_to_copy_import_nothing_but_the_standard_library_and_each_other(name: str) -> None:
    imported = set(re.findall(r"^(?:import|from) (\w+)", (VERIFIERS / name).read_text(), re.MULTILINE))
    assert imported <= set(sys.stdlib_module_names) | {"verify"}
