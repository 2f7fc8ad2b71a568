"""How API tokens are written for people."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from cli import render
from domain.timing import ago

if TYPE_CHECKING:  # for annotations alone
    from service.tokens import TokenView


def token_table(tokens: Iterable[TokenView], now: datetime) -> str:
    """`im token list`; the scopes last, because there may be many."""
    rows = (
        (
            one.name,
            render.when(one.created_at),
            _expiry(one),
            ago(now - one.last_used_at) if one.last_used_at else "never",
            one.rate_limit or render.NONE,
            ",".join(one.scopes),
        )
        for one in tokens
    )
    return render.listing(("NAME", "CREATED", "EXPIRES", "LAST_USED", "RATE_LIMIT", "SCOPES"), rows)


def _expiry(token: TokenView) -> str:
    """When a token stops counting, or did."""
    if token.expires_at is None:
        return "never"
    return f"{'expired ' if token.expired else ''}{render.when(token.expires_at)}"
