"""Tokens over the whole platform: they count, and end, in every process at once; nothing stored gives one away."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.errors import ImError
from service.devserver import DevServer
from service.tokens import TokenView
from tests.support.eventually import eventually
from tests.support.platform import TOKEN, Platform, unique_name
from tests.support.zeebe_records import body, incident

READ, RECORDS = "/api/v1/subscribers/match?types=im.**", "/api/v1/zeebe/records"


async def create(platform: Platform, name: str, *scopes: str, **options: Any) -> str:
    return (await platform.gateway.tokens.create(name, scopes, **options)).token


async def listed(platform: Platform, name: str) -> TokenView | None:
    return next((view for view in await platform.gateway.tokens.all() if view.name == name), None)


async def statuses(token: str, path: str, *urls: str) -> list[int]:
    """What each process answers at this moment."""
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        return [answer.status_code for answer in await asyncio.gather(*(client.get(url + path) for url in urls))]


async def test_a_token_counts_and_ends_in_every_process_at_once(platform: Platform) -> None:
    name = unique_name("reader")
    async with platform.process("serve") as other:
        urls = (str(platform.api.base_url), other.url)
        assert await statuses(TOKEN, READ, *urls) == [200, 200]
        for _ in range(3):  # leases of both processes are at any moment of their half second
            made = await platform.gateway.tokens.create(name, ["read"])
            assert await statuses(made.token, READ, *urls) == [200, 200]
            assert await statuses(made.token, "/api/v1/events/x/resend", *urls) == [404, 404]
            await platform.gateway.tokens.revoke(name)
            assert await statuses(made.token, READ, *urls) == [401, 401]


async def test_a_token_is_made_used_listed_and_revoked_by_commands(platform: Platform) -> None:
    name = unique_name("used")
    made = await platform.im(*("token", "create", name, "--scope", "read", "--expires", "90d", "--rate-limit", "100/s"))
    assert made.code == 0, made.err
    assert await statuses(made.out.strip(), READ, str(platform.api.base_url)) == [200]

    async def used() -> bool:
        view = await listed(platform, name)
        return view is not None and view.last_used_at is not None

    await eventually(used, 20)
    (row,) = [line for line in (await platform.im("token", "list")).out.splitlines() if line.startswith(f"{name} ")]
    assert re.fullmatch(rf"{name} +20\S+Z +20\S+Z +\d+[sm] ago +100/s +read", row)
    assert (await platform.im("token", "revoke", name)).err == f"revoked {name}\n"
    assert await listed(platform, name) is None


async def test_an_expired_token_is_refused_and_still_listed(platform: Platform) -> None:
    name = unique_name("brief")
    token = await create(platform, name, "read", expires=timedelta(seconds=1))

    async def over() -> bool:
        return await statuses(token, READ, str(platform.api.base_url)) == [401]

    await eventually(over)
    view = await listed(platform, name)
    assert view is not None
    assert view.expired


async def test_nothing_stored_or_said_gives_a_token_away(platform: Platform, temporal: DevServer) -> None:
    name = unique_name("secret")
    made = await platform.im("token", "create", name, "--scope", "read")
    token = made.out.strip()
    assert token not in made.err
    assert await statuses(token, "/api/v1/subscribers", str(platform.api.base_url)) == [200]
    assert await statuses(token, "/api/v1/nothing", str(platform.api.base_url)) == [404]
    assert await statuses(token + "x", "/api/v1/subscribers", str(platform.api.base_url)) == [401]
    said = [
        await platform.im(*command)
        for command in (("token", "list"), ("token", "revoke", name, "--format", "json"), ("logs", "--format", "json"))
    ]
    history = (await platform.client.get_workflow_handle("sources").fetch_history()).to_json()
    command = Path(f"/proc/{temporal.process.pid}/cmdline").read_bytes().split(b"\0")
    database = Path(command[command.index(b"--db-filename") + 1].decode()).parent
    files = [path for folder in (platform.state, database) for path in sorted(folder.rglob("*")) if path.is_file()]
    assert not [ran for ran in said if token in ran.out + ran.err]
    assert token not in history
    assert not [path for path in files if token.encode() in path.read_bytes()]


async def test_one_token_may_post_records_of_the_clusters_of_its_scopes(platform: Platform) -> None:
    one, other, third = (unique_name("cluster") for _ in range(3))
    for cluster in (one, other, third):
        await platform.gateway.zeebe.add_cluster(cluster, generate_token=True)
    token = await create(platform, unique_name("exporters"), f"ingest:{one}", f"ingest:{other}")

    async def post(bearer: str, cluster: str | None) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
        params = {"cluster": cluster} if cluster else None
        answer = await platform.api.post(RECORDS, content=body(incident()), headers=headers, params=params)
        return answer.status_code, answer.json().get("cluster") or answer.json()["code"]

    assert await post(token, one) == (200, one)
    assert await post(token, other) == (200, other)
    assert await post(token, third) == (403, "insufficient_scope")
    assert await post(token, None) == (401, "access_denied")
    assert await post(TOKEN, third) == (200, third)
    reader = await create(platform, unique_name("reader"), "read")
    assert await post(reader, one) == (403, "insufficient_scope")


@pytest.mark.parametrize(
    ("scopes", "options", "code"),
    [
        (["admin"], {}, "invalid_scope"),
        ([], {}, "invalid_scope"),
        (["ingest:nowhere"], {}, "cluster_not_found"),
        (["read"], {"rate_limit": "fast"}, "invalid_request"),
        (["read"], {"expires": timedelta()}, "invalid_request"),
        (["read"], {"expires": timedelta(days=3651)}, "invalid_request"),
    ],
)
async def test_what_cannot_be_made_is_refused(
    platform: Platform, scopes: list[str], options: dict[str, Any], code: str
) -> None:
    name = unique_name("wrong")
    with pytest.raises(ImError) as refused:
        await create(platform, name, *scopes, **options)
    assert refused.value.code == code
    assert await listed(platform, name) is None
