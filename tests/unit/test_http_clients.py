"""Named HTTP clients as values: drafts, exclusions, limits, warnings, and URLs in parts."""

from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest

from domain.addresses import AddressPolicy, check_proxy_url
from domain.directory import Directory, stored_size
from domain.errors import BlockedAddressError, InvalidRequestError, InvalidUrlError
from domain.health import Counters, view, with_certificate
from domain.http_client_changes import BasicDraft, HttpClientDraft, OAuth2Draft, apply_draft, new_client
from domain.http_client_errors import UnknownHttpClientError
from domain.http_client_limits import check_draft, gives_limits
from domain.http_clients import CertificateFacts, ClientCertificate, HttpClient, Part, Proxy
from domain.web_service import parts_of, settled_url
from tests.support.builders import NOW, make_subscriber

BASIC = BasicDraft(user="im", sealed_password="sealed")
OAUTH2 = OAuth2Draft(token_url="https://t.example", client_id="im", sealed_secret="sealed")


def _client(**parts: Any) -> HttpClient:
    return new_client(HttpClientDraft(name="c", **parts), NOW)


def _certified(left: timedelta) -> HttpClient:
    facts = CertificateFacts(subject="CN=im", issuer="CN=ca", not_after=NOW + left, sha256="0" * 64)
    return _client(certificate=ClientCertificate(chain="", sealed_key="sealed", facts=facts))


def test_a_new_client_begins_at_version_1() -> None:
    assert (_client().version, _client(basic=BASIC).version) == (1, 1)


def test_a_change_counts_and_nothing_changed_is_the_same_object() -> None:
    client = _client(basic=BASIC)
    assert apply_draft(client, HttpClientDraft(name="c", basic=BasicDraft(user="im")), NOW) is client
    changed = apply_draft(client, HttpClientDraft(name="c", basic=BasicDraft(user="other")), NOW + timedelta(hours=1))
    assert changed.basic is not None
    assert (changed.version, changed.basic.user, changed.basic.sealed_password) == (2, "other", "sealed")
    assert changed.updated_at > changed.created_at


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"basic": BasicDraft(user="im")}, "a user and a password: there is no password$"),
        ({"basic": BasicDraft(sealed_password="x")}, "a user and a password: there is no user$"),
        ({"oauth2": OAuth2Draft(client_id="im")}, "and a client secret: there is no token url and no secret$"),
        ({"basic": BASIC, "oauth2": OAUTH2}, "not both"),
        ({"connect_seconds": 0.05}, "connect time limit must be 0.1 to 10 s"),
        ({"total_seconds": 10.1}, "total time limit must be 0.1 to 10 s"),
    ],
)
def test_what_makes_no_client_is_refused(parts: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        _client(**parts)


def test_a_refusal_names_the_option() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        _client(total_seconds=30.0)
    assert refused.value.advice == "With im: --timeout; in the API: total_seconds."
    with pytest.raises(InvalidRequestError) as refused:
        apply_draft(_client(oauth2=OAUTH2), HttpClientDraft(name="c", oauth2=OAuth2Draft(token_url="https://b/")), NOW)
    assert "--oauth2-client-secret" in refused.value.advice


@pytest.mark.parametrize(
    ("known", "asked", "refused"),
    [
        (None, {"connect_seconds": 9.0, "total_seconds": 2.0}, True),
        (None, {"connect_seconds": 2.0, "total_seconds": 2.0}, False),
        (None, {"total_seconds": 2.0}, False),
        (None, {"connect_seconds": 10.0, "total_seconds": 2.0}, False),
        ({"connect_seconds": 3.0}, {"total_seconds": 2.0}, True),
        ({"total_seconds": 2.0}, {"connect_seconds": 3.0}, True),
        ({"connect_seconds": 9.0, "total_seconds": 2.0}, {"connect_seconds": 1.0}, False),
        ({"connect_seconds": 9.0, "total_seconds": 2.0}, {"connect_seconds": 10.0}, False),
    ],
)
def test_no_time_limit_to_connect_is_longer_than_that_of_the_request(
    known: dict[str, float] | None, asked: dict[str, float], refused: bool
) -> None:
    expected = pytest.raises(InvalidRequestError, match="longer than that of the whole") if refused else nullcontext()
    with expected:
        check_draft(HttpClientDraft(name="c", **asked), _client(**known) if known else None)


def test_a_stored_client_whose_limits_disagree_can_be_changed_otherwise() -> None:
    stored = _client(connect_seconds=9.0, total_seconds=2.0)
    draft = HttpClientDraft(name="c", basic=BASIC)
    assert not gives_limits(draft)
    assert apply_draft(stored, draft, NOW).basic is not None


def test_basic_gives_way_to_oauth2_in_one_change() -> None:
    draft = HttpClientDraft(name="c", oauth2=OAUTH2, drop=(Part.BASIC,))
    changed = apply_draft(_client(basic=BASIC), draft, NOW)
    assert (changed.basic, changed.oauth2 is not None) == (None, True)


@pytest.mark.parametrize("header", ["Authorization", "AUTHORIZATION", "authorization"])
def test_a_header_authorization_excludes_a_client_that_sets_it(header: str) -> None:
    subscriber = make_subscriber(header_names=(header,), http_client="c")
    Directory(http_clients={"c": _client()}).check_client_of(subscriber)
    for client in (_client(basic=BASIC), _client(oauth2=OAUTH2)):
        with pytest.raises(InvalidRequestError, match=header):
            Directory(http_clients={"c": client}).check_client_of(subscriber)


def test_an_unknown_client_is_refused() -> None:
    with pytest.raises(UnknownHttpClientError):
        Directory().check_client_of(make_subscriber(http_client="c"))


def test_users_are_told_by_name() -> None:
    made = [make_subscriber(name=name, http_client=client) for name, client in (("b", "c"), ("a", "c"), ("z", "d"))]
    directory = Directory(subscribers={each.name: each for each in made})
    assert [user.name for user in directory.users("c")] == ["a", "b"]


def test_a_clients_size_is_what_it_adds_to_the_directory() -> None:
    client = _client(oauth2=OAUTH2)
    grown = len(Directory(http_clients={"c": client}).model_dump_json()) - len(Directory().model_dump_json())
    assert 0 <= stored_size(client) - grown <= 1


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(days=31), None),
        (timedelta(days=30), "expires in 30 days, on 2026-01-25"),
        (timedelta(hours=5), "expires in 0 days, on 2025-12-26"),
        (timedelta(), "expired on 2025-12-26: replace it"),
        (timedelta(days=-3), "expired on 2025-12-23"),
    ],
)
def test_a_certificate_is_warned_of_from_30_days_on(left: timedelta, said: str | None) -> None:
    client = _certified(left)
    warnings = client.warnings(NOW)
    assert len(warnings) == (said is not None)
    assert (said or "") in "".join(warnings)
    row = with_certificate(view("ops", Counters(), 0, NOW), client, NOW)
    assert (row.warnings, row.certificate_expires_at) == (warnings, NOW + left)


