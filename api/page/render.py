"""Templates into answers, with the headers that keep a browser from doing anything else with them."""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.page.bars import bars
from api.page.text import visible
from api.urls import PAGE
from domain import uncounted
from domain.health import Health
from domain.statuses import phrase_of
from domain.timing import ago
from domain.tokens import Scope
from service.event_rows import EventRow

# Nothing but what this origin serves, no script or style in the markup, and in nobody's frame.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers send forms with the Origin null
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
ASSETS = {"style.css": "text/css", "live.js": "text/javascript", "icon.svg": "image/svg+xml"}


@cache
def asset(name: str) -> bytes:
    """A file that is served as it is; `ASSETS` has their names."""
    return files("api.page").joinpath("static", name).read_bytes()


def page(request: Request, template: str, status: int = HTTPStatus.OK, **values: Any) -> HTMLResponse:
    """A template as an answer. What every page shows is added: who looks at it, and where it is."""
    visitor = getattr(request.state, "visitor", None)
    text = (
        _environment()
        .get_template(template)
        .render(
            visitor=visitor,
            may_manage=visitor is not None and visitor.caller.may(Scope.MANAGE),
            here=request.url.path,
            done=_DONE.get(request.query_params.get("done", "")),
            **values,
        )
    )
    return HTMLResponse(text, status, HEADERS)


def explain(request: Request, status: int, says: str, advice: str) -> HTMLResponse:
    """What went wrong, and what to do about it."""
    return page(request, "error.html", status, title=phrase_of(status), says=says, advice=advice)


def link(path: str, **query: object) -> str:
    """A path of the page; conditions that are None or empty are left out."""
    given = {name: str(value) for name, value in query.items() if value not in {None, ""}}
    return f"{PAGE}/{path}" + (f"?{urlencode(given)}" if given else "")


# What an action tells after it; the address names which, never the text.
_DONE = {
    "resent": "Sent again. The new delivery shows below in a moment.",
    "paused": "Paused. Events for it wait until it is resumed.",
    "resumed": "Resumed. What waited is being delivered.",
    "enabled": "Enabled. It is told of events from now on; what came meanwhile is sent by: im replay.",
    "out": "You are logged out.",
}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("api.page"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"ago": _ago, "clock": _clock, "iso": _iso, "pretty": _pretty}
    environment.filters |= {"states": states, "outcome": outcome, "uncounted": _uncounted}
    environment.globals |= {"link": link, "asset_url": asset_url, "bars": bars, "PAGE": PAGE}
    return environment


def asset_url(name: str) -> str:
    """Where a file is; another one after every change of it, so that it may be kept for good."""
    return f"{PAGE}/static/{name}?v={hashlib.sha256(asset(name)).hexdigest()[:12]}"


def states(row: EventRow) -> list[tuple[str, str]]:
    """Each subscriber of an event with the state of its delivery, those in trouble first; none of a shared workflow."""
    if not row.subscribers:
        return [(name, state) for state, _, name in (word.partition(":") for word in row.troubled)]
    found = [(name, " or ".join(row.states_of(name))) for name in row.subscribers]
    return sorted(found, key=lambda each: each[1] == "delivered")


def outcome(row: EventRow, subscriber: str | None) -> str:
    """What became of an event, at one subscriber if one is given; ``failed or delivered`` where that is not known."""
    return (" or ".join(row.states_of(subscriber)) if subscriber else "") or row.outcome


def _uncounted(rows: Iterable[Health]) -> str:
    told = uncounted.in_words(rows) or ""
    return told[:1].upper() + told[1:]


def _shown(value: object) -> object:
    return visible(value) if type(value) is str else value  # markup of ours is a subclass


def _ago(at: datetime) -> str:
    return ago(datetime.now(UTC) - at)


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
