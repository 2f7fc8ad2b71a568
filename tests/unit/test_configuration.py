"""Documents of a configuration: what is none is refused, and differences never show a secret."""

from datetime import timedelta

import pytest
import trustme

from domain.configuration import as_members, differences, entry_digest, parse_configuration, read_entry
from domain.errors import InvalidRequestError
from domain.resealing import RENEWALS_KEPT, Renewals, Resealing, check_resealing, key_of, resealed, sealed_in
from domain.subscribers import SealedSecret, Subscriber
from service.sealed_values import of_client, of_subscriber
from tests.support.authorities import make_http_client
from tests.support.builders import NOW, make_subscriber, make_target


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "no configuration of im"),
        ('{"format": "im-configuration", "format": "im-configuration"}', "same key twice"),
        ('{"format": "other"}', "format"),
        ("{}", "no configuration of im: format"),
        ('{"format": "im-configuration"}', "format_version"),
        ('{"format": "im-configuration", "format_version": 2}', "format_version"),
        ('{"format": "im-configuration", "format_version": true}', "format_version: true is not a whole number"),
        ('{"format": "im-configuration", "format_version": "1"}', "format_version: a string is not a whole number"),
        ('{"format": "im-configuration", "format_version": 1, "subscriber": []}', "did you mean subscribers"),
        ('{"format": "im-configuration", "format_version": 1, "subscribers": [1]}', "subscribers.0"),
        ('{"format": "im-configuration", "format_version": 1, "subscribers": {}}', "subscribers: it is not a list"),
        ('{"format": "im-configuration", "format_version": 1, "omitted": {"subscriber a": []}}', "as it was exported"),
    ],
)
def test_what_is_no_configuration_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        parse_configuration(text.encode())


def test_an_entry_reads_as_it_was_written() -> None:
    subscriber = make_subscriber(secrets=["s3cret-s3cret-1"], headers={"X-A": "b"})
    members = as_members(subscriber)
    assert "version" not in members
    assert as_members(read_entry(Subscriber, members)) == members


