"""CloudEvents 1.0: the model and its JSON form."""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict

SPEC_VERSION = "1.0"
STRUCTURED_CONTENT_TYPE = "application/cloudevents+json"

TRACE_ATTRIBUTES = ("traceparent", "tracestate")  # CloudEvents' extension "Distributed Tracing"; see `domain.tracing`

_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))  # made once, as `json.dumps` would each time

CONTEXT_ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema")


class CloudEvent(BaseModel):
    """One event. Build it with `domain.event_parsing` (checks everything) or, from trusted parts, directly.

    Attributes:
        id: with ``source``, the identity of the event; at most 512 bytes.
        source: a URI reference, such as ``/incidents/INC-7``.
        type: dotted name that subscribers' patterns match.
        time: RFC 3339, kept as the publisher wrote it.
        data: any JSON value; ``data_base64`` instead for other content.
        extensions: further attributes; strings, booleans or 32-bit integers.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    source: str
    type: str
    subject: str | None = None
    time: str | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    data: Any = None
    data_base64: str | None = None
    extensions: dict[str, str | bool | int] = {}

    @property
    def incident_id(self) -> str | None:
        """The incident that the event belongs to (extension ``imincidentid``)."""
        value = self.extensions.get("imincidentid")
        return str(value) if value is not None else None

    @property
    def ordering_key(self) -> str | None:
        """What the event is one of a series of, for those who are told of it in order: its incident, or its alarm.

        The alarm is the extension ``imalarmid``; alarms have ids of their own, so both share a name space.
        """
        alarm = self.extensions.get("imalarmid")
        return f"alarm/{alarm}" if alarm is not None else self.incident_id

    @property
    def severity(self) -> str | None:
        """The incident severity the data states (``SEV-1`` to ``SEV-4``, in any case), if it does."""
        value = self.data.get("severity") if isinstance(self.data, dict) else None
        if not isinstance(value, str) or not re.fullmatch(r"SEV-[1-4]", value, re.ASCII | re.IGNORECASE):
            return None
        return value.upper()

    def to_dict(self) -> dict[str, Any]:
        """The structured-mode JSON object, in the guide's order: context, data, extensions."""
        members: dict[str, Any] = {"specversion": SPEC_VERSION}
        for name in CONTEXT_ATTRIBUTES[1:]:
            if (value := getattr(self, name)) is not None:
                members[name] = value
        if self.data_base64 is not None:
            members["data_base64"] = self.data_base64
        elif self.data is not None:
            members["data"] = self.data
        return members | self.extensions

    def with_extensions(self, extensions: Mapping[str, str | bool | int]) -> "CloudEvent":
        """The same event with other extensions. A copy by pydantic would keep the body that is cached."""
        members = {name: getattr(self, name) for name in CloudEvent.model_fields}
        return CloudEvent.model_construct(**(members | {"extensions": dict(extensions)}))

    @cached_property
    def body(self) -> bytes:
        """The structured-mode JSON bytes: what is signed and what is sent."""
        return _COMPACT.encode(self.to_dict()).encode()

    @cached_property
    def content(self) -> bytes:
        """The body without its trace context: a publisher that repeats a request may be in another span by then."""
        if not self.extensions.keys() & set(TRACE_ATTRIBUTES):
            return self.body
        kept = {name: value for name, value in self.extensions.items() if name not in TRACE_ATTRIBUTES}
        return self.with_extensions(kept).body

    @cached_property
    def digest(self) -> str:
        """128 bits of SHA-256 of the content, in hexadecimal: tells a repeat from other content under the same id."""
        return hashlib.sha256(self.content).hexdigest()[:32]
