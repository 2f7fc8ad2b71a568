"""Temporal closes each connection after five minutes: nobody is told of that."""

import ast
import asyncio
from pathlib import Path

import pytest

from service.temporal import answers, connect
from service.workers import ACTIVITIES, described
from tests.support.platform import temporal_dev_server

SERVICE = Path(__file__).parents[2] / "service"
SHORT_LIVED = 'frontend.keepAliveMaxConnectionAge="500ms"'
RAW = {"workflow_service", "operator_service"}


async def test_a_connection_at_its_end_fails_no_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with temporal_dev_server(tmp_path, [SHORT_LIVED]) as server:
        monkeypatch.setenv("TEMPORAL_ADDRESS", server.address)
        client = await connect()

        async def ask() -> None:
            for _ in range(100):
                await described(client, "im-control", ACTIVITIES)
                assert await answers(client)

        await asyncio.gather(*(ask() for _ in range(8)))


def raw_calls() -> list[ast.Call]:
    calls = [
        node for file in SERVICE.rglob("*.py") for node in ast.walk(ast.parse(file.read_text())) if _is_raw_call(node)
    ]
    return [node for node in calls if isinstance(node, ast.Call)]


def _is_raw_call(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    return isinstance(node.func.value, ast.Attribute) and node.func.value.attr in RAW


def test_each_call_without_the_client_says_whether_it_is_retried() -> None:
    calls = raw_calls()
    assert len(calls) > 5
    assert not [ast.unparse(call) for call in calls if "retry" not in {word.arg for word in call.keywords}]