def test_an_entry_with_an_unknown_member_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="'secret'"):
        read_entry(Subscriber, as_members(make_subscriber()) | {"secret": "x"})


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"max_attemptz": 3}, "'max_attemptz'$"),
        ({"severity": ["SEV-1"]}, r"'severity'; did you mean severities\?"),
        ({"versoin": 3}, "'versoin'$"),  # which is noted, and not taken from a document
        ({"schedule": {"name": "default", "max_attemptz": 3}}, r"'schedule\.max_attemptz'"),
        (
            {"secrets": [{"sealed": "sealed:v1:k1:AAAA", "expires": None}]},
            r"'secrets\.0\.expires'; did you mean expires_at\?",
        ),
    ],
)
def test_a_misspelt_member_is_refused_by_name_however_deep(part: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        read_entry(Subscriber, as_members(make_subscriber()) | part)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"enabled": "off"}, "enabled: a string is neither true nor false; write true or false without quotes"),
        ({"keep_order": 1}, "keep_order: a number is neither true nor false"),
        ({"max_concurrency": True}, "max_concurrency: true is not a whole number"),
        (
            {"schedule": {"name": "default", "max_attempts": "7"}},
            "schedule.max_attempts: a string is not a whole number; write one without quotes, such as 30",
        ),
    ],
)
def test_nothing_is_made_of_a_value_of_another_kind(part: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        read_entry(Subscriber, as_members(make_subscriber()) | part)
    assert str(refused.value) == said


@pytest.mark.parametrize("member", ["types", "severities", "header_names", "secrets"])
def test_a_text_in_the_place_of_a_list_is_refused_with_how_a_list_is_written(member: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        read_entry(Subscriber, as_members(make_subscriber()) | {member: "all"})
    assert str(refused.value) == f'{member}: it is not a list; write ["one", "another"], or ["one"]'


def test_the_digest_of_an_entry_is_of_what_it_says() -> None:
    members = as_members(make_subscriber())
    assert entry_digest(dict(reversed(members.items())) | {"seal": "x"}) == entry_digest(members)
    assert entry_digest(members | {"url": "https://other.example"}) != entry_digest(members)


def test_the_same_secret_sealed_anew_is_no_difference_and_another_one_is_not_shown() -> None:
    one, again, other = (make_subscriber(secrets=[secret]) for secret in ("same-secret", "same-secret", "new-secret"))
    marks = {
        one.secrets[0].sealed: "secret 1",
        again.secrets[0].sealed: "secret 1",
        other.secrets[0].sealed: "secret 2",
    }
    assert differences(one, again, marks) == []
    assert differences(one, other, marks) == ["secrets: (secret) -> (secret)"]
    assert differences(None, other, marks)[0] == 'name: none -> "my-webhook"'


def test_every_sealed_value_of_an_entry_is_known_with_its_purpose() -> None:
    overlap = SealedSecret(sealed="sealed:v1:k1:AAAA", expires_at=NOW + timedelta(days=1))
    subscriber = make_subscriber(secrets=["s3cret-s3cret-1", "s3cret-s3cret-2"], headers={"X-A": "b"})
    subscriber = subscriber.model_copy(update={"secrets": (*subscriber.secrets, overlap)})
    target = make_target("pagerduty://0123456789abcdef0123456789abcdef")
    client = make_http_client(
        "partner",
        certificate=trustme.CA().issue_cert(common_name="im"),
        password="a-password",
        token_url="https://login.example/token",
        proxy="http://proxy.example:3128",
        proxy_credentials="im:secret",
    )
    for entry, values in (
        (subscriber, of_subscriber(subscriber)),
        (target, of_subscriber(target)),
        (client, of_client(client)),
    ):
        assert sorted(value.sealed for value in values) == sorted(sealed_in(entry))
        assert sealed_in(entry)


def test_what_was_sealed_anew_is_known_without_the_former_values_and_not_for_ever() -> None:
    renewals = Renewals()
    for number in range(RENEWALS_KEPT + 1):
        renewals = renewals.followed_by({f"sealed:v1:k{number}:AAAA": f"sealed:v1:k{number + 1}:AAAA"})
    entries = [SealedSecret(sealed=f"sealed:v1:k{number}:AAAA") for number in range(RENEWALS_KEPT + 1)]
    latest = f"sealed:v1:k{RENEWALS_KEPT + 1}:AAAA"
    assert renewals.applied(entries[0]) is entries[0]
    assert {renewals.applied(entry).sealed for entry in entries[1:]} == {latest}
    assert set(sealed_in(renewals)) == {latest}
    assert not any(entry.sealed in renewals.model_dump_json() for entry in entries)


def test_of_a_value_that_was_replaced_or_taken_away_no_renewal_is_kept() -> None:
    renewals = Renewals().followed_by({"sealed:v1:a:AAAA": "sealed:v1:b:AAAA", "sealed:v1:a:CCCC": "sealed:v1:b:CCCC"})
    kept = renewals.of(SealedSecret(sealed="sealed:v1:b:AAAA"))
    assert kept.applied(SealedSecret(sealed="sealed:v1:a:AAAA")).sealed == "sealed:v1:b:AAAA"
    assert "CCCC" not in kept.model_dump_json()


def test_only_sealed_values_are_replaced_and_only_those_that_are_there() -> None:
    subscriber = make_subscriber(secrets=["s3cret-s3cret-1"])
    old = subscriber.secrets[0].sealed
    changed = resealed(subscriber, {old: "sealed:v1:k2:BBBB"})
    assert [key_of(sealed) for sealed in sealed_in(changed)] == ["k2"]
    assert changed.model_copy(update={"secrets": subscriber.secrets}) == subscriber
    assert resealed(subscriber, {"sealed:v1:k1:gone": "sealed:v1:k2:BBBB"}) is subscriber
    for values in ({"https://a.example": "sealed:v1:k2:BBBB"}, {old: "https://a.example"}):
        with pytest.raises(InvalidRequestError):
            check_resealing(Resealing(values=values))
