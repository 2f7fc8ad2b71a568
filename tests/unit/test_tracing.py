"""Trace context of events, after W3C Trace Context 1 and CloudEvents' extension."""

import pytest

from domain.events import CloudEvent
from domain.headers import check_headers, delivery_headers, notification_headers
from domain.subscriber_errors import InvalidHeaderError
from domain.tracing import caller_context, trace_headers, traced
from tests.support.builders import make_event
from workflows.names import batch_workflow_id

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def plain(**extensions: str) -> CloudEvent:
    event = make_event(extensions=extensions)
    assert event.body  # computed, and so remembered, before any trace context comes to it
    return event


def test_the_context_of_the_request_becomes_an_extension_and_is_in_the_body() -> None:
    event = traced(plain(a="b"), caller_context([PARENT], ["x=1", "y=2"]))
    assert event.extensions == {"a": "b", "traceparent": PARENT, "tracestate": "x=1,y=2"}
    assert f'"traceparent":"{PARENT}"'.encode() in event.body


def test_what_the_event_says_itself_stands() -> None:
    assert traced(plain(traceparent=OTHER), caller_context([PARENT], ["x=1"])).extensions == {"traceparent": OTHER}


@pytest.mark.parametrize(
    "parents",
    [
        [],
        [PARENT, PARENT],
        [""],
        [PARENT.upper()],
        ["ff" + PARENT[2:]],
        ["00-" + "0" * 32 + PARENT[35:]],
        [PARENT[:36] + "0" * 16 + "-01"],
        [PARENT + "-more"],
        ["01" + PARENT[2:] + "-" + "z" * 300],
        [PARENT[:-1]],
        ["\u0660" * 55],
    ],
)
def test_anything_but_one_valid_parent_is_ignored(parents: list[str]) -> None:
    assert traced(plain(), caller_context(parents, ["x=1"])).extensions == {}


def test_a_later_version_may_have_more() -> None:
    later = "01" + PARENT[2:] + "-more"
    assert traced(plain(), caller_context([later], [])).extensions == {"traceparent": later}


@pytest.mark.parametrize("state", ["x" * 513, "x=\r\nEvil: 1", "\u20ac"])
def test_a_state_that_cannot_be_handed_on_is_left_out(state: str) -> None:
    assert traced(plain(), caller_context([PARENT], [state])).extensions == {"traceparent": PARENT}


def test_receivers_get_the_context_as_headers_in_every_format() -> None:
    event = plain(traceparent=PARENT, tracestate="x=1")
    wanted = {"traceparent": PARENT, "tracestate": "x=1"}
    assert trace_headers(event) == wanted
    for headers in (delivery_headers(event, ["s" * 32], 0), notification_headers(event, b"{}", [], 0)):
        assert wanted.items() <= headers.items()


def test_an_extension_that_is_no_context_is_kept_and_makes_no_header() -> None:
    event = plain(traceparent="mine\r\nEvil: 1")
    assert trace_headers(event) == {}
    assert b"mine" in event.body


def test_a_repeat_in_another_span_is_the_same_event_and_the_same_batch() -> None:
    first, again = (traced(plain(), caller_context([parent], [])) for parent in (PARENT, OTHER))
    assert first.digest == again.digest == plain().digest
    assert batch_workflow_id([first]) == batch_workflow_id([again]) == batch_workflow_id([plain()])
    assert first.body != again.body


@pytest.mark.parametrize("name", ["traceparent", "TraceState"])
def test_no_subscriber_adds_a_context_of_its_own(name: str) -> None:
    with pytest.raises(InvalidHeaderError):
        check_headers({name: "x"})
