"""The gateway to API tokens: `im token`."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from domain.errors import InvalidRequestError
from domain.rates import parse_rate
from domain.sources import check_source_name, digest
from domain.tokens import RANDOM_BYTES, ApiToken, TokenUses, make_token, parse_scopes
from service.callers import ADMINISTRATOR
from service.connection import Connection
from service.sources import SourceRegistry
from workflows.sources import SourcesWorkflow

LONGEST = timedelta(days=3650)


class TokenView(BaseModel):
    """A token as people and programs may see it: not the token.

    Attributes:
        expired: it is refused; revoking it drops it from the list.
        rate_limit: such as ``100/s``, for each process that serves the API; None: none.
        last_used_at: to a minute; None: never.
    """

    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None = None
    expired: bool = False
    rate_limit: str | None = None
    last_used_at: datetime | None = None


class TokenCreated(BaseModel):
    """A new token; ``token`` is shown this once."""

    details: TokenView
    token: str


class TokenGateway:
    """Everything that can be done with tokens. All methods raise the errors of `domain.errors` and its branches."""

    def __init__(self, connection: Connection, registry: SourceRegistry) -> None:
        self._connection = connection
        self._registry = registry

    async def create(
        self, name: str, scopes: Sequence[str], *, expires: timedelta | None = None, rate_limit: str | None = None
    ) -> TokenCreated:
        """Make a token; it counts from now on, in every process.

        Args:
            name: unique, and not that of the administrator's token.
            scopes: see `domain.tokens.parse_scopes`; the clusters that they name exist.
            expires: from now, up to ten years; None: never.
            rate_limit: see `domain.rates.parse_rate`.
        """
        if name.upper() == ADMINISTRATOR.name:  # callers of one name share their idempotency keys
            raise InvalidRequestError(reason=f"{name} is what the administrator's token is called: choose another name")
        if expires is not None and not timedelta() < expires <= LONGEST:
            raise InvalidRequestError(reason="a token expires after at least a second and at most ten years")
        now, token = datetime.now(UTC), make_token(secrets.token_bytes(RANDOM_BYTES))
        new = ApiToken(
            name=check_source_name(name),
            token_hash=digest(token),
            scopes=parse_scopes(scopes),
            expires_at=now + expires if expires is not None else None,
            rate=parse_rate(rate_limit) if rate_limit is not None else None,
            created_at=now,
        )
        return TokenCreated(details=view(await self._registry.change(SourcesWorkflow.add_token, new)), token=token)

    async def revoke(self, name: str) -> TokenView:
        """Revoke a token; once this returned, every process refuses it."""
        return view(await self._registry.change(SourcesWorkflow.revoke_token, name))

    async def all(self) -> list[TokenView]:
        """Every token that was not revoked, by name; IM_API_TOKEN is not among them."""
        tokens = (await self._registry.fresh()).tokens
        uses = (await self._registry.token_uses()).at
        return [view(tokens[name], uses.get(name)) for name in sorted(tokens)]

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        """Take note of when tokens were used."""
        await self._registry.note_uses(TokenUses(at=dict(uses)))


def view(token: ApiToken, last_used_at: datetime | None = None) -> TokenView:
    """What may be shown of a token."""
    return TokenView(
        name=token.name,
        scopes=list(token.scopes),
        created_at=token.created_at,
        expires_at=token.expires_at,
        expired=token.expires_at is not None and token.expires_at <= datetime.now(UTC),
        rate_limit=str(token.rate) if token.rate else None,
        last_used_at=last_used_at,
    )
