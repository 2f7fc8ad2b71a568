"""Who calls: tells by its token, for every request, without asking Temporal for each.

Tokens are looked up in the leased snapshot of the registry of sources, so that one that was revoked is refused half a
second later by every process, and a new one counts as soon as `im token create` returned. While Temporal is away, the
snapshot known last goes on counting: what is known then cannot have been revoked, because that takes Temporal too.
"""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Protocol

from pydantic import SecretStr

from activities.logger import Logger
from domain.errors import ImError, UnavailableError
from domain.incidents import rfc3339
from domain.sources import Sources, digest
from domain.token_errors import RateLimitedError, TokenMissingError, TokenRefusedError
from domain.tokens import ApiToken, is_damaged
from service.token_rate import TokenRate

TELL_AFTER_SECONDS = 60.0  # between two notes of one token's use
GATHER_SECONDS = 1.0  # the uses of several tokens go together
ASK_AGAIN_SECONDS = 1.0  # while Temporal is away, requests do not wait for it one by one

_log = Logger("access")


class Registry(Protocol):
    """As much of `SourceRegistry` as is needed here."""

    @property
    def known(self) -> Sources | None:
        """As they were known last."""
        ...

    def held(self) -> Sources | None:
        """As they are, where that needs no waiting."""
        ...

    async def promptly(self) -> Sources:
        """As they are, or `UnavailableError`."""
        ...


Tell = Callable[[Mapping[str, datetime]], Awaitable[None]]


@dataclass(frozen=True)
class Caller:
    """Who makes a request.

    Attributes:
        name: of the token; for messages.
        scopes: None: all there are.
    """

    name: str
    scopes: frozenset[str] | None = None

    def may(self, scope: str) -> bool:
        """Whether a scope is among those of the caller."""
        return self.scopes is None or scope in self.scopes


ADMINISTRATOR = Caller("IM_API_TOKEN")


class Callers:
    """Knows every token.

    Args:
        registry: of the named tokens.
        administrator: IM_API_TOKEN, which may do everything; None: no token is needed.
        tell: takes note of when tokens were used.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        registry: Registry,
        administrator: SecretStr | None,
        tell: Tell,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._administrator = administrator.get_secret_value().encode() if administrator else None
        self._tell = tell
        self._clock = clock
        self._rate = TokenRate(clock)
        self._sources: Sources | None = None
        self._index: dict[str, tuple[ApiToken, Caller]] = {}
        self._away: UnavailableError | None = None
        self._away_until = float("-inf")
        self._told: dict[str, float] = {}
        self._uses: dict[str, datetime] = {}
        self._telling: asyncio.Task[None] | None = None

    @property
    def needed(self) -> bool:
        """Whether requests need a token."""
        return self._administrator is not None

    async def of(self, authorization: Sequence[str], *, counts: bool = True) -> Caller:
        """The caller of a request with these Authorization headers. Raises as `bearing` and `TokenMissingError`."""
        scheme, _, token = authorization[0].partition(" ") if len(authorization) == 1 else ("", "", "")
        token = token.strip(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenMissingError
        return await self.bearing(token, counts=counts)

    async def bearing(self, token: str, *, counts: bool = True) -> Caller:
        """Whose token this is, within its rate.

        Args:
            token: as it was given.
            counts: False for a request that was let in before and goes on, which is none of the token's rate.

        Raises:
            TokenRefusedError: nobody's, or one that has expired.
            RateLimitedError: more requests than it may make.
            UnavailableError: it is not known, and whether it was made lately cannot be asked.
        """
        given = token.encode("latin-1", "backslashreplace")  # headers are text by this code
        if self._administrator is not None and hmac.compare_digest(given, self._administrator):
            return ADMINISTRATOR
        token_hash = digest(token)
        if (sources := self._registry.held()) is not None:
            found = self._found(sources, token_hash)
        else:
            found = None if is_damaged(token) else await self._asked_for(token_hash)
        if found is None:
            fault = "it is damaged: cut off, or mistyped" if is_damaged(token) else "it is not known, or was revoked"
            raise TokenRefusedError(reason=fault)
        return self._admitted(*found, counts=counts)

    def _admitted(self, token: ApiToken, caller: Caller, *, counts: bool) -> Caller:
        now = datetime.now(UTC)
        if token.expires_at is not None and token.expires_at <= now:
            raise TokenRefusedError(reason=f"{token.name!r} expired at {rfc3339(token.expires_at)}")
        if counts and token.rate is not None and (wait := self._rate.take(token.token_hash, token.rate)) > 0:
            raise RateLimitedError(name=token.name, rate=str(token.rate), seconds=ceil(wait))
        self._used(token.name, now)
        return caller

    async def _asked_for(self, token_hash: str) -> tuple[ApiToken, Caller] | None:
        try:
            return self._found(await self._asked(), token_hash)
        except UnavailableError:
            sources = self._registry.known
            found = self._found(sources, token_hash) if sources is not None else None
            if found is None:
                raise
            return found

    async def _asked(self) -> Sources:
        if self._away is not None and self._clock() < self._away_until:
            raise type(self._away)(**self._away.data)
        try:
            return await self._registry.promptly()
        except UnavailableError as error:
            self._away, self._away_until = error, self._clock() + ASK_AGAIN_SECONDS
            raise

    def _found(self, sources: Sources, token_hash: str) -> tuple[ApiToken, Caller] | None:
        if sources is not self._sources:
            tokens = sources.tokens.values()
            self._index = {each.token_hash: (each, Caller(each.name, frozenset(each.scopes))) for each in tokens}
            self._rate.keep(self._index)
            self._sources = sources
        return self._index.get(token_hash)  # by hash: how long that takes says nothing of any token

    def _used(self, name: str, now: datetime) -> None:
        if self._clock() - self._told.get(name, float("-inf")) < TELL_AFTER_SECONDS:
            return
        self._told[name] = self._clock()
        self._uses[name] = now
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell_soon())

    async def _tell_soon(self) -> None:
        while self._uses:
            await asyncio.sleep(GATHER_SECONDS)
            uses, self._uses = self._uses, {}
            try:
                await self._tell(uses)
            except ImError as error:
                _log.debug("the use of tokens was not noted", error=str(error))
                for name in uses:
                    self._told.pop(name, None)  # the next use is told
