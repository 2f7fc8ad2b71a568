"""Publishes events to the incidents platform until they are answered, once each. Python 3.11 or later, and httpx.

Copy it, and change what you like: it is the whole client.
"""

import json
import random
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

FIRST_WAIT, LONGEST_WAIT = 0.2, 10.0
# As against refusals, which the same request does not overcome.
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Event:
    """A CloudEvent. Source and id identify it; keep all of it, time included, as long as you may publish it again."""

    type: str
    source: str
    data: Any = None
    subject: str | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    time: str = field(default_factory=lambda: datetime.now(UTC).isoformat())

    def body(self) -> bytes:
        """Its JSON form."""
        members = {name: value for name, value in vars(self).items() if value is not None}
        return json.dumps({"specversion": "1.0", "datacontenttype": "application/json"} | members).encode()


@dataclass(frozen=True)
class Receipt:
    """The platform has the event: it will be delivered whatever crashes.

    Attributes:
        duplicate: it had it before.
        published: False when event publishing is off there, so that nobody is told.
    """

    event_id: str
    duplicate: bool
    published: bool


class RefusedError(Exception):
    """The platform will never take this event, or not from you."""

    def __init__(self, answer: httpx.Response) -> None:
        problem = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        self.status, self.code = answer.status_code, problem.get("code", "")
        said = [problem.get("detail", answer.reason_phrase), problem.get("hint", "")]
        super().__init__(f"{self.status} {'; '.join(filter(None, said))}")


def publish(http: httpx.Client, event: Event, patience: float = 60) -> Receipt:
    """Publish an event, and again until it is answered: the same id is accepted once.

    Args:
        http: with the platform's ``base_url`` and its token; see `client`.
        event: what happened.
        patience: seconds after which it is given up.

    Raises:
        RefusedError: the event or the token is not acceptable.
        TimeoutError: there was no answer in time. The platform may have the event: publish it again later.
    """
    deadline = time.monotonic() + patience
    headers = {"Content-Type": "application/cloudevents+json"}
    for wait in _waits():
        answer = _post(http, event.body(), headers)
        if answer is not None and answer.status_code == httpx.codes.ACCEPTED:
            receipt = answer.json()
            return Receipt(receipt["event_id"], receipt["duplicate"], receipt["published"])
        if answer is not None and answer.status_code not in AGAIN:
            raise RefusedError(answer)
        pause = max(wait, _retry_after(answer))
        if time.monotonic() + pause > deadline:
            raise TimeoutError(f"{event.id} was not answered for {patience:g} s; publish it again later")
        time.sleep(pause)
    raise AssertionError("there is no last wait")


def client(base_url: str, token: str) -> httpx.Client:
    """A client that keeps its connections; use one for the whole process. The token needs the scope ``publish``."""
    return httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {token}"}, timeout=10)


def _post(http: httpx.Client, body: bytes, headers: dict[str, str]) -> httpx.Response | None:
    try:
        return http.post("/api/v1/events", content=body, headers=headers)
    except httpx.TransportError:
        return None


def _waits() -> Iterator[float]:
    """Twice as long each time, up to ten seconds, and never in step with other publishers."""
    wait = FIRST_WAIT
    while True:
        yield wait * random.uniform(0.5, 1)
        wait = min(2 * wait, LONGEST_WAIT)


def _retry_after(answer: httpx.Response | None) -> float:
    value = "" if answer is None else answer.headers.get("retry-after", "")
    return float(value) if value.isdecimal() else 0.0
