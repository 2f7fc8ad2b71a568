"""Which addresses may be dialled and which URLs may be registered."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.addresses import MAX_URL_LENGTH, AddressPolicy, check_url, is_loopback_host
from domain.errors import BlockedAddressError, InvalidUrlError

POLICY = AddressPolicy(own_ports=frozenset({7233, 8080}))
PRIVATE = AddressPolicy(allowed_networks=(ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")))


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1", "8.8.8.8", "93.184.216.34", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
        "128.0.0.1", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.1", "192.167.255.255", "198.17.0.1",
        "198.20.0.0", "223.255.255.255", "2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450::1",
        "::ffff:8.8.8.8", "2000::1", "3ffe:ffff::1", "2a00::5efe:8.8.8.8", "2a00::200:5efe:8.8.8.8",
        "2a00::400:5efe:10.0.0.1", "2a00::5eff:10.0.0.1", "2a00:0:0:5efe::a00:1",
    ],
)  # fmt: skip
def test_public_addresses_may_be_dialled(address: str) -> None:
    assert POLICY.allows(ipaddress.ip_address(address), 443, host="receiver.example")


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.8.8.8",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.1",
        "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
        "255.255.255.255",
        "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
        "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1",
        "2001:db8::1", "2002:7f00:1::1", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1",
        "fe80::1%eth0", "2606:4700::1111%eth0", "fec0::1", "ff02::1",
        "::ffff:0:10.0.0.1", "::ffff:0:8.8.8.8", "::1:0:0:1", "1::1", "200::1", "400::1", "1fff:ffff::1", "4000::1",
        "5fff::1", "6000::1", "8000::1", "a000::1", "c000::1", "e000::1", "f800::1", "fe00::1",
        "2a00::5efe:10.0.0.1", "2a00::200:5efe:10.0.0.1", "2a00::100:5efe:10.0.0.1", "2a00::300:5efe:10.0.0.1",
        "2a00:1450:4001:800:0:5efe:169.254.169.254", "2a00::200:5efe:127.0.0.1", "2a00::5efe:0.0.0.0",
        "::5efe:8.8.8.8", "fe80::5efe:8.8.8.8", "fe80::200:5efe:8.8.8.8",
    ],
)  # fmt: skip
def test_special_addresses_may_not_be_dialled(address: str) -> None:
    assert not POLICY.allows(ipaddress.ip_address(address), 443, host="receiver.example")


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_judged_as_the_one_within(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(f"::ffff:{address}")
    for policy in (POLICY, PRIVATE):
        assert policy.allows(mapped, 443, host="x.example") is policy.allows(address, 443, host="x.example")


@given(st.ip_addresses(v=4), st.sampled_from(["", "200:"]))
def test_a_tunnelled_address_is_judged_as_the_one_within(address: ipaddress.IPv4Address, universal: str) -> None:
    tunnelled = ipaddress.IPv6Address(f"2a00::{universal}5efe:{address}")
    for policy in (POLICY, PRIVATE):
        assert policy.allows(tunnelled, 443, host="x.example") is policy.allows(address, 443, host="x.example")


@given(st.ip_addresses(), st.integers(1, 65535))
def test_nothing_that_python_calls_private_may_be_dialled(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    judged = getattr(address, "ipv4_mapped", None) or address
    if judged.is_private or judged.is_multicast or judged.is_reserved or judged.is_loopback:
        assert not POLICY.allows(address, port, host="receiver.example")


@pytest.mark.parametrize(
    ("address", "host", "port", "allowed"),
    [
        ("127.0.0.1", "localhost", 9000, True),
        ("127.0.0.1", "LOCALHOST", 9000, True),
        ("127.0.0.1", "app.localhost", 9000, True),
        ("127.0.0.1", "127.0.0.1", 9000, True),
        ("127.9.9.9", "127.9.9.9", 9000, True),
        ("::1", "::1", 9000, True),
        ("::1", "localhost", 9000, True),
        ("127.0.0.1", "rebound.example", 9000, False),
        ("127.0.0.1", "localhost.example", 9000, False),
        ("127.0.0.1", "notlocalhost", 9000, False),
        ("::1", "rebound.example", 9000, False),
        ("127.0.0.1", "localhost", 7233, False),
        ("127.0.0.1", "127.0.0.1", 8080, False),
        ("::1", "::1", 7233, False),
        ("10.0.0.1", "localhost", 9000, False),
        ("8.8.8.8", "receiver.example", 7233, True),
    ],
)
def test_loopback_is_for_urls_that_say_so_and_never_for_own_ports(
    address: str, host: str, port: int, allowed: bool
) -> None:
    assert POLICY.allows(ipaddress.ip_address(address), port, host=host) is allowed


@pytest.mark.parametrize(
    ("address", "allowed"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("fd00::1", True), ("192.168.0.1", False), ("fe80::1", False),
     ("fd00::1%eth0", False), ("127.0.0.1", False), ("8.8.8.8", True), ("fd00::5efe:192.168.0.1", True),
     ("2a00::5efe:10.1.2.3", True), ("2a00::5efe:192.168.0.1", False), ("fe80::5efe:10.1.2.3", False)],
)  # fmt: skip
def test_a_deployment_may_allow_networks(address: str, allowed: bool) -> None:
    assert PRIVATE.allows(ipaddress.ip_address(address), 443, host="receiver.example") is allowed


def test_own_ports_are_refused_even_where_loopback_is_allowed() -> None:
    policy = AddressPolicy(allowed_networks=(ipaddress.ip_network("127.0.0.0/8"),), own_ports=frozenset({7233}))
    assert policy.allows(ipaddress.ip_address("127.0.0.1"), 9000, host="receiver.example")
    assert not policy.allows(ipaddress.ip_address("127.0.0.1"), 7233, host="receiver.example")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/webhook",
        "https://example.com",
        "https://example.com?token=x",
        "https://EXAMPLE.com/Path",
        "HTTPS://example.com/",
        "https://example.com:8443/",
        "https://example.com:443/a/b?c=d&e=%20",
        "https://a.b-c.d_e.example/",
        "https://xn--mnchen-3ya.de/",
        "https://1.1.1.1/",
        "https://[2606:4700:4700::1111]/",
        "https://[2606:4700:4700::1111]:8443/",
        "https://[::ffff:8.8.8.8]/",
        "https://3com.example/",
        "https://example.com/@user",
        "https://example.com/?u=a@b",
        "https://localhost:9000/",
        "http://localhost:9000/",
        "http://LOCALHOST/",
        "http://app.localhost:9000/hook",
        "http://127.0.0.1:9000/",
        "http://127.1.2.3/",
        "http://[::1]:9000/",
        "https://127.0.0.1/",
        "https://single-label/",
        "https://example.com/" + "a" * (MAX_URL_LENGTH - 20),
    ],
)
def test_a_usable_url_is_taken_as_it_is(url: str) -> None:
    assert check_url(url, POLICY) == url


@pytest.mark.parametrize(
    "url",
    [
        # not an absolute https URL
        "", "example.com", "//example.com/", "/path", "https:", "https://", "https:///path", "https:example.com",
        "https:/example.com", "https://:443/", "https://?x", "ftp://example.com/", "ws://example.com/", "file:///etc/passwd",
        "gopher://example.com/", "javascript:alert(1)", "data:text/plain,x", "mailto:a@example.com", "unix:///run/x.sock",
        # http beyond this machine
        "http://example.com/", "http://1.1.1.1/", "http://10.0.0.1/", "http://localhost.example/",
        "http://127.0.0.1.nip.io/", "http://[2606:4700::1111]/", "http://notlocalhost/",
        # user names, fragments
        "https://user@example.com/", "https://user:pass@example.com/", "https://@example.com/", "https://:@example.com/",
        "https://example.com@127.0.0.1/", "https://127.0.0.1@example.com/", "https://a@b@example.com/",
        "https://example.com/#fragment", "https://example.com/#", "https://example.com#@127.0.0.1/",
        # white space, controls, backslashes, non-ASCII
        " https://example.com/", "https://example.com/ ", "https://exa mple.com/", "https://example.com/a b",
        "https://example.com/\r\nX-Evil: 1", "https://example.com/\t", "https://exam\nple.com/", "https://example.com/\x00",
        "https://example.com/\x7f", "https://example.com\\@127.0.0.1/", "https:\\\\example.com/",
        "https://m\xfcnchen.de/", "https://example.com/\xe9", "https://\uff11\uff12\uff17.0.0.1/", "https://\u24d4xample.com/",
        "https://example\u3002com/",
        # ports
        "https://example.com:0/", "https://example.com:65536/", "https://example.com:-1/", "https://example.com:+443/",
        "https://example.com:abc/", "https://example.com:80:443/", "https://example.com:4 43/", "https://[::1]:0/",
        # odd spellings of addresses
        "https://2130706433/", "https://0177.0.0.1/", "https://0x7f.0.0.1/", "https://0x7f000001/", "https://127.1/",
        "https://0/", "https://0x/", "https://1.2.3/", "https://1.2.3.4.5/", "https://256.1.1.1/", "https://010.8.8.8/",
        "https://127.0.0.1./", "https://8.8.8.8./", "http://2130706433/", "http://0x7f.1/", "https://example.0x7f/",
        "https://example.123/", "http://localhost./", "https://example.com./", "https://example..com/", "https://.com/",
        "https://./", "https://-a.example/", "https://a-.example/", "https://" + "a" * 64 + ".example/",
        "https://127%2e0%2e0%2e1/", "https://exa%6dple.com/", "https://*.example.com/", "https://ex$ample.com/",
        "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[2606:4700::1111%25eth0]/",
        # broken brackets
        "https://[::1/", "https://::1/", "https://[127.0.0.1]/", "https://[]/", "https://[example.com]/",
        "https://[v1.example]/", "https://example.com[::1]/", "https://[::1]x/", "https://[::1][::1]/",
        # malformed Punycode, which no client can dial
        "https://xn--a/", "https://xn--/",
        "https://example.com/" + "a" * MAX_URL_LENGTH,
        "https://" + "a." * 127 + "example/",
    ],
)  # fmt: skip
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(InvalidUrlError):
        check_url(url, POLICY)


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data", "https://192.168.1.1:8443/", "https://0.0.0.0/",
        "https://172.16.0.1/", "https://100.64.0.1/", "https://224.0.0.1/", "https://255.255.255.255/",
        "https://[::]/", "https://[fe80::1]/", "https://[fd00:ec2::254]/", "https://[::ffff:10.0.0.1]/",
        "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[64:ff9b::7f00:1]/",
        "https://[64:ff9b::169.254.169.254]/", "https://[2002:7f00:1::]/", "https://[2001::1]/", "https://[::7f00:1]/",
        "https://[ff02::1]/", "https://[2001:db8::1]/", "http://127.0.0.1:7233/", "http://[::1]:8080/",
        "https://127.0.0.1:7233/",
    ],
)  # fmt: skip
def test_literal_addresses_that_may_not_be_dialled_are_refused(url: str) -> None:
    with pytest.raises(BlockedAddressError):
        check_url(url, POLICY)


@pytest.mark.parametrize("url", ["http://localhost:8080/hook", "http://127.0.0.1:7233/", "http://[::1]:29200/"])
def test_of_a_listener_of_ours_no_network_is_said_to_help(url: str) -> None:
    with pytest.raises(BlockedAddressError, match="im itself, or its Temporal, has port") as refused:
        check_url(url, POLICY)
    assert "have it listen on another one" in refused.value.advice
    with pytest.raises(BlockedAddressError, match="not a public address") as private:
        check_url("https://10.0.0.1/", POLICY)
    assert "IM_ALLOWED_NETWORKS" in private.value.advice


def test_an_own_port_is_refused_where_the_scheme_implies_it() -> None:
    with pytest.raises(BlockedAddressError):
        check_url("https://127.0.0.1/", AddressPolicy(own_ports=frozenset({443})))


def test_an_allowed_private_literal_may_be_registered() -> None:
    assert check_url("https://10.0.0.1/", PRIVATE)
    with pytest.raises(InvalidUrlError, match="http://"):
        check_url("http://10.0.0.1/", PRIVATE)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True), ("LocalHost", True), ("a.b.localhost", True), ("127.0.0.1", True),
        ("127.255.255.255", True),
        ("::1", True), ("[::1]", True), ("", False), ("localhost.example", False), ("xlocalhost", False),
        ("128.0.0.1", False), ("::", False), ("0.0.0.0", False), ("example.com", False),
    ],
)  # fmt: skip
def test_a_loopback_host_says_so(host: str, expected: bool) -> None:
    assert is_loopback_host(host) is expected


@given(st.text(max_size=40).map(lambda rest: f"https://{rest}"))
def test_a_checked_url_is_one_that_the_http_client_understands(url: str) -> None:
    import httpx

    try:
        check_url(url, POLICY)
    except (InvalidUrlError, BlockedAddressError):
        return
    assert httpx.URL(url).host


@pytest.mark.parametrize(
    ("url", "advised"),
    [("https://user:pw@example.com/", "im http-client add"), ("http://example.com/", "a reverse proxy with TLS")],
)
def test_a_refused_url_is_answered_with_what_to_do_about_it(url: str, advised: str) -> None:
    with pytest.raises(InvalidUrlError) as refused:
        check_url(url, PRIVATE)
    assert advised in refused.value.advice
    assert "pw" not in str(refused.value)
    assert InvalidUrlError(reason="of an older version").advice == InvalidUrlError.hint
