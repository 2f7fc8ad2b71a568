"""Sessions of people who look at the page: a cookie that holds their API token, sealed.

Nothing of a session is kept here, so that any process serves it, after a restart too. The token is looked up at every
request, as one in a header is: a token that was revoked or has expired ends its sessions at once.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ValidationError

from domain.errors import SealingKeyError
from domain.token_errors import ScopeMissingError, TokenMissingError
from domain.tokens import Scope
from service.callers import Caller, Callers
from service.connection import Connection

SESSION_LASTS = timedelta(hours=12)  # a shift; somebody who stays longer logs in again
MAX_TOKEN = 1024  # a cookie may take 4 KiB, and sealing adds a third
_PURPOSE = "page/session"


@dataclass(frozen=True)
class Visitor:
    """Who looks at the page.

    Attributes:
        form_token: what every form of the session carries; empty where nobody needs to log in.
    """

    caller: Caller
    form_token: str = ""


class _Session(BaseModel):
    token: str
    form_token: str
    ends_at: datetime


class Sessions:
    """Begins and resumes sessions.

    Args:
        connection: whose keys seal.
        callers: know every token.
    """

    def __init__(self, connection: Connection, callers: Callers) -> None:
        self._connection = connection
        self._callers = callers

    @property
    def needed(self) -> bool:
        """Whether anybody has to log in."""
        return self._callers.needed

    async def begin(self, token: str) -> str:
        """The cookie of a new session.

        Raises:
            TokenMissingError: there is no token, or one that is too long for any.
            ScopeMissingError: it may not read.
            TokenRefusedError: and the others of `Callers.bearing`.
        """
        if not token or len(token) > MAX_TOKEN:
            raise TokenMissingError
        caller = await self._callers.bearing(token)
        if not caller.may(Scope.READ):
            raise ScopeMissingError(name=caller.name, scope=Scope.READ.value)
        session = _Session(token=token, form_token=secrets.token_urlsafe(16), ends_at=datetime.now(UTC) + SESSION_LASTS)
        # By the newest key, whoever else has it: no worker opens this, and it is possible while Temporal is away.
        self._connection.keyring.renew()
        return self._connection.keyring.seal(session.model_dump_json(), _PURPOSE)

    async def resume(self, cookie: str, *, counts: bool = True) -> Visitor:
        """Whose session a cookie is; ``counts`` as of `Callers.bearing`.

        Raises:
            TokenMissingError: nobody's, or it has ended.
            TokenRefusedError: and the others of `Callers.bearing`, of the token that it began with.
        """
        try:
            session = _Session.model_validate_json(self._connection.keyring.open(cookie, _PURPOSE))
        except (SealingKeyError, ValidationError):
            raise TokenMissingError from None
        if session.ends_at <= datetime.now(UTC):
            raise TokenMissingError
        return Visitor(await self._callers.bearing(session.token, counts=counts), session.form_token)
