"""Event type patterns: the guide's table, and a naive matcher as reference."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event_types import EMITTED_TYPES, KNOWN_TYPES
from domain.patterns import (
    MAX_PATTERN_LENGTH,
    MAX_PATTERNS,
    advise,
    check_patterns,
    closest,
    matches,
    matches_any,
    misread,
    misreadings,
    parse_patterns,
)
from domain.subscriber_errors import InvalidPatternError


@pytest.mark.parametrize(
    ("pattern", "event_type", "expected"),
    [
        # the guide's "Pattern Syntax"
        ("im.incident.*", "im.incident.declared", True),
        ("im.incident.*", "im.incident.declared.v1", False),
        ("im.**", "im.incident.declared.v1", True),
        ("im.**", "im.incident", True),
        ("im.**", "im.a.b.c.d.e.f", True),
        ("im.**", "other.incident", False),
        ("im.**", "other.im.incident", False),
        ("im.incident.declared.v1", "im.incident.declared.v1", True),
        ("im.incident.declared.v1", "im.incident.declared.v2", False),
        ("im.incident.declared.v1", "im.incident.declared.v1.x", False),
        ("im.incident.declared.v1", "im.incident.declared", False),
        # the guide's "Common Patterns"
        ("im.incident.**", "im.incident.resolved.v1", True),
        ("im.incident.declared.*", "im.incident.declared.v1", True),
        ("im.incident.resolved.*", "im.incident.declared.v1", False),
        # a whole segment, one or more of them, nothing else
        ("*", "im", True),
        ("*", "im.incident", False),
        ("**", "im", True),
        ("**", "im.incident.declared.v1", True),
        ("im.**", "im", False),
        ("im.*", "im", False),
        ("**.v1", "im.incident.declared.v1", True),
        ("**.v1", "v1", False),
        ("im.**.v1", "im.incident.declared.v1", True),
        ("im.**.v1", "im.v1", False),
        ("im.*.declared.*", "im.incident.declared.v1", True),
        ("**.incident.**", "im.incident.declared.v1", True),
        ("**.**", "im", False),
        ("**.**", "im.incident", True),
        ("*.**", "im.incident.x", True),
        ("IM.incident", "im.incident", False),
        ("im.incident", "imXincident", False),
        ("im.[a-z]", "im.a", False),
        ("im.?", "im.a", False),
        ("im.note_added", "im.note_added", True),
    ],
)
def test_a_pattern_matches_as_in_the_guide(pattern: str, event_type: str, expected: bool) -> None:
    assert matches(pattern, event_type) is expected


def _reference(pattern: list[str], event_type: list[str]) -> bool:
    """The definition, word for word, by trying everything."""
    if not pattern:
        return not event_type
    head, rest = pattern[0], pattern[1:]
    if head == "**":
        return any(_reference(rest, event_type[used:]) for used in range(1, len(event_type) + 1))
    return bool(event_type) and head in {"*", event_type[0]} and _reference(rest, event_type[1:])


@settings(max_examples=500)
@given(
    st.lists(st.sampled_from(["a", "b", "*", "**"]), min_size=1, max_size=7),
    st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=8),
)
def test_matching_agrees_with_the_definition(pattern: list[str], event_type: list[str]) -> None:
    assert matches(".".join(pattern), ".".join(event_type)) is _reference(pattern, event_type)


@pytest.mark.timeout(60)
def test_a_hostile_pattern_is_matched_in_linear_time() -> None:
    pattern = ".".join(["**", "a"] * 40 + ["b"])
    assert not matches(pattern, ".".join(["a"] * 2000))


def test_any_one_pattern_suffices() -> None:
    assert matches_any(("x.y", "im.**"), "im.a")
    assert not matches_any(("x.y", "im.*"), "im.a.b")
    assert not matches_any((), "im.a")


@pytest.mark.parametrize(
    ("text", "patterns"),
    [
        ("im.incident.**", ("im.incident.**",)),
        ("im.incident.declared.*,im.incident.resolved.*", ("im.incident.declared.*", "im.incident.resolved.*")),
        (" a.b , c.d ", ("a.b", "c.d")),
        ("a,b,a", ("a", "b")),
        ("**", ("**",)),
    ],
)
def test_a_list_is_stripped_and_has_no_repeats(text: str, patterns: tuple[str, ...]) -> None:
    assert parse_patterns(text) == patterns


@pytest.mark.parametrize(
    "text",
    ["", " ", ",", "a,", "a,,b", ".", "a.", ".a", "a..b", "im.inc*", "a.***", "a.*b", "a b", "a\tb", "a.\x00", "a\x1b"],
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(InvalidPatternError):
        parse_patterns(text)


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(InvalidPatternError):
        check_patterns([])


@pytest.mark.parametrize("size", [MAX_PATTERNS, MAX_PATTERNS + 1])
def test_the_number_of_patterns_is_limited(size: int) -> None:
    patterns = [f"a.{place}" for place in range(size)]
    if size <= MAX_PATTERNS:
        assert check_patterns(patterns) == tuple(patterns)
    else:
        with pytest.raises(InvalidPatternError):
            check_patterns(patterns)


def test_the_length_of_a_pattern_is_limited() -> None:
    check_patterns(["a" * MAX_PATTERN_LENGTH])
    with pytest.raises(InvalidPatternError) as caught:
        check_patterns(["a" * (MAX_PATTERN_LENGTH + 1)])
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("pattern", "suggested"),
    [
        ("im.incident.*", "im.incident.**"),
        ("im.incident.declared", "im.incident.declared.*"),
        ("im.incident", "im.incident.**"),
        ("im.incident.declard.v1", "im.incident.declared.v1"),
    ],
)
def test_a_pattern_that_matches_nothing_known_is_answered_with_a_suggestion(pattern: str, suggested: str) -> None:
    (advice,) = advise([pattern], list(KNOWN_TYPES))
    assert repr(pattern) in advice
    assert repr(suggested) in advice


@pytest.mark.parametrize("pattern", ["**", "im.**", "im.incident.declared.v1", "im.incident.*.v1"])
def test_a_pattern_that_matches_needs_no_advice(pattern: str) -> None:
    assert advise([pattern], list(KNOWN_TYPES)) == []


def test_a_pattern_for_own_events_is_warned_of_without_a_suggestion() -> None:
    (advice,) = advise(["shop.orders.placed"], list(KNOWN_TYPES))
    assert "did you mean" not in advice


@pytest.mark.parametrize(
    ("patterns", "event_type", "expected"),
    [
        (["im.incident.*"], "im.incident.declared.v1", ("im.incident.*", "it ends where the type goes on with 'v1'")),
        (
            ["com.**", "im.alarm.**"],
            "im.incident.declared.v1",
            ("im.alarm.**", "it has 'alarm' where the type has 'incident'"),
        ),
        (["com.x.*"], "com.x", ("com.x.*", "it wants '*' after the end of the type")),
        (["**.v2"], "im.incident.declared.v1", ("**.v2", "it wants 'v2' after the end of the type")),
        (
            ["a", "im.incident.declared.v2"],
            "im.incident.declared.v1",
            ("im.incident.declared.v2", "it has 'v2' where the type has 'v1'"),
        ),
    ],
)
def test_the_closest_pattern_says_where_it_parts_from_the_type(
    patterns: list[str], event_type: str, expected: tuple[str, str]
) -> None:
    assert not matches_any(patterns, event_type)
    assert closest(patterns, event_type) == expected


@pytest.mark.parametrize(
    ("pattern", "suggested"),
    [
        ("im.incident.*", "im.incident.**"),
        ("im.incident.nope", "im.incident.**"),
        ("im.alarm.zzzzzzzz.v1", "im.alarm.**"),
        ("im.incident.declard.v1", "im.incident.declared.v1"),
        ("im.nope.v1", None),
        ("incident.**", "im.incident.**"),
        ("subscriber.*.v1", "im.subscriber.*.v1"),
        ("im", "im.**"),
    ],
)
def test_a_pattern_for_a_type_that_is_in_none_of_our_families_is_warned_of(pattern: str, suggested: str | None) -> None:
    warning = misread(pattern, list(EMITTED_TYPES))
    assert warning
    assert ("did you mean" in warning) is bool(suggested)
    assert (suggested or "see the known ones") in warning


@pytest.mark.parametrize(
    "pattern",
    [None, "com.example.nope", "com.**", "shop.orders.*", "imx.incident", "im.**", "im.subscriber.test.v1", "**"],
)
def test_a_pattern_that_may_be_meant_is_not_warned_of(pattern: str | None) -> None:
    assert misread(pattern, list(EMITTED_TYPES)) is None
    assert misreadings([pattern] if pattern else [], list(EMITTED_TYPES)) == []
