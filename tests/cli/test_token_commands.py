"""`im token`: what its options mean, and what it says."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

import cli.token
from cli.main import run
from cli.render_tokens import token_table
from domain.errors import ImError
from domain.token_errors import TokenExistsError
from service.tokens import TokenCreated, TokenView
from tests.support.gateways import serving

NOW = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)
TOKEN = "im_generatedgeneratedgenerated"


class Asked:
    """What the gateway was asked; ``refuses`` is what it answers instead."""

    def __init__(self) -> None:
        self.name = ""
        self.scopes: list[str] = []
        self.options: dict[str, Any] = {}
        self.refuses: ImError | None = None
        self.known: list[TokenView] = []
        self.tokens = SimpleNamespace(create=self.create, revoke=self.revoke, all=self.all)

    async def create(self, name: str, scopes: list[str], **options: Any) -> TokenCreated:
        if self.refuses:
            raise self.refuses
        self.name, self.scopes, self.options = name, scopes, options
        expires = options["expires"]
        view = TokenView(
            name=name,
            scopes=scopes,
            created_at=NOW,
            expires_at=NOW + expires if expires else None,
            rate_limit=options["rate_limit"],
        )
        return TokenCreated(details=view, token=TOKEN)

    async def revoke(self, name: str) -> TokenView:
        self.name = name
        return TokenView(name=name, scopes=["read"], created_at=NOW)

    async def all(self) -> list[TokenView]:
        return self.known


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    found = Asked()

    monkeypatch.setattr(cli.token, "with_gateway", serving(found))
    return found


def test_the_token_alone_is_on_standard_output(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["token", "create", "ci", "--scope", "publish", "--scope", "read", "--expires", "90d"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{TOKEN}\n"
    assert "created ci: publish, read, until 2026-03-26T14:30:00Z" in said.err
    assert "not shown again" in said.err
    assert TOKEN not in said.err
    assert (asked.name, asked.scopes) == ("ci", ["publish", "read"])
    assert asked.options == {"expires": timedelta(days=90), "rate_limit": None}
    assert run(["token", "create", "ci", "--scope", "publish,read", "--scope", "ingest:prod"]) == 0
    assert asked.scopes == ["publish", "read", "ingest:prod"]


def test_one_without_an_end_is_said_to_have_none(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["token", "create", "ci", "--scope", "read", "--rate-limit", "10/s"]) == 0
    assert "created ci: read, 10/s to each process, until it is revoked" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("expires", "warned"),
    [("90", "it counts for 90s only"), ("59m", "it counts for 59m only"), ("1h", ""), ("90d", "")],
)
def test_a_token_that_ends_within_the_hour_is_warned_of(
    asked: Asked, expires: str, warned: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["token", "create", "ci", "--scope", "read", "--expires", expires]) == 0
    said = capsys.readouterr().err
    assert ("warning: " in said) is bool(warned)
    assert warned in said


def test_in_json_a_new_token_is_whole(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["token", "create", "ci", "--scope", "read", "--format", "json"]) == 0
    assert f'"token": "{TOKEN}"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ((), "--scope read, publish, manage or ingest:CLUSTER"),
        (("--scope", "read", "--expires", "soon"), "write 90s, 15m, 24h or 5d"),
    ],
)
def test_wrong_usage_says_how_it_is_used(
    asked: Asked, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], word: str
) -> None:
    assert run(["token", "create", "ci", *options]) == 2
    assert word in capsys.readouterr().err
    assert not asked.name


def test_a_name_that_is_taken_is_refused_with_what_to_do(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    asked.refuses = TokenExistsError(name="ci")
    assert run(["token", "create", "ci", "--scope", "read"]) == 1
    said = capsys.readouterr()
    assert (said.out, "im token revoke ci" in said.err) == ("", True)


def test_revoking_says_so(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["token", "revoke", "ci"]) == 0
    assert capsys.readouterr() == ("", "revoked ci\n")


def test_an_empty_list_says_how_to_make_one(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["token", "list"]) == 0
    assert "im token create NAME --scope read" in capsys.readouterr().err


def test_the_list_says_what_counts_and_what_is_used() -> None:
    tokens = [
        TokenView(name="ci", scopes=["read", "publish"], created_at=NOW, last_used_at=NOW - timedelta(seconds=70)),
        TokenView(name="old", scopes=["ingest:prod"], created_at=NOW, expires_at=NOW, expired=True, rate_limit="10/s"),
    ]
    assert token_table(tokens, NOW).splitlines() == [
        "NAME  CREATED               EXPIRES                       LAST_USED  RATE_LIMIT  SCOPES",
        "ci    2025-12-26T14:30:00Z  never                         1m ago     -           read,publish",
        "old   2025-12-26T14:30:00Z  expired 2025-12-26T14:30:00Z  never      10/s        ingest:prod",
    ]