@pytest.mark.parametrize("url", ["http://proxy.example:3128", "https://proxy.example:443/", "http://[2606:4700::1]:80"])
def test_a_proxy_is_scheme_host_and_port(url: str) -> None:
    assert check_proxy_url(url, AddressPolicy()) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    """
    proxy:3128 socks5://proxy.example:1080 http://proxy.example http://a:b@proxy.example:1 http://p:x http://p.example:0
    http://proxy.example:1/path http://proxy.example:1?q http://2130706433:80
    """.split(),
)
def test_anything_else_is_no_proxy(url: str) -> None:
    with pytest.raises(InvalidUrlError):
        check_proxy_url(url, AddressPolicy())


def test_a_private_proxy_needs_to_be_allowed() -> None:
    with pytest.raises(BlockedAddressError):
        check_proxy_url("http://10.0.0.1:3128", AddressPolicy())


@pytest.mark.parametrize(
    ("parts", "current", "url"),
    [
        (("example.com", None, None), None, "https://example.com/"),
        (("example.com", 443, "/postme"), None, "https://example.com/postme"),
        (("example.com", 8443, "postme?a=b"), None, "https://example.com:8443/postme?a=b"),
        (("::1", 8443, None), None, "https://[::1]:8443/"),
        ((None, 8443, None), "https://a.example/x?y=z", "https://a.example:8443/x?y=z"),
        ((None, None, "/new"), "https://a.example:8443/x", "https://a.example:8443/new"),
        (("b.example", None, None), "https://a.example:8443/x", "https://b.example:8443/x"),
    ],
)
def test_parts_make_a_url(parts: tuple[Any, Any, Any], current: str | None, url: str) -> None:
    made = settled_url(None, *parts, current)
    assert made == url
    assert parts_of(url).url == url


@pytest.mark.parametrize("host", ["", "a/b", "a?b", "u@a", "[::1]", "a#b"])
def test_a_hostname_is_a_host_alone(host: str) -> None:
    with pytest.raises(InvalidUrlError):
        settled_url(None, host, None, None)


def test_parts_and_a_whole_url_exclude_each_other() -> None:
    with pytest.raises(InvalidUrlError, match="whole"):
        settled_url("https://a.example", "a.example", None, None)
    with pytest.raises(InvalidUrlError, match="need a hostname"):
        settled_url(None, None, 443, None)
    assert settled_url("https://a.example", None, None, None) == "https://a.example"


def test_a_secret_is_given_again_for_another_place() -> None:
    client = _client(oauth2=OAUTH2, proxy=Proxy(url="http://p.example:1", sealed_credentials="sealed"))
    elsewhere = OAuth2Draft(token_url="https://u.example")
    with pytest.raises(InvalidRequestError, match="token URL changes"):
        apply_draft(client, HttpClientDraft(name="c", oauth2=elsewhere), NOW)
    with pytest.raises(InvalidRequestError, match="proxy has credentials"):
        apply_draft(client, HttpClientDraft(name="c", proxy=Proxy(url="http://q.example:1")), NOW)
    again = elsewhere.model_copy(update={"sealed_secret": "other"})
    moved = apply_draft(client, HttpClientDraft(name="c", oauth2=again), NOW)
    assert moved.oauth2 is not None
    assert (moved.oauth2.token_url, moved.oauth2.sealed_secret) == ("https://u.example", "other")
