"""Which severities a subscriber is told of."""

import pytest

from domain.directory import Directory
from domain.errors import InvalidRequestError
from domain.matches import ResolveRequest
from domain.severities import check_severities
from service.subscriber_views import left_open, unknown
from tests.support.builders import make_event, make_subscriber

DECLARED = "im.incident.declared.v1"


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ([], ()),
        (["all"], ()),
        (["ALL"], ()),
        (["SEV-1"], ("SEV-1",)),
        ([" sev-2", "SEV-1 ", "Sev-2"], ("SEV-1", "SEV-2")),
        (["SEV-4", "SEV-3", "SEV-2"], ("SEV-2", "SEV-3", "SEV-4")),
        (["SEV-4", "SEV-3", "SEV-2", "SEV-1"], ()),
    ],
)
def test_a_choice_is_had_worst_first_and_all_is_none(given: list[str], chosen: tuple[str, ...]) -> None:
    assert check_severities(given) == chosen


@pytest.mark.parametrize("given", [["SEV-5"], ["SEV-1", ""], ["CRITICAL"], ["SEV-1", "all"], ["1"]])
def test_what_is_no_severity_is_refused_with_those_that_are(given: list[str]) -> None:
    with pytest.raises(InvalidRequestError, match="give some of SEV-1, SEV-2, SEV-3, SEV-4, or all alone"):
        check_severities(given)


def test_a_severity_that_was_misspelt_is_guessed_at() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        check_severities(["sev1"])
    assert refused.value.advice == "Did you mean SEV-1?"


@pytest.mark.parametrize(
    ("severities", "severity", "wanted"),
    [
        ((), "SEV-4", True),
        ((), None, True),
        (("SEV-1", "SEV-2"), "SEV-2", True),
        (("SEV-1", "SEV-2"), "SEV-3", False),
        (("SEV-1", "SEV-2"), None, True),
    ],
)
def test_who_chose_is_told_of_those_and_of_what_states_none(
    severities: tuple[str, ...], severity: str | None, *, wanted: bool
) -> None:
    known = make_subscriber(severities=severities)
    directory = Directory(subscribers={known.name: known})
    assert known.wants(DECLARED, severity) is wanted
    assert bool(directory.matching(DECLARED, severity)) is wanted
    assert bool(directory.matching(DECLARED, severity, [known.name])) is wanted
    assert not make_subscriber(severities=severities, enabled=False).wants(DECLARED, severity)


def test_what_an_older_worker_did_not_keep_and_what_stays_open_is_said() -> None:
    webhook, pager = make_subscriber(), make_subscriber(target="pagerduty", severities=("SEV-1",))
    assert "older version" in unknown(webhook, ("SEV-1",))[0]
    assert [unknown(pager, chosen) for chosen in (("SEV-1",), None)] == [[], []]
    assert (left_open(webhook), len(left_open(pager))) == ([], 1)


def test_who_wants_events_is_asked_with_their_severities_where_one_states_any() -> None:
    bare, grave = make_event(data=None), make_event(data={"severity": "SEV-1"})
    assert ResolveRequest.of([bare, grave], None).severities == [None, "SEV-1"]
    assert ResolveRequest.of([bare], None).severities is None
