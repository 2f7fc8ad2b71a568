"""What is suggested instead of a word that there is not: what is close, and what was not typed to its end."""

import pytest

from domain.event_types import EMITTED_TYPES
from domain.likeness import name_meant, nearest
from domain.patterns import meant_type, misread


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("remvoe", ["remove", "resume"], "remove"),
        ("my-webhok", ["other", "my-webhook"], "my-webhook"),
        ("OnCall", ["oncall"], "oncall"),
        ("create", ["rotate"], None),
        ("closed", ["cleared"], None),
        ("billing", ["building-alarms"], None),
        ("ops", ["oncall"], None),
        ("a", [], None),
        ("osp", ["ops", "oncall"], "ops"),
        ("pso", ["ops"], None),
        ("my-", ["my-webhook", "other"], "my-webhook"),
        ("Bill", ["billing"], "billing"),
        ("bill", ["billing", "bills-archive"], None),  # either may be meant
        ("my", ["my-webhook"], None),
    ],
)
def test_only_what_is_close_or_begun_is_suggested(word: str, known: list[str], meant: str | None) -> None:
    assert nearest(word, known) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("rate", "rate_limit"),
        ("limit_rate", "rate_limit"),
        ("severity", "severities"),
        ("max", None),  # of two
        ("rate-limit", "rate_limit"),
        ("RateLimit", "rate_limit"),
        ("url", None),
        ("rate_" * 13, None),
    ],
)
def test_a_name_of_several_words_is_suggested_by_its_words_too(typed: str, meant: str | None) -> None:
    assert name_meant(typed, ["severities", "rate_limit", "max_attempts", "max_concurrency"]) == meant


@pytest.mark.parametrize("typed", ["hey", "pay", "nay"])
def test_two_letters_are_no_beginning(typed: str) -> None:
    assert name_meant(typed, ["headers", "pause_after_seconds", "name"]) is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("im.incident.declard.v1", "im.incident.declared.v1"),
        ("im.incident.resovled.v1", "im.incident.resolved.v1"),
        ("im.incident.resolved.v2", "im.incident.resolved.v1"),
        ("incident.declared.v1", "im.incident.declared.v1"),
        ("im.incident.updated.v1", "im.incident.**"),
        ("im.incident.deleted.v1", "im.incident.**"),
        ("im.incident.created.v1", "im.incident.**"),
        ("im.subscriber.added.v1", "im.subscriber.**"),
        ("im.alarm.closed.v1", "im.alarm.**"),
        ("im.incdent.**", "im.incident.**"),
        ("incdent.*", "im.incident.**"),
        ("im.alrm.*.v1", "im.alarm.*.v1"),
        ("im.incident.ack.v1", "im.incident.acknowledged.v1"),
        ("incident.declared", "im.incident.declared.*"),
    ],
)
def test_another_type_is_suggested_for_a_typing_error_and_not_because_its_family_is_the_same(
    typed: str, meant: str
) -> None:
    warning = misread(typed, list(EMITTED_TYPES))
    assert warning
    assert warning.endswith(f"did you mean {meant!r}?")


@pytest.mark.parametrize(
    "typed", ["com.incident.declared.v1", "declared.v2", "v1", "shop.incidents.declared.v1", "imm.alarm.**"]
)
def test_a_type_of_ones_own_is_not_taken_for_one_of_ours(typed: str) -> None:
    assert misread(typed, list(EMITTED_TYPES)) is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("im.incident.declard.v1", "im.incident.declared.v1"),
        ("incident.declared", "im.incident.declared.v1"),
        ("im.incident.closed.v2", "im.incident.closed.v1"),
        ("im.incident", None),  # any of them may be meant
        ("im.heartbeat.missed.v1", None),  # another one of the same family is not
        ("com.example.deploy.v1", None),
        ("", None),
    ],
)
def test_one_type_is_suggested_where_one_alone_may_be_meant(typed: str, meant: str | None) -> None:
    assert meant_type(typed, list(EMITTED_TYPES)) == meant
