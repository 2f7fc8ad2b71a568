"""Requests whose bodies FastAPI reads: JSON as strict as that of events."""

from json import JSONDecodeError
from typing import Any

from starlette.requests import Request

from domain.event_errors import InvalidEventError
from domain.strict_json import load_json


class StrictRequest(Request):
    """A request whose JSON is in UTF-8, repeats no key, and has neither NaN nor more than 64 levels."""

    async def json(self) -> Any:
        """The body; raises what FastAPI answers 422 for, as it does for text that is no JSON."""
        try:
            return load_json(await self.body())
        except InvalidEventError as error:
            raise JSONDecodeError(error.data["reason"], "", 0) from None
