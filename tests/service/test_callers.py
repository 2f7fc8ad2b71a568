"""Whose token a request bears: without asking for each, and with what was known last while Temporal is away."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from domain.errors import TemporalUnavailableError
from domain.rates import parse_rate
from domain.sources import Sources
from domain.token_errors import RateLimitedError, TokenMissingError, TokenRefusedError
from domain.tokens import make_token
from service import callers
from service.callers import ADMINISTRATOR, Callers
from service.token_rate import TokenRate
from tests.api.stand_in_tokens import Tokens
from tests.support.eventually import eventually

ADMIN = "a-token-of-the-administrator"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(Sources())


@pytest.fixture
def known(tokens: Tokens, clock: Clock) -> Callers:
    return Callers(tokens, SecretStr(ADMIN), tokens.note_uses, clock)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "GATHER_SECONDS", 0)


async def test_a_named_token_has_its_scopes_and_no_more(known: Callers, tokens: Tokens) -> None:
    caller = await known.bearing(tokens.add("ci", "publish", "ingest:prod"))
    assert caller.name == "ci"
    scopes = ("read", "publish", "manage", "ingest:prod", "ingest:pro", "ingest:")
    assert [caller.may(scope) for scope in scopes] == [False, True, False, True, False, False]


async def test_the_administrators_token_may_everything_and_asks_nobody(known: Callers, tokens: Tokens) -> None:
    tokens.away = True
    caller = await known.of([f"Bearer {ADMIN}"])
    assert caller is ADMINISTRATOR
    assert all(map(caller.may, ("read", "publish", "manage", "ingest:any")))
    assert tokens.asked == 0


@pytest.mark.parametrize(
    "given", [[], [""], ["Bearer"], ["Bearer  "], [f"Basic {ADMIN}"], [f"Token {ADMIN}"], [f"Bearer {ADMIN}"] * 2]
)
async def test_a_token_that_is_not_sent_as_one_is_missing(known: Callers, given: list[str]) -> None:
    with pytest.raises(TokenMissingError, match="in one Authorization header, whose scheme is Bearer"):
        await known.of(given)


async def test_a_revoked_token_is_refused(known: Callers, tokens: Tokens) -> None:
    token = tokens.add("ci", "publish")
    await known.bearing(token)
    tokens.revoke("ci")
    with pytest.raises(TokenRefusedError, match="revoked"):
        await known.bearing(token)


async def test_an_expired_token_is_refused_by_name(known: Callers, tokens: Tokens) -> None:
    now = datetime.now(UTC)
    await known.bearing(tokens.add("later", "read", expires_at=now + timedelta(minutes=1)))
    with pytest.raises(TokenRefusedError, match="'over' expired at 20"):
        await known.bearing(tokens.add("over", "read", expires_at=now - timedelta(microseconds=1)))


async def test_a_damaged_token_is_told_so_while_temporal_is_away_too(known: Callers, tokens: Tokens) -> None:
    token = tokens.add("ci", "publish")
    for tokens.away in (False, True):
        with pytest.raises(TokenRefusedError, match="damaged"):
            await known.bearing(token[:-1])
    assert tokens.asked == 0


@pytest.mark.parametrize("token", ["", "é" * 20, "\xff\xfe", "x" * 100_000])
async def test_whatever_is_no_token_is_refused(known: Callers, token: str) -> None:
    with pytest.raises(TokenRefusedError) as refused:
        await known.bearing(token)
    assert not token or token not in str(refused.value)


async def test_what_was_known_counts_while_temporal_is_away(known: Callers, tokens: Tokens, clock: Clock) -> None:
    token, unknown = tokens.add("ci", "publish"), make_token(b"u" * 32)
    tokens.away = True
    assert (await known.bearing(token)).name == "ci"
    with pytest.raises(TemporalUnavailableError):  # it may have been made a moment ago: no 401, which is for ever
        await known.bearing(unknown)
    assert tokens.asked == 1, "Temporal is asked once a second, not once a request"
    clock.now += callers.ASK_AGAIN_SECONDS
    assert (await known.bearing(token)).name == "ci"
    assert tokens.asked == 2
    tokens.away = False
    with pytest.raises(TokenRefusedError):
        await known.bearing(unknown)


async def test_only_a_lease_that_has_run_out_is_waited_for(known: Callers, tokens: Tokens) -> None:
    token = tokens.add("ci", "publish")
    for _ in range(3):
        await known.bearing(token)
    assert tokens.asked == 0
    tokens.stale = True
    await known.bearing(token)
    assert tokens.asked == 1


async def test_a_token_past_its_rate_is_told_when_to_come_again(known: Callers, tokens: Tokens, clock: Clock) -> None:
    slow, other = tokens.add("slow", "read", rate=parse_rate("3/m")), tokens.add("other", "read")
    for _ in range(3):
        await known.bearing(slow)
    with pytest.raises(RateLimitedError) as limited:
        await known.bearing(slow)
    assert limited.value.data == {"name": "slow", "rate": "3/m", "seconds": 20}
    await known.bearing(other)
    clock.now += 20
    await known.bearing(slow)


def test_a_rate_holds_for_any_time(clock: Clock) -> None:
    counter, rate = TokenRate(clock), parse_rate("10/s")
    taken = 0
    for _ in range(1000):
        taken += counter.take("one", rate) == 0
        clock.now += 0.01
    assert 105 <= taken <= 111, "ten at once, and then ten a second, for ten seconds"


def test_a_token_that_rested_has_no_more_than_its_rate_at_once(clock: Clock) -> None:
    counter, rate = TokenRate(clock), parse_rate("10/s")
    counter.take("one", rate)
    clock.now += 3600
    assert [counter.take("one", rate) == 0 for _ in range(11)] == [True] * 10 + [False]


async def test_the_use_of_tokens_is_told_together_and_once_a_minute(
    known: Callers, tokens: Tokens, clock: Clock
) -> None:
    one, other = tokens.add("one", "read"), tokens.add("other", "read")
    for token in (one, other, one, one):
        await known.bearing(token)
    await eventually(lambda: bool(tokens.uses))
    assert [sorted(uses) for uses in tokens.uses] == [["one", "other"]]
    clock.now += callers.TELL_AFTER_SECONDS - 1
    await known.bearing(one)
    clock.now += 1
    await known.bearing(one)
    await eventually(lambda: len(tokens.uses) > 1)
    assert list(tokens.uses[1]) == ["one"]


async def test_a_use_that_could_not_be_told_is_told_at_the_next(tokens: Tokens, clock: Clock) -> None:
    told: list[Mapping[str, datetime]] = []

    async def tell(uses: Mapping[str, datetime]) -> None:
        told.append(uses)
        if len(told) == 1:
            raise TemporalUnavailableError(address="here", namespace="default", reason="it is away")

    known, token = Callers(tokens, SecretStr(ADMIN), tell, clock), tokens.add("ci", "read")
    for count in (1, 2):
        await known.bearing(token)
        await eventually(lambda count=count: len(told) == count)  # type: ignore[misc]
        await asyncio.sleep(0)


async def test_a_use_during_the_telling_is_told_as_well(tokens: Tokens, clock: Clock) -> None:
    told: list[str] = []
    telling, told_one = asyncio.Event(), asyncio.Event()

    async def tell(uses: Mapping[str, datetime]) -> None:
        telling.set()
        await told_one.wait()
        told.extend(uses)

    known = Callers(tokens, SecretStr(ADMIN), tell, clock)
    await known.bearing(tokens.add("one", "read"))
    await telling.wait()
    await known.bearing(tokens.add("other", "read"))
    told_one.set()
    await eventually(lambda: told == ["one", "other"])
