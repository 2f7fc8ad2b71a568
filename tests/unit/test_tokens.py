"""API tokens: what one looks like, which scopes there are, and rates."""

import re
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidRequestError
from domain.rates import Rate, parse_rate
from domain.token_errors import InvalidScopeError
from domain.tokens import clusters_of, is_damaged, make_token, parse_scopes

RANDOM = st.binary(min_size=32, max_size=32)


def test_a_token_is_the_same_in_every_version() -> None:
    assert make_token(bytes(32)) == f"im_{'0' * 43}2CZclj"
    assert make_token(b"\xff" * 32) == "im_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp13sRzl1"


@given(RANDOM)
def test_every_token_is_what_scanners_look_for(random: bytes) -> None:
    assert re.fullmatch(r"im_[0-9A-Za-z]{49}", make_token(random))
    assert not is_damaged(make_token(random))


@given(RANDOM, RANDOM)
def test_other_random_bytes_are_another_token(one: bytes, other: bytes) -> None:
    assert (make_token(one) == make_token(other)) == (one == other)


@given(RANDOM, st.integers(3, 51), st.sampled_from("0Aaz_- é"))
def test_one_wrong_character_is_noticed_without_asking_anybody(random: bytes, place: int, char: str) -> None:
    token = make_token(random)
    wrong = token[:place] + char + token[place + 1 :]
    assert is_damaged(wrong) == (wrong != token)


def test_what_is_no_token_of_ours_is_not_called_damaged() -> None:
    token = make_token(secrets.token_bytes(32))
    assert [is_damaged(text) for text in ("", "chosen-by-a-person", token.removeprefix("im_"))] == [False] * 3
    assert [is_damaged(text) for text in ("im_", token[:-1], token + "x", token + "\n")] == [True] * 4


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["read"], ("read",)),
        (["manage", "read", "read", " publish "], ("read", "publish", "manage")),
        (["ingest:prod"], ("ingest:prod",)),
        (["ingest:b.2", "manage", "ingest:a"], ("manage", "ingest:a", "ingest:b.2")),
    ],
)
def test_scopes_are_read(given: list[str], expected: tuple[str, ...]) -> None:
    assert parse_scopes(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        [],
        [""],
        ["admin"],
        ["READ"],
        ["read,publish"],
        ["ingest"],
        ["ingest:"],
        ["ingest:*"],
        ["ingest:a b"],
        ["ingest:" + "a" * 64],
        ["read\nmanage"],
        [f"ingest:c{n}" for n in range(21)],
    ],
)
def test_other_scopes_are_refused(given: list[str]) -> None:
    with pytest.raises(InvalidScopeError):
        parse_scopes(given)


def test_the_clusters_of_scopes() -> None:
    assert clusters_of(("read", "ingest:a", "ingest:b")) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "count", "seconds"),
    [
        ("100/s", 100, 1),
        (" 600/M ", 600, 60),
        ("1/h", 1, 3600),
        ("1000000/s", 10**6, 1),
        ("100", 100, 1),
        (" 5 / m", 5, 60),
    ],
)
def test_rates_are_read_and_written(text: str, count: int, seconds: int) -> None:
    rate = parse_rate(text)
    assert rate == Rate(count=count, seconds=seconds)
    assert parse_rate(str(rate)) == rate
    assert rate.per_second == count / seconds


@pytest.mark.parametrize(
    "text", ["", "/s", "0/s", "-1/s", "1.5/s", "1/d", "1000001/s", "1/s/s", "9" * 20 + "/s", "１/s"]
)
def test_other_rates_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        parse_rate(text)
