"""The registry of tokens in memory, as `service.callers` reads it."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from domain.errors import TemporalUnavailableError
from domain.sources import Sources, digest
from domain.tokens import ApiToken, make_token


class Tokens:
    """Set ``stale`` for a lease that has run out, and ``away`` for a Temporal that does not answer besides."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self.stale = False
        self.away = False
        self.asked = 0
        self.uses: list[dict[str, datetime]] = []

    def add(self, name: str, *scopes: str, **parts: Any) -> str:
        """A new token."""
        token = make_token(hashlib.sha256(name.encode()).digest())
        made = ApiToken(name=name, token_hash=digest(token), scopes=scopes, created_at=datetime.now(UTC), **parts)
        self._replace({**self._sources.tokens, name: made})
        return token

    def revoke(self, name: str) -> None:
        self._replace({known: token for known, token in self._sources.tokens.items() if known != name})

    @property
    def known(self) -> Sources:
        return self._sources

    def held(self) -> Sources | None:
        return None if self.stale or self.away else self._sources

    async def promptly(self) -> Sources:
        self.asked += 1
        if self.away:
            raise TemporalUnavailableError(address="here", namespace="default", reason="it is away")
        return self._sources

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        self.uses.append(dict(uses))

    def _replace(self, tokens: dict[str, ApiToken]) -> None:
        self._sources = self._sources.model_copy(update={"tokens": tokens})
