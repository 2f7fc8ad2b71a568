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
            "expired" if one.expired else render.when(one.expires_at) if one.expires_at else "never",
            ago(now - one.last_used_at) if one.last_used_at else "never",
            one.rate_limit or render.NONE,
            ",".join(one.scopes),
        )
        for one in tokens
    )
    return render.table(("NAME", "CREATED", "EXPIRES", "LAST_USED", "RATE_LIMIT", "SCOPES"), rows)
